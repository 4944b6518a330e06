/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_LINE_H
#define APUS_CONTROL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/*
 * Splits the bytes of a connection into lines. A line may have CONTROL_LINE_MAX bytes without its
 * newline. A longer one is reported once, as soon as it is too long, and the rest is discarded, so
 * the buffer never holds more than one line and two reads.
 */
#define CONTROL_LINE_MAX 262144u

/* Initialize with zeros; free with line_buffer_done. */
struct line_buffer {
    struct text bytes;
    size_t start;    /* of the next line */
    size_t searched; /* there is no newline between start and here */
    bool discarding; /* inside a line that was too long */
};

enum line_result { LINE_NONE, LINE_COMPLETE, LINE_TOO_LONG };

/* Bytes of which no line was made yet. */
static inline size_t line_buffer_waiting(const struct line_buffer *b)
{
    return b->bytes.len - b->start;
}

void line_buffer_add(struct line_buffer *b, const char *data, size_t len);

/*
 * The next line, without its newline and a carriage return before that; valid until the next call
 * for the buffer. LINE_NONE: more bytes are needed.
 */
enum line_result line_buffer_next(struct line_buffer *b, const char **line, size_t *len);

void line_buffer_done(struct line_buffer *b);

#endif
