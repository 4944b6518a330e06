/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_CONNECTION_H
#define APUS_SOCKET_CONNECTION_H

#include <sys/types.h>

#include "socket/closer.h"

/*
 * Connected Unix stream sockets whose peer may send descriptors (SCM_RIGHTS), even unwanted ones.
 * Those go to the closer, since the kernel would close them on this thread.
 */

/*
 * A non-blocking recv(2) of up to len bytes. The last descriptor received replaces *passed (-1: no
 * descriptor yet); NULL: none is wanted. A stream socket is never wanted: kept, the peer's own end
 * would hold the connection after the peer has gone. Returns what recv(2) returns.
 */
ssize_t socket_receive(int fd, void *bytes, size_t len, int *passed, struct closer *closer);

/* Ends the connection and closes fd, along with unread descriptors from its peer. */
void socket_hang_up(int fd, struct closer *closer);

#endif
