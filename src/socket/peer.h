/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_PEER_H
#define APUS_SOCKET_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "socket/closer.h"

/*
 * The connections of a server on the event loop. A connection is lost while effects are handed out,
 * or in the middle of a command; then it is only marked dead, and freed by the event loop, where
 * the server may execute the commands that follow from its end.
 */
struct peers;

/* The first member of the server's own structure, which free(3) frees. */
struct peer {
    struct peers *all;
    struct peer *next;
    sd_event_source *source;
    int fd;
    bool dead; /* set it, then call peer_watch */
};

struct peer_ops {
    void (*ready)(struct peer *p, uint32_t events); /* epoll(7) events of fd */
    /* The connection is freed: from the event loop after it died, or with all others, when no
     * command must be executed (last). Closing fd and freeing p is left to the caller. */
    void (*gone)(struct peer *p, bool last);
};

struct peers {
    const struct peer_ops *ops;
    struct peer *first;
    unsigned count;
    sd_event *event;
    sd_event_source *reaper;
    struct closer *closer;
};

/* 0, or an error of the event loop; to be followed by peers_done in any case. */
int peers_init(struct peers *all, sd_event *event, const struct peer_ops *ops);
void peers_done(struct peers *all);

/* Takes over fd, a connected socket, and p. An error of the event loop closes fd and frees p,
 * without `gone`. */
int peer_add(struct peers *all, struct peer *p, int fd);

/* What the event loop is to wait for. A dead peer is freed instead. */
void peer_watch(struct peer *p, uint32_t events);

#endif
