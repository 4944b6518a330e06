/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_CLIENT_H
#define APUS_CONTROL_CLIENT_H

#include <stdbool.h>

#include "control/command.h"
#include "control/line.h"
#include "socket/outbox.h"
#include "socket/peer.h"

/*
 * The input and output buffers of one connection. It never blocks, and its memory is bounded: while
 * the peer has more than CONTROL_HOLD unread bytes, its requests wait; when all clients together
 * have more than CONTROL_QUEUES_MAX unread bytes, the one with the most is disconnected.
 */
#define CONTROL_READ_MAX   65536u
#define CONTROL_HOLD       (1024u * 1024u)
#define CONTROL_QUEUES_MAX (32u * 1024u * 1024u)

struct control_client {
    struct peer socket;
    struct control_server *server;
    struct control_peer peer;
    struct line_buffer in;
    struct outbox out;
    bool late; /* the request is not answered yet; its id is late_id, or NULL */
    json_t *late_id;
    bool corked;  /* out is held back until control_ops.settle is done */
    bool pending; /* in may contain complete lines, left for the next round */
    bool ended;   /* the peer has shut down its sending side */
};

/* Whether to read from the peer: all its lines are answered, and it reads the answers. Behind a
 * request with a late answer some more are read, so that a descriptor in them, which may be the
 * peer's own end of the connection, does not keep it. */
static inline bool control_client_listens(const struct control_client *c)
{
    return !c->socket.dead && !c->ended && !c->corked && !c->pending &&
           (!c->late || line_buffer_waiting(&c->in) < CONTROL_READ_MAX) &&
           outbox_waiting(&c->out) <= CONTROL_HOLD;
}

/* Reads at most CONTROL_READ_MAX bytes, and keeps a descriptor passed along. */
void control_client_read(struct control_client *c);

/* Sends as much as possible without blocking, unless the client is corked. */
void control_client_flush(struct control_client *c);

/* Sets the events that the event loop waits for; a dead client is freed. */
void control_client_watch(struct control_client *c);

#endif
