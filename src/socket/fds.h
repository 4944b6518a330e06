/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_FDS_H
#define APUS_SOCKET_FDS_H

#include <sys/types.h>

/* Passing descriptors through Unix sockets (SCM_RIGHTS). */

/* The kernel's limit for one message (SCM_MAX_FD). */
#define FDS_MAX 253

struct fds {
    unsigned count;
    int v[FDS_MAX];
};

/* sendmsg(2) of the bytes without SIGPIPE, with a descriptor unless fd is negative. */
ssize_t fds_send(int socket, const void *bytes, size_t len, int fd);

/* recvmsg(2) of up to len bytes. The caller owns the received descriptors, which are close-on-exec.
 * A failure returns none. */
ssize_t fds_receive(int socket, void *bytes, size_t len, int flags, struct fds *out);

/* Receives a message of one byte with one descriptor and returns the descriptor. -EPROTO: it had
 * none or several; or the -errno of recvmsg(2). */
int fds_receive_one(int socket, int flags);

#endif
