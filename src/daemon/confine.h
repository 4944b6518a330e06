/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_CONFINE_H
#define APUS_DAEMON_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "daemon/daemon.h"

/*
 * What a daemon that has started gives up, so that whoever takes it over by a fault in it gets
 * little: capabilities, new privileges, system calls. And what keeps its keys: nobody without the
 * capability SYS_PTRACE reads its memory, it leaves no core dump, and keys are not swapped out.
 */

/* Before any secret is read: no core dump, and no look from outside. */
void confine_begin(void);

/* After the start; no thread but the notifier and the recorder runs yet. What the system does not
 * let us give up is told in doubts, a line each. */
void confine(const struct daemon_options *options, struct text *doubts);

/*
 * Zeroed memory for keys: not in core dumps, wiped in child processes, and locked if RLIMIT_MEMLOCK
 * allows it, else *locked becomes false. NULL: no memory.
 */
void *confine_keys_new(size_t size, bool *locked);
/* Wipes it. NULL is allowed. */
void confine_keys_free(void *keys, size_t size);

#endif
