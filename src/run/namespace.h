/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_NAMESPACE_H
#define APUS_RUN_NAMESPACE_H

#include <stdbool.h>

/*
 * Moves this process, which has one thread, into a mount namespace of its own from which no mount
 * leaks out. Whoever may not do that gets a user namespace around it, in which the caller is root
 * (as `unshare -r` does). With network, into a network namespace with a loopback device, too.
 * 0, or a negative errno after a sentence on standard error.
 */
int namespace_enter(bool network);

/* Whether this is the computer's own user namespace: root is root. */
bool namespace_is_initial(void);

#endif
