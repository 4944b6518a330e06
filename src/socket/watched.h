/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_WATCHED_H
#define APUS_SOCKET_WATCHED_H

/*
 * A descriptor for another process whose giver learns when its last copy is closed: by close(2),
 * exec, exit or SIGKILL. theirs is a listening socket, on which read(2) fails with EINVAL; ours is
 * a connection to it that nobody accepts. When theirs is closed the kernel resets it: EPOLLHUP.
 * Both close on exec. 0 or -errno.
 */
int watched_pair(int *ours, int *theirs);

#endif
