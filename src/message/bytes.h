/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_BYTES_H
#define APUS_MESSAGE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Byte ranges for the codecs. All integers in AP messages are big-endian. A span refers to bytes
 * that someone else owns, and is valid as long as they are.
 */
struct span {
    const uint8_t *data;
    size_t len;
};

static inline struct span span_of(const void *data, size_t len)
{
    return (struct span){(const uint8_t *)data, len};
}

/* The last len bytes; all of them if there are fewer. */
static inline struct span span_last(struct span s, size_t len)
{
    return s.len > len ? (struct span){s.data + (s.len - len), len} : s;
}

static inline bool span_equal(struct span s, const void *data, size_t len)
{
    return s.len == len && (len == 0 || memcmp(s.data, data, len) == 0);
}

static inline uint16_t be16_get(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
    return (uint32_t)be16_get(p) << 16 | be16_get(p + 2);
}

static inline uint64_t be64_get(const uint8_t *p)
{
    return (uint64_t)be32_get(p) << 32 | be32_get(p + 4);
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
    be16_put(p, (uint16_t)(v >> 16));
    be16_put(p + 2, (uint16_t)v);
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
    be32_put(p, (uint32_t)(v >> 32));
    be32_put(p + 4, (uint32_t)v);
}

/*
 * Reads a span from its start. Reading past the end sets short_input; from then on every read
 * returns zero or an empty span. So a parser can read all its fields and check once.
 */
struct reader {
    struct span left;
    bool short_input;
};

static inline struct reader reader_of(struct span s)
{
    return (struct reader){s, false};
}

struct span reader_span(struct reader *r, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);

/*
 * Appends to memory of fixed size that the caller owns. If something does not fit it is not written
 * and overflow stays set. So a formatter can write all its fields and check once.
 */
struct buffer {
    uint8_t *data;
    size_t len, room;
    bool overflow;
};

static inline struct buffer buffer_of(void *data, size_t room)
{
    return (struct buffer){(uint8_t *)data, 0, room, false};
}

static inline struct span buffer_span(const struct buffer *b)
{
    return (struct span){b->data, b->len};
}

/* Appends len zero bytes and returns them; NULL: they do not fit. */
uint8_t *buffer_extend(struct buffer *b, size_t len);

void buffer_add(struct buffer *b, const void *data, size_t len);
void buffer_add_span(struct buffer *b, struct span s);
void buffer_add_u8(struct buffer *b, uint8_t v);
void buffer_add_u16(struct buffer *b, uint16_t v);
void buffer_add_u32(struct buffer *b, uint32_t v);
void buffer_add_u64(struct buffer *b, uint64_t v);

/* The last size bytes of s, padded with zeros on the left: a number of fixed width. */
void buffer_add_number(struct buffer *b, struct span s, size_t size);

/* Overwrites a field that was written before (else no effect). */
void buffer_set_u16(struct buffer *b, size_t at, uint16_t v);
void buffer_set_u32(struct buffer *b, size_t at, uint32_t v);

/*
 * The last call of a formatter: 0, or -ENOSPC with the buffer truncated to start (the bytes after
 * start are undefined).
 */
int buffer_finish(struct buffer *b, size_t start);

#endif
