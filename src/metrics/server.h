/* SPDX-License-Identifier: MIT */
#ifndef APUS_METRICS_SERVER_H
#define APUS_METRICS_SERVER_H

#include <systemd/sd-event.h>

#include "core/core.h"

/*
 * The metrics over HTTP, on the thread that owns the core. At most METRICS_CLIENTS connections are
 * served at once, each for one request and METRICS_SECONDS.
 */
struct metrics_server;

#define METRICS_CLIENTS 16u
#define METRICS_SECONDS 30u

struct metrics_ops {
    void *data;
    /* Called before the last line of a page leaves: what was shown must not be forgotten. NULL:
     * nothing outlives the daemon. */
    void (*shown)(void *data);
};

/*
 * Serves on fd, a listening socket that does not block, which the server takes, also on failure.
 * ops stays the caller's. Before the process is confined. 0, or -errno with a sentence; -ELIBACC:
 * the library cannot be loaded.
 */
int metrics_server_new(sd_event *event, const struct door *door, const struct metrics_ops *ops,
                       int fd, struct metrics_server **out, struct text *why);

/* NULL is allowed. */
void metrics_server_free(struct metrics_server *s);

#endif
