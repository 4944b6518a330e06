/* SPDX-License-Identifier: MIT */
#ifndef APUS_GUEST_SERVER_H
#define APUS_GUEST_SERVER_H

#include <systemd/sd-event.h>

#include "core/core.h"

/*
 * The guest protocol's socket: one connection is one guest or one LPAR. Runs on the thread that
 * owns the core. A client that sends nonsense, does not read or goes away loses its connection and
 * disturbs nobody.
 */
struct guest_server;

#define GUEST_CLIENTS_MAX 1024

struct guest_server_host {
    void *data;
    void (*log)(void *data, enum log_level level, const char *message);
    unsigned hello_ms; /* a connection that has not said HELLO by then is closed */
};

/*
 * Serves on fd, a Unix stream socket that listens and does not block; the server closes it in the
 * end, also on failure. -1: connections come through guest_server_add alone. -ENOMEM or what the
 * event loop says.
 */
int guest_server_new(sd_event *event, struct door *door, const struct guest_server_host *host,
                     int fd, struct guest_server **out);

/* Closes all connections without a word: guests live on and look for another daemon. Executes
 * nothing. NULL is allowed. */
void guest_server_free(struct guest_server *s);

/* Takes a connected socket as if it had come through the listening one. */
void guest_server_add(struct guest_server *s, int fd);

/* What a command did, to those whom it concerns. Never executes commands itself. */
void guest_server_effects(struct guest_server *s, const struct effects *effects);

#endif
