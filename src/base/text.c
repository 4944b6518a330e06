/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static void (*on_exhaustion)(void);

void memory_on_exhaustion(void (*function)(void))
{
    on_exhaustion = function;
}

static void *checked(void *p)
{
    if (!p && on_exhaustion)
        on_exhaustion();
    if (!p)
        abort();
    return p;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
    return checked(strdup(s));
}

#define TEXT_SMALL 4096

static void reserve(struct text *t, size_t extra)
{
    size_t need = t->len + extra + 1;

    if (need <= t->capacity)
        return;
    t->capacity = need < 64 ? 64 : need * 2;
    t->data = xrealloc(t->data, t->capacity);
}

void text_shrink(struct text *t)
{
    if (t->capacity <= TEXT_SMALL || t->len >= t->capacity / 4)
        return;
    t->capacity = (t->len + 1) * 2;
    t->data = xrealloc(t->data, t->capacity);
}

void text_grow_and_add(struct text *t, const char *data, size_t len)
{
    reserve(t, len);
    if (len)
        memcpy(t->data + t->len, data, len);
    t->len += len;
    t->data[t->len] = '\0';
}

void text_add_private(struct text *t, const char *data, size_t len)
{
    struct text old = *t;

    if (t->len + len + 1 > t->capacity) {
        *t = (struct text){0};
        reserve(t, old.len + len);
        text_add(t, old.data, old.len);
        text_done_private(&old);
    }
    text_add(t, data, len);
}

void text_done_private(struct text *t)
{
    if (t->data)
        explicit_bzero(t->data, t->capacity);
    text_done(t);
}

void text_add_number(struct text *t, uint64_t value)
{
    char digits[20], *at = digits + sizeof digits;

    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    text_add(t, at, (size_t)(digits + sizeof digits - at));
}

#define USUALLY 128 /* bytes that a format takes at most, mostly */

void text_addv(struct text *t, const char *format, va_list args)
{
    va_list again;
    int n;

    reserve(t, USUALLY);
    va_copy(again, args);
    n = vsnprintf(t->data + t->len, USUALLY + 1, format, again);
    va_end(again);
    if (n < 0)
        abort();
    if (n > USUALLY) {
        reserve(t, (size_t)n);
        vsnprintf(t->data + t->len, (size_t)n + 1, format, args);
    }
    t->len += (size_t)n;
}

void text_addf(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_addv(t, format, args);
    va_end(args);
}

void text_add_quoted(struct text *t, const char *data, size_t len)
{
    size_t shown = len > 80 ? 80 : len;

    text_add(t, "\"", 1);
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)data[i];

        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            text_addf(t, "\\x%02x", c);
        else
            text_add(t, &data[i], 1);
    }
    text_adds(t, shown < len ? "\"..." : "\"");
}

static bool is_shown(uint32_t c)
{
    static const uint32_t hidden[][2] = {{0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},
                                         {0x61c, 0x61c},   {0x200b, 0x200f}, {0x2028, 0x202e},
                                         {0x2060, 0x206f}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},
                                         {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff}};

    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
        if (c >= hidden[i][0] && c <= hidden[i][1])
            return false;
    return true;
}

unsigned text_show_one(struct text *t, const char **at)
{
    uint32_t c;
    size_t n = text_utf8(*at, strnlen(*at, 4), &c);

    if (n && is_shown(c)) {
        text_add(t, *at, n);
        *at += n;
        return 1;
    }
    text_addf(t, "\\x%02x", (unsigned char)*(*at)++);
    return 4;
}

void text_add_line(struct text *t, const char *message)
{
    text_adds(t, ""); /* also of nothing there is a string */
    while (*message)
        text_show_one(t, &message);
}

void text_add_hex(struct text *t, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    reserve(t, 2 * len);
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = ((const uint8_t *)data)[i];

        t->data[t->len++] = digits[byte >> 4];
        t->data[t->len++] = digits[byte & 15];
    }
    t->data[t->len] = '\0';
}

int text_parse_hex(const char *text, uint8_t *out)
{
    for (; *text; text += 2) {
        int high = number_hex_lower(text[0]), low = number_hex_lower(text[1]);

        if (high < 0 || low < 0)
            return -EINVAL;
        *out++ = (uint8_t)(high << 4 | low);
    }
    return 0;
}

bool text_ends_with(const char *string, const char *end)
{
    size_t len = strlen(string), tail = strlen(end);

    return len >= tail && strcmp(string + len - tail, end) == 0;
}

void text_clear(struct text *t)
{
    t->len = 0;
    if (t->data)
        t->data[0] = '\0';
}

void text_done(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

size_t text_utf8(const char *s, size_t len, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *c = (const unsigned char *)s;
    size_t n = !len            ? 0
               : *c < 0x80     ? 1
               : *c >> 5 == 6  ? 2
               : *c >> 4 == 14 ? 3
               : *c >> 3 == 30 ? 4
                               : 0;

    if (!n || n > len)
        return 0;
    *out = n == 1 ? *c : *c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (c[i] >> 6 != 2)
            return 0;
        *out = *out << 6 | (c[i] & 0x3f);
    }
    return *out >= least[n] && *out <= 0x10ffff && !(*out >= 0xd800 && *out < 0xe000) ? n : 0;
}

bool text_is_printable(const char *s, size_t len)
{
    uint32_t c;

    for (size_t n; len; s += n, len -= n) {
        n = text_utf8(s, len, &c);
        if (!n || c < ' ' || (c >= 0x7f && c < 0xa0))
            return false;
    }
    return true;
}
