/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_SEARCH_ARENA_H
#define APUS_TESTS_SEARCH_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The memory of one core, which can be put back to an earlier state by copying: much faster than
 * doing its operations again. While it is in use, malloc and its relatives take memory from
 * it (the linker replaces them by the __wrap_ functions).
 *
 * Of the half megabyte only a few pages ever differ between two states. Only those are copied: a
 * page is read-only until the first write to it.
 */

/* Empties the arena. */
void arena_start(void);
/* Between these the arena is in use. */
void arena_enter(void);
void arena_leave(void);

/* What is in it now is the first state; only once. It is level 0. */
void arena_is_first(void);
/* What is in it now is the state of the level; and back to that. */
#define ARENA_LEVELS 64u
void arena_save(unsigned level);
void arena_load(unsigned level);

/*
 * Back to a level from the states after one step, which differ from it by some hundredths of what
 * is copied: only what such states are known to change is put back. Whether that was all says
 * arena_is_back, and learns what was missing; the state is not that of the level then.
 */
void arena_back(unsigned level);
bool arena_is_back(unsigned level);

#endif
