/* SPDX-License-Identifier: MIT */
#include "message/bytes.h"

#include <errno.h>

struct span reader_span(struct reader *r, size_t len)
{
    struct span s = {r->left.data, len};

    if (len > r->left.len) {
        r->short_input = true;
        r->left = (struct span){0};
        return (struct span){0};
    }
    if (len) {
        r->left.data += len;
        r->left.len -= len;
    }
    return s;
}

uint8_t reader_u8(struct reader *r)
{
    struct span s = reader_span(r, 1);

    return s.len ? s.data[0] : 0;
}

uint16_t reader_u16(struct reader *r)
{
    struct span s = reader_span(r, 2);

    return s.len ? be16_get(s.data) : 0;
}

uint8_t *buffer_extend(struct buffer *b, size_t len)
{
    uint8_t *p;

    if (b->overflow || len > b->room - b->len) {
        b->overflow = true;
        return NULL;
    }
    p = b->data + b->len;
    if (len)
        memset(p, 0, len);
    b->len += len;
    return p;
}

void buffer_add(struct buffer *b, const void *data, size_t len)
{
    if (b->overflow || len > b->room - b->len) {
        b->overflow = true;
        return;
    }
    if (len)
        memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buffer_add_span(struct buffer *b, struct span s)
{
    buffer_add(b, s.data, s.len);
}

void buffer_add_u8(struct buffer *b, uint8_t v)
{
    buffer_add(b, &v, 1);
}

void buffer_add_u16(struct buffer *b, uint16_t v)
{
    uint8_t bytes[2];

    be16_put(bytes, v);
    buffer_add(b, bytes, sizeof(bytes));
}

void buffer_add_u32(struct buffer *b, uint32_t v)
{
    uint8_t bytes[4];

    be32_put(bytes, v);
    buffer_add(b, bytes, sizeof(bytes));
}

void buffer_add_u64(struct buffer *b, uint64_t v)
{
    uint8_t bytes[8];

    be64_put(bytes, v);
    buffer_add(b, bytes, sizeof(bytes));
}

void buffer_add_number(struct buffer *b, struct span s, size_t size)
{
    s = span_last(s, size);
    buffer_extend(b, size - s.len);
    buffer_add_span(b, s);
}

void buffer_set_u16(struct buffer *b, size_t at, uint16_t v)
{
    if (!b->overflow && at + 2 <= b->len)
        be16_put(b->data + at, v);
}

void buffer_set_u32(struct buffer *b, size_t at, uint32_t v)
{
    if (!b->overflow && at + 4 <= b->len)
        be32_put(b->data + at, v);
}

int buffer_finish(struct buffer *b, size_t start)
{
    if (!b->overflow)
        return 0;
    b->overflow = false;
    b->len = start;
    return -ENOSPC;
}
