/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_STATE_LINE_H
#define APUS_STORE_STATE_LINE_H

#include "core/saved.h"

/*
 * An object of core/saved.h as a line:
 *
 *   KIND [TREE] [ID] FIELD=VALUE ...     mdev 3 uuid=9d4c... adapters=5,6 domains=4 ...
 *   KIND [TREE] [ID]                     mdev 3            it has gone
 *
 * The words before the fields are the object's key: of two lines with the same key the later
 * counts. All fields of saved_rows are there, in that order. Blanks, %, and what is not printable
 * ASCII are %XX.
 */

/* Appends the line with its newline. */
void state_line_format(const struct core *core, const struct change *of, struct text *out);

/* The length of the key of a line of len bytes, and whether there are fields behind it. */
size_t state_line_key(const char *line, size_t len, bool *has_fields);

/* A key as state_line_key finds it. 0, or -EINVAL with a clause in why. */
int state_key_parse(const char *key, size_t len, struct change *out, struct text *why);

/* The fields of an object. 0, to be followed by saved_done, or -EINVAL with a clause in why;
 * strict. */
int state_fields_parse(const struct change *of, const char *fields, size_t len, struct saved *out,
                       struct text *why);

#endif
