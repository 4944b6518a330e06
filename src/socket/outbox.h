/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_OUTBOX_H
#define APUS_SOCKET_OUTBOX_H

#include <stddef.h>

#include "base/text.h"

/* Bytes on their way to the peer of a socket, which may read slowly or not at all. */
struct outbox {
    struct text text; /* append to it */
    size_t sent;      /* bytes of text that the peer has got */
};

static inline size_t outbox_waiting(const struct outbox *o)
{
    return o->text.len - o->sent;
}

/* Sends what the socket takes without blocking. 0, or -errno if the connection is lost. The memory
 * follows what waits, up and down. */
int outbox_flush(struct outbox *o, int fd);

void outbox_done(struct outbox *o);

#endif
