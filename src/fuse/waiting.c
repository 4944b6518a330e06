/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "fuse/internal.h"

static struct waiting_list *bucket_of(struct fuse_hub *hub, uint64_t token)
{
    return &hub->waiting[token % WAITING_BUCKETS];
}

static void cancel(const struct waiting *w)
{
    struct door *door = w->mount->hub->door;
    struct command cmd = {.kind = CMD_CANCEL, .token = w->token};
    struct reply reply = {0};

    door->execute(door, &cmd, &reply);
    reply_done(&reply);
}

/* libfuse calls this with the request locked: it can be answered, but no callback can be set. */
static void on_interrupt(fuse_req_t req, void *data)
{
    struct waiting *w = data;

    LIST_REMOVE(w, link);
    cancel(w);
    w->complete(w, -EINTR, NULL, 0);
}

void waiting_add(struct waiting *w)
{
    LIST_INSERT_HEAD(bucket_of(w->mount->hub, w->token), w, link);
    fuse_req_interrupt_func(w->req, on_interrupt, w);
}

void waiting_reply(struct fuse_hub *hub, uint64_t token, int result, const char *text, size_t len)
{
    struct waiting *w;

    LIST_FOREACH (w, bucket_of(hub, token), link)
        if (w->token == token) {
            /* No callback from here on: the notifier may free the request during an interrupt. */
            fuse_req_interrupt_func(w->req, NULL, NULL);
            LIST_REMOVE(w, link);
            w->complete(w, result, text, len);
            return;
        }
}

void waiting_abandon(struct fuse_mount *m)
{
    for (unsigned i = 0; i < WAITING_BUCKETS; i++) {
        struct waiting *w = LIST_FIRST(&m->hub->waiting[i]);

        while (w) {
            struct waiting *next = LIST_NEXT(w, link);

            if (w->mount == m) {
                fuse_req_interrupt_func(w->req, NULL, NULL);
                LIST_REMOVE(w, link);
                cancel(w);
                w->complete(w, -ENODEV, NULL, 0);
                /* The cancellation may have completed others. */
                next = LIST_FIRST(&m->hub->waiting[i]);
            }
            w = next;
        }
    }
}
