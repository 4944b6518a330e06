/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_CLOSER_H
#define APUS_SOCKET_CLOSER_H

/*
 * Closes descriptors received from clients, which may be anything: close(2) may block on the
 * network or on another file system. So it is done on threads, and no function here blocks.
 */
struct closer;

struct closer *closer_new(void);

/* Descriptors still queued are closed later, or when the process ends. NULL is allowed. */
void closer_free(struct closer *c);

/* Takes over fd. */
void closer_close(struct closer *c, int fd);

#endif
