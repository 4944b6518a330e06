/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_CLOSER_H
#define APUS_SOCKET_CLOSER_H

/*
 * Closes descriptors of which nobody knows what they are, because a client has sent them: close(2)
 * may wait for a peer on the network or for another file system. Nothing here waits.
 */
struct closer;

struct closer *closer_new(void);

/* What cannot be closed yet is closed later, or by the end of the process. NULL is allowed. */
void closer_free(struct closer *c);

/* Takes fd. */
void closer_close(struct closer *c, int fd);

#endif
