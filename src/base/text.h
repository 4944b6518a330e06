/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_TEXT_H
#define APUS_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A growing text buffer. All zero is an empty one; text_done frees it. data is NUL-terminated
 * unless it is NULL. Out of memory aborts: the daemon's state is bounded, so that is a broken
 * invariant and not an input error.
 */
struct text {
    char *data;
    size_t len, capacity;
};

void text_grow_and_add(struct text *t, const char *data, size_t len);

/* Here because most texts are made of many short ones. */
static inline void text_add(struct text *t, const char *data, size_t len)
{
    if (t->capacity - t->len <= len || !len) {
        text_grow_and_add(t, data, len);
        return;
    }
    memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = '\0';
}

static inline void text_adds(struct text *t, const char *string)
{
    text_add(t, string, strlen(string));
}

void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(struct text *t, const char *format, va_list args);

/* In decimal, many times faster than text_addf. */
void text_add_number(struct text *t, uint64_t value);

/*
 * Quotes untrusted bytes for a message: in double quotes, on one line, printable ASCII (anything
 * else, quotes and backslashes as \xNN), truncated to 80 bytes with dots.
 */
void text_add_quoted(struct text *t, const char *data, size_t len);

/*
 * A message on one line: control characters, what is not UTF-8 and what turns the direction of
 * writing become \xNN. Names of files, and what programs have said, have any bytes in them.
 * show_one: the character at *at alone, which is passed; returns how many characters are shown.
 */
void text_add_line(struct text *t, const char *message);
unsigned text_show_one(struct text *t, const char **at);

/* Formats and parses two lower-case hexadecimal digits per byte. -EINVAL: anything else. out has
 * room for all bytes. */
void text_add_hex(struct text *t, const void *data, size_t len);
int text_parse_hex(const char *text, uint8_t *out);

/* For secrets: memory that the buffer outgrows is wiped, too. */
void text_add_private(struct text *t, const char *data, size_t len);
void text_done_private(struct text *t);

/* Gives memory back, if most of it is unused. */
void text_shrink(struct text *t);

/* Empties the buffer and keeps its memory. */
void text_clear(struct text *t);
void text_done(struct text *t);

/* The length of the UTF-8 character at s, which has len bytes, and the character; 0: it is none. */
size_t text_utf8(const char *s, size_t len, uint32_t *out);
/* UTF-8 without control characters. */
bool text_is_printable(const char *s, size_t len);

/* Whether a string ends with another one; each ends with "". */
bool text_ends_with(const char *string, const char *end);

#define text_auto         __attribute__((cleanup(text_done))) struct text
#define text_private_auto __attribute__((cleanup(text_done_private))) struct text

/*
 * Allocation that ends the program instead of failing: by the function that memory_on_exhaustion
 * was given, which must not return and cannot allocate, or else by abort(3).
 */
void memory_on_exhaustion(void (*function)(void));
#define NEVER_NULL __attribute__((returns_nonnull))
void *xmalloc(size_t size) NEVER_NULL;
void *xcalloc(size_t count, size_t size) NEVER_NULL;
void *xrealloc(void *p, size_t size) NEVER_NULL;
char *xstrdup(const char *s) NEVER_NULL;

#endif
