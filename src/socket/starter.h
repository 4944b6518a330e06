/* SPDX-License-Identifier: MIT */
#ifndef APUS_SOCKET_STARTER_H
#define APUS_SOCKET_STARTER_H

/*
 * What the process that starts a daemon says to it, over a SOCK_SEQPACKET pair (--starter-fd), when
 * it has laid out /dev: one byte, which the daemon sends back when all device nodes are there. When
 * the other end is closed, and it did not say that it leaves, the daemon ends.
 */
enum {
    STARTER_STAYS = 's',
    STARTER_LEAVES = 'l', /* the daemon lets go of standard input, output and error */
};

#endif
