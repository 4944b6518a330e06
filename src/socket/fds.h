/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_FDS_H
#define APUS_SOCKET_FDS_H

#include <sys/types.h>

/* Descriptors that pass through Unix sockets (SCM_RIGHTS). */

/* The kernel passes no more with one message (SCM_MAX_FD). */
#define FDS_MAX 253

struct fds {
    unsigned count;
    int v[FDS_MAX];
};

/* sendmsg(2) of the bytes, with a descriptor unless fd is negative; without SIGPIPE. */
ssize_t fds_send(int socket, const void *bytes, size_t len, int fd);

/* recvmsg(2) of up to len bytes. The descriptors that came along are the caller's, closed on exec;
 * none if it fails. */
ssize_t fds_receive(int socket, void *bytes, size_t len, int flags, struct fds *out);

/* Receives a message of one byte that brings one descriptor, and returns that. -EPROTO: it brought
 * none, or several; or the -errno of recvmsg(2). */
int fds_receive_one(int socket, int flags);

#endif
