/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_CLIENT_H
#define APUS_CONTROL_CLIENT_H

#include <stdbool.h>

#include "control/command.h"
#include "control/line.h"
#include "socket/outbox.h"
#include "socket/peer.h"

/*
 * The bytes of one connection: what has come in and what is to go out. It never blocks and never
 * holds more than it must: while more than CONTROL_HOLD bytes wait to be read by the peer, its
 * requests wait. When more than CONTROL_QUEUES_MAX bytes wait for all clients together, the one for
 * which most of them wait is cut off.
 */
#define CONTROL_HOLD       (1024u * 1024u)
#define CONTROL_QUEUES_MAX (32u * 1024u * 1024u)

struct control_client {
    struct peer socket;
    struct control_server *server;
    struct control_peer peer;
    struct line_buffer in;
    struct outbox out;
    bool corked;  /* what is in out waits until the world has settled */
    bool pending; /* in may hold whole lines: others had to get their turn first */
    bool ended;   /* the peer will send no more */
};

/* Whether the peer may send: all its lines are answered and it reads the answers. */
static inline bool control_client_listens(const struct control_client *c)
{
    return !c->socket.dead && !c->ended && !c->corked && !c->pending &&
           outbox_waiting(&c->out) <= CONTROL_HOLD;
}

/* Reads what is there, at most 64 KiB, and keeps a descriptor that came along. */
void control_client_read(struct control_client *c);

/* Writes what the peer takes, unless the client is corked. */
void control_client_flush(struct control_client *c);

/* Sets the events that the event loop waits for; a dead client is freed. */
void control_client_watch(struct control_client *c);

#endif
