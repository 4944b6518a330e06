/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_SERVER_H
#define APUS_GUEST_SERVER_H

#include <systemd/sd-event.h>

#include "core/core.h"

/*
 * The socket of the guest protocol: each connection is a guest or the LPAR. Runs on the thread that
 * owns the core. A client that violates the protocol, does not read, or disconnects loses its
 * connection; other clients are not affected.
 */
struct guest_server;

#define GUEST_CLIENTS_MAX 1024

/* What the server needs from the daemon. */
struct guest_server_ops {
    void *data;
    /* What has been executed is kept, if it is kept at all, when this returns. */
    void (*sync)(void *data);
    void (*log)(void *data, enum log_level level, const char *message);
    unsigned hello_ms; /* a connection that has not sent HELLO by then is closed */
};

/*
 * Serves on fd, a listening, non-blocking Unix stream socket; -1: connections come from
 * guest_server_add only. The server owns fd, even on failure. Returns 0, -ENOMEM, or an error of
 * the event loop.
 */
int guest_server_new(sd_event *event, struct door *door, const struct guest_server_ops *ops, int fd,
                     struct guest_server **out);

/* Closes all connections without REFUSE, so that clients reconnect to the next daemon. Executes no
 * commands. NULL is allowed. */
void guest_server_free(struct guest_server *s);

/* Takes over fd, a connected socket, as if it had been accepted from the listening one. */
void guest_server_add(struct guest_server *s, int fd);

/* Notifies the clients that the effects of a command concern. Executes no commands. */
void guest_server_effects(struct guest_server *s, const struct effects *effects);

#endif
