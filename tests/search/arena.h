/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_SEARCH_ARENA_H
#define APUS_TESTS_SEARCH_ARENA_H

#include <stddef.h>

/*
 * The memory of one core, which can be put back to an earlier state by copying: much faster than
 * doing a hundred operations again. While it is in use, malloc and its relatives take memory from
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

/* What is in it now is the first state; only once. */
void arena_is_first(void);
/* Back to the first state. */
void arena_first(void);
/* What is in it now is the state to return to; and back to that. */
void arena_save(void);
void arena_load(void);

#endif
