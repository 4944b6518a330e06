/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_ACCEPTOR_H
#define APUS_SOCKET_ACCEPTOR_H

#include <systemd/sd-event.h>

/*
 * Takes connections from a listening socket. Where descriptors have run out, a spare one serves to
 * take a connection and turn it away; if even that is gone, new ones wait for a moment instead of
 * keeping the event loop busy.
 */
struct acceptor;

#define ACCEPTOR_PAUSE_MS 100

struct acceptor_user {
    void *data;
    /* Both take fd, which does not block and is closed on exec. */
    void (*connected)(void *data, int fd);
    void (*turned_away)(void *data, int fd);
};

/* Takes fd, a listening socket that does not block, also on failure. 0, or what the event loop
 * says. */
int acceptor_new(sd_event *event, int fd, const struct acceptor_user *user, struct acceptor **out);

/* NULL is allowed. */
void acceptor_free(struct acceptor *a);

#endif
