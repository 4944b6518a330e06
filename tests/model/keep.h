/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_KEEP_H
#define APUS_TESTS_KEEP_H

#include "base/text.h"
#include "play.h"

/* The state file that a daemon would have written during a play, in memory. */

/* After each command: what it changed is added. */
void keep_follow(struct play *p);

/* The file has the state that the core has. */
bool keep_check(struct play *p);

/* A core made of the file is like the one that goes on. */
bool keep_restore(struct play *p);

/* The same of the core's machine file. */
bool keep_export(struct play *p);

/* A copy of the core has its state. */
bool keep_copy(struct play *p);

#endif
