/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_COUNTS_H
#define APUS_STORE_COUNTS_H

#include "core/query.h"
#include "store/state.h"

/*
 * What queues and guests have counted, in a file of the state directory beside the state: they
 * change with each request, so they are written when they are shown, and at the end.
 *
 *   apus-counts 1
 *   queue REQUESTS REPLIES ERRORS LOST RESETS ZEROIZED CODES 05.0004
 *   guest REQUESTS REPLIES ERRORS LOST RESETS ZEROIZED CODES Guest1
 *   end
 *
 * CODES is a list such as 03:7,42:1, or "-".
 */
void counts_format(const struct core *core, struct text *out);

/* Adds what the text says to a core. -EINVAL with a sentence: it is damaged, and nothing was added.
 * A guest that is not there any more is left out. */
int counts_restore(struct core *core, const char *data, size_t len, struct text *why);

/* Replaces the file counts of the directory. 0 or -errno. */
int counts_write(const struct state *s, const struct core *core);

/* Reads it; no file is no failure. A sentence in why: it was not read. */
void counts_read(const struct state *s, struct core *core, struct text *why);

#endif
