/* SPDX-License-Identifier: MIT */
#include "control/line.h"

#include <string.h>

static void compact(struct line_buffer *b)
{
    if (!b->start)
        return;
    memmove(b->bytes.data, b->bytes.data + b->start, b->bytes.len - b->start);
    b->bytes.len -= b->start;
    b->searched -= b->start;
    b->start = 0;
}

void line_buffer_add(struct line_buffer *b, const char *data, size_t len)
{
    if (b->discarding) {
        const char *end = memchr(data, '\n', len);
        size_t skip = end ? (size_t)(end - data) + 1 : len;

        b->discarding = !end;
        data += skip;
        len -= skip;
    }
    compact(b);
    text_add(&b->bytes, data, len);
}

static enum line_result no_newline(struct line_buffer *b)
{
    b->searched = b->bytes.len;
    if (b->bytes.len - b->start <= CONTROL_LINE_MAX)
        return LINE_NONE;
    b->discarding = true;
    b->bytes.len = b->start = b->searched = 0;
    return LINE_TOO_LONG;
}

enum line_result line_buffer_next(struct line_buffer *b, const char **line, size_t *len)
{
    char *from, *end = NULL;
    size_t n;

    if (b->bytes.len > b->searched)
        end = memchr(b->bytes.data + b->searched, '\n', b->bytes.len - b->searched);
    if (!end)
        return no_newline(b);
    from = b->bytes.data + b->start;
    n = (size_t)(end - from);
    b->start = b->searched = (size_t)(end - b->bytes.data) + 1;
    if (n > CONTROL_LINE_MAX)
        return LINE_TOO_LONG;
    if (n && from[n - 1] == '\r')
        n--;
    *line = from;
    *len = n;
    return LINE_COMPLETE;
}

void line_buffer_done(struct line_buffer *b)
{
    text_done(&b->bytes);
    *b = (struct line_buffer){0};
}
