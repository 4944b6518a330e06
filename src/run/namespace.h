/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_NAMESPACE_H
#define APUS_RUN_NAMESPACE_H

#include <stdbool.h>

/*
 * Moves this process, which must have a single thread, into a private mount namespace. Without the
 * permission for that, it creates a user namespace first, in which the caller is root (like
 * `unshare -r`). With network, also moves it into a network namespace with a loopback device. 0, or
 * -errno after an error message.
 */
int namespace_enter(bool network);

/* Whether namespace_enter would succeed; says nothing. A child tries it. */
bool namespace_is_possible(void);

/* Whether this is the computer's own user namespace: root is root. */
bool namespace_is_initial(void);

#endif
