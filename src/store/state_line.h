/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_STATE_LINE_H
#define APUS_STORE_STATE_LINE_H

#include "core/saved.h"
#include "store/record.h"

/*
 * An object of core/saved.h as a line:
 *
 *   KIND [TREE] [ID] {"field":value,...}       mdev 3 {"uuid":"...","adapters":"5,6",...}
 *   KIND [TREE] [ID]                           mdev 3            it has gone
 *
 * The words before the fields are the object's key: of two lines with the same key the later
 * counts.
 */

/* Appends the line with its newline. */
void state_line_format(const struct core *core, const struct change *of, struct text *out);

/* The length of the key of a line of len bytes, and whether there are fields behind it. */
size_t state_line_key(const char *line, size_t len, bool *has_fields);

/* A key as state_line_key finds it. 0, or -EINVAL with a clause in why. */
int state_key_parse(const char *key, size_t len, struct change *out, struct text *why);

/*
 * The fields of an object, len bytes of JSON. 0, or -EINVAL with a clause in why; strict. What *out
 * points to is the entry's, to be freed with record_entry_done.
 */
int state_fields_parse(const struct change *of, const char *json, size_t len, struct saved *out,
                       struct record_entry *entry, struct text *why);

#endif
