/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_CONNECTION_H
#define APUS_SOCKET_CONNECTION_H

#include <sys/types.h>

#include "socket/closer.h"

/*
 * Connected Unix stream sockets whose peer may send descriptors (SCM_RIGHTS), also where nobody
 * asked for any. Whatever is not wanted goes to the closer, since the kernel would close it on this
 * thread.
 */

/*
 * recv(2) of up to len bytes without waiting. With `passed`, the last descriptor that came along
 * replaces what is there (-1: nothing yet); NULL: none is wanted. Returns what recv returns.
 */
ssize_t socket_receive(int fd, void *bytes, size_t len, int *passed, struct closer *closer);

/* Ends the connection and closes fd, with whatever its peer has sent that was never read. */
void socket_hang_up(int fd, struct closer *closer);

#endif
