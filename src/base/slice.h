/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_SLICE_H
#define APUS_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>

struct text;

/* A part of a text, for parsers that take it apart. It is not NUL-terminated. */
struct slice {
    const char *at;
    size_t len;
};

#define SLICE_BLANKS " \t"

/* The rest from byte n, which must be within s. */
struct slice slice_from(struct slice s, size_t n);

/* Without leading and trailing blanks. */
struct slice slice_trim(struct slice s, const char *blanks);

/* Takes the next word, separated by SLICE_BLANKS, from *rest. Empty: there is none. */
struct slice slice_word(struct slice *rest);

/* Cuts s at the first separator. False: there is none; *before is s, and *after is empty. */
bool slice_cut(struct slice s, char separator, struct slice *before, struct slice *after);

/* Takes the next line, without its newline, from *rest. False: there is none. */
bool slice_line(struct slice *rest, struct slice *line);

/* Adds the lines to out, each with before in front of it and a newline. */
void slice_add_lines(struct slice lines, const char *before, struct text *out);

bool slice_is(struct slice s, const char *text);
bool slice_starts(struct slice s, const char *prefix);

/* Says in why what is wrong with s, which is quoted between before and after, unless it is empty.
 * why may be NULL. Returns rc. */
int slice_refuse(struct text *why, int rc, const char *before, struct slice s, const char *after);

#endif
