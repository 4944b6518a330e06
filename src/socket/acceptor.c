/* SPDX-License-Identifier: MIT */
#include "socket/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

struct acceptor {
    struct acceptor_user user;
    sd_event *event;
    sd_event_source *listening, *pause;
    int fd, spare;
};

static int spare_open(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int take(const struct acceptor *a)
{
    return accept4(a->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *data)
{
    struct acceptor *a = data;

    return sd_event_source_set_enabled(a->listening, SD_EVENT_ON);
}

/* Otherwise the socket would report the connection that cannot be accepted again and again. */
static int pause_accepting(struct acceptor *a)
{
    int rc = sd_event_source_set_enabled(a->listening, SD_EVENT_OFF);

    if (rc >= 0)
        rc = sd_event_source_set_time_relative(a->pause, ACCEPTOR_PAUSE_MS * UINT64_C(1000));
    return rc < 0 ? rc : sd_event_source_set_enabled(a->pause, SD_EVENT_ONESHOT);
}

/* There is no descriptor for the one in front. False: none for turning it away, either. */
static bool turn_away(struct acceptor *a)
{
    int fd = -1;

    if (a->spare >= 0) {
        close(a->spare);
        a->spare = -1;
        fd = take(a);
        if (fd >= 0)
            a->user.turned_away(a->user.data, fd);
    }
    a->spare = spare_open();
    return fd >= 0 && a->spare >= 0;
}

static int on_connection(sd_event_source *source, int listening, uint32_t events, void *data)
{
    struct acceptor *a = data;

    /* Whoever was turned away may have held on to the number of the spare one for a while. */
    if (a->spare < 0)
        a->spare = spare_open();
    for (unsigned i = 0; i < ACCEPTOR_BATCH; i++) {
        int fd = take(a);

        if (fd >= 0)
            a->user.connected(a->user.data, fd);
        else if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            break;
        else if (!turn_away(a))
            return pause_accepting(a);
    }
    return 0;
}

int acceptor_new(sd_event *event, int fd, const struct acceptor_user *user, struct acceptor **out)
{
    struct acceptor *a = xcalloc(1, sizeof *a);
    int rc;

    a->user = *user;
    a->event = sd_event_ref(event);
    a->fd = fd;
    a->spare = spare_open();
    rc = sd_event_add_io(event, &a->listening, fd, EPOLLIN, on_connection, a);
    /* Created now, since a timer needs a descriptor. */
    if (rc >= 0)
        rc = sd_event_add_time(event, &a->pause, CLOCK_MONOTONIC, 0, 1000, on_pause_over, a);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(a->pause, SD_EVENT_OFF);
    if (rc < 0) {
        acceptor_free(a);
        return rc;
    }
    *out = a;
    return 0;
}

void acceptor_free(struct acceptor *a)
{
    if (!a)
        return;
    sd_event_source_disable_unref(a->listening);
    sd_event_source_disable_unref(a->pause);
    sd_event_unref(a->event);
    close(a->fd);
    if (a->spare >= 0)
        close(a->spare);
    free(a);
}
