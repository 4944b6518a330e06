/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_TRANSFER_H
#define APUS_IOCTL_TRANSFER_H

#include <stdatomic.h>

#include "ioctl/copier.h"

/*
 * Copying between the daemon and a caller that waits in an ioctl, on one of the copier's threads
 * because it may take forever. Embedded in the owner's object, which must live until done.
 *
 *   start --> waiting for a thread --> work, on a thread --> done, on the event loop
 *                    |                      |
 *                   stop: true             stop: false; done is still called, with abandoned set
 */
struct transfer {
    /* Set by the owner: the caller, and the descriptor for its guard (ioctl/caller.h), which must
     * be open until work has ended or stop has returned. */
    pid_t thread;
    uid_t uid;
    bool trusted; /* may hold up the event loop if no thread can be had */
    int line;
    /* Called on a thread. line is a duplicate of the owner's. 0 or -errno. */
    int (*work)(struct transfer *t, int line);
    /* Called on the event loop. */
    void (*done)(struct transfer *t, int result);

    /* Private to the transfer. */
    struct copy copy;
    bool busy;             /* between start and done */
    atomic_bool abandoned; /* stop was called too late */
    int copy_line, result;
};

/* False: it has ended already, done was called. */
bool transfer_start(struct copier *c, struct transfer *t);

/* Must be called only while busy. True: work has not begun and never will; done is not called.
 * False: the owner must wait for done. */
bool transfer_stop(struct copier *c, struct transfer *t);

#endif
