/* SPDX-License-Identifier: MIT */
#ifndef APUS_IOCTL_TRANSFER_H
#define APUS_IOCTL_TRANSFER_H

#include <stdatomic.h>

#include "ioctl/copier.h"

/*
 * Copying between the daemon and a caller that waits in an ioctl, on one of the copier's threads
 * because it may take for ever. Embedded in the owner's object, which must live until done.
 *
 *   start --> waiting for a thread --> work, on a thread --> done, on the event loop
 *                    |                      |
 *                   stop: true             stop: false; done is still called, with abandoned set
 */
struct transfer {
    /* The owner's: who the caller is, and the descriptor that its guard looks at
     * (ioctl/caller.h), open until work has ended or stop has returned. */
    pid_t thread;
    uid_t uid;
    bool trusted; /* may hold up the event loop if no thread can be had */
    int line;
    /* On a thread. line is a duplicate of the owner's. 0 or -errno. */
    int (*work)(struct transfer *t, int line);
    /* On the event loop. */
    void (*done)(struct transfer *t, int result);

    /* The transfer's. */
    struct copy copy;
    bool busy;             /* between start and done */
    atomic_bool abandoned; /* stop was called too late */
    int copy_line, result;
};

/* False: it has ended already, done was called. */
bool transfer_start(struct copier *c, struct transfer *t);

/* True: work has not begun and never will; done is not called. False: the owner has to wait for
 * done. Only while busy. */
bool transfer_stop(struct copier *c, struct transfer *t);

#endif
