/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_LEND_H
#define APUS_RUN_LEND_H

#include <stdbool.h>

/*
 * The other side of ioctl/lender.h: this process opens the memory of its descendants for the
 * daemon, which is none of their ancestors. Those whose parents die become its children.
 */

/* Whether the daemon needs that here. */
bool lend_is_needed(void);
/* The socket for the daemon, with the listener in it; *own is the other end. Or -errno. */
int lend_begin(int listener, int *own);
/* Answers a question of the daemon, if there is one. False: there will be none any more. */
bool lend_answer(int own);

#endif
