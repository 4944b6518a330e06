/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_ACCEPTOR_H
#define APUS_SOCKET_ACCEPTOR_H

#include <systemd/sd-event.h>

/*
 * Accepts connections from a listening socket. When the process is out of descriptors, a spare one
 * is used to accept a connection and turn it away. If even that is lost, accepting pauses for a
 * moment, so that the event loop does not spin.
 */
struct acceptor;

#define ACCEPTOR_PAUSE_MS 100

/* Connections accepted before others on the event loop get their turn. With one at a time, whoever
 * connects to a busy server would wait a turn of all its clients for each one in front. */
#define ACCEPTOR_BATCH 512

struct acceptor_user {
    void *data;
    /* Both take over fd, which is non-blocking and close-on-exec. */
    void (*connected)(void *data, int fd);
    void (*turned_away)(void *data, int fd);
};

/* Takes over fd, a listening, non-blocking socket, even on failure. 0, or an error of the event
 * loop. */
int acceptor_new(sd_event *event, int fd, const struct acceptor_user *user, struct acceptor **out);

/* NULL is allowed. */
void acceptor_free(struct acceptor *a);

#endif
