/* SPDX-License-Identifier: MIT */
#include "socket/peer.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "socket/connection.h"

static void peer_free(struct peer *p)
{
    sd_event_source_disable_unref(p->source);
    socket_hang_up(p->fd, p->all->closer);
    free(p);
}

/* `gone` may execute commands by which other connections die, so each turn starts at the front. */
static int reap(sd_event_source *source, void *data)
{
    struct peers *all = data;
    struct peer **at = &all->first;

    while (*at) {
        struct peer *p = *at;

        if (!p->dead) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        all->count--;
        all->ops->gone(p, false);
        peer_free(p);
        at = &all->first;
    }
    return 0;
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct peer *p = data;

    if (!p->dead)
        p->all->ops->ready(p, events);
    return 0;
}

int peers_init(struct peers *all, sd_event *event, const struct peer_ops *ops)
{
    int rc;

    *all = (struct peers){.ops = ops, .event = sd_event_ref(event), .closer = closer_new()};
    rc = sd_event_add_defer(event, &all->reaper, reap, all);
    return rc < 0 ? rc : sd_event_source_set_enabled(all->reaper, SD_EVENT_OFF);
}

void peers_done(struct peers *all)
{
    while (all->first) {
        struct peer *p = all->first;

        all->first = p->next;
        all->ops->gone(p, true);
        peer_free(p);
    }
    sd_event_source_disable_unref(all->reaper);
    sd_event_unref(all->event);
    closer_free(all->closer);
}

int peer_add(struct peers *all, struct peer *p, int fd)
{
    int rc;

    p->all = all;
    p->fd = fd;
    rc = sd_event_add_io(all->event, &p->source, fd, EPOLLIN, on_ready, p);
    if (rc < 0) {
        peer_free(p);
        return rc;
    }
    p->next = all->first;
    all->first = p;
    all->count++;
    return 0;
}

void peer_watch(struct peer *p, uint32_t events)
{
    if (p->dead) {
        sd_event_source_set_enabled(p->source, SD_EVENT_OFF);
        sd_event_source_set_enabled(p->all->reaper, SD_EVENT_ONESHOT);
    } else if (sd_event_source_set_io_events(p->source, events) < 0) {
        abort();
    }
}
