/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_EVENT_NUMBERS_H
#define APUS_STORE_EVENT_NUMBERS_H

#include "store/state.h"

/*
 * Which number the next event has, in the file events of a state directory: one line,
 *
 *   apus-events 1 NUMBER
 *
 * A daemon that ends well writes it. One that is killed does not, so at its start each writes a
 * number beyond all that it will use: a client that goes on from a number of the time before then
 * learns that it may have missed something.
 */
#define EVENT_NUMBERS_STEP UINT64_C(1000000000)

/* 1 if there is no such file; with a sentence in why also if it cannot be read. */
uint64_t event_numbers_read(const struct state *s, struct text *why);

/* Replaces the file. 0 or -errno. */
int event_numbers_write(const struct state *s, uint64_t next);

/* What is to be written at the start of a daemon whose first event has that number. */
uint64_t event_numbers_beyond(uint64_t first);

#endif
