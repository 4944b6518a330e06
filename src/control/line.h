/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_LINE_H
#define APUS_CONTROL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/*
 * Cuts the bytes of a connection into lines. A line may have CONTROL_LINE_MAX bytes without its
 * newline. A longer one is reported once, as soon as it is too long, and its rest is dropped
 * without being kept, so a peer never makes us hold more than one line and one read.
 */
#define CONTROL_LINE_MAX 65536u

/* All zero is empty; line_buffer_done frees it. */
struct line_buffer {
    struct text bytes;
    size_t start;    /* of the line that comes next */
    size_t searched; /* no newline before this offset */
    bool discarding; /* inside a line that was too long */
};

enum line_result { LINE_NONE, LINE_COMPLETE, LINE_TOO_LONG };

void line_buffer_add(struct line_buffer *b, const char *data, size_t len);

/*
 * The next line, without its newline and an optional carriage return before it; valid until the
 * next call on the buffer. LINE_NONE: more bytes are needed.
 */
enum line_result line_buffer_next(struct line_buffer *b, const char **line, size_t *len);

void line_buffer_done(struct line_buffer *b);

#endif
