/* SPDX-License-Identifier: MIT */
#include "base/mask256.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

void mask256_to_bytes(const struct mask256 *m, uint8_t out[MASK256_BYTES])
{
    for (int i = 0; i < MASK256_BYTES; i++)
        out[i] = (uint8_t)(m->w[i / 8] >> (56 - i % 8 * 8));
}

struct mask256 mask256_from_bytes(const uint8_t in[MASK256_BYTES])
{
    struct mask256 m = {0};

    for (int i = 0; i < MASK256_BYTES; i++)
        m.w[i / 8] |= (uint64_t)in[i] << (56 - i % 8 * 8);
    return m;
}

void mask256_format(const struct mask256 *m, char out[MASK256_TEXT])
{
    static const char digits[] = "0123456789abcdef";

    out[0] = '0';
    out[1] = 'x';
    for (int i = 0; i < 64; i++)
        out[2 + i] = digits[m->w[i / 16] >> (60 - i % 16 * 4) & 15];
    out[66] = '\0';
}

int mask256_show(const struct mask256 *m, struct text *out)
{
    char text[MASK256_TEXT];

    mask256_format(m, text);
    text_addf(out, "%s\n", text);
    return 0;
}

struct cursor {
    const char *at, *end;
};

static char peek(const struct cursor *c)
{
    return c->at < c->end ? *c->at : '\0';
}

/*
 * A bit number in C notation, 0..255. In the kernel a number wraps around at 2^64; here any number
 * above 255 is an error.
 */
static int bit_parse(struct cursor *c, unsigned *out)
{
    unsigned base = 10, value = 0, digits = 0;

    if (peek(c) == '0') {
        base = 8;
        if (c->at + 1 < c->end && (c->at[1] | 0x20) == 'x') {
            base = 16;
            c->at += 2;
        }
    }
    for (int d; (d = number_hex_digit(peek(c))) >= 0 && (unsigned)d < base; c->at++, digits++)
        value = value > 255 ? value : value * base + (unsigned)d;
    if (!digits || value > 255)
        return -EINVAL;
    *out = value;
    return 0;
}

static int relative_parse(struct cursor c, struct mask256 *m)
{
    while (c.at < c.end) {
        char sign = *c.at++;
        unsigned first, last;

        if (sign != '+' && sign != '-')
            return -EINVAL;
        if (bit_parse(&c, &first) < 0)
            return -EINVAL;
        last = first;
        if (peek(&c) == '-') {
            c.at++;
            if (bit_parse(&c, &last) < 0 || last < first)
                return -EINVAL;
        }
        for (unsigned bit = first; bit <= last; bit++)
            mask256_assign(m, bit, sign == '+');
        while (peek(&c) == ',' || peek(&c) == '\n')
            c.at++;
    }
    return 0;
}

static int absolute_parse(struct cursor c, struct mask256 *m)
{
    unsigned digits = 0;

    if (c.end - c.at >= 2 && c.at[0] == '0' && c.at[1] == 'x')
        c.at += 2;
    else if (peek(&c) == 'x')
        c.at++;
    for (int d; (d = number_hex_digit(peek(&c))) >= 0; c.at++, digits++) {
        if (digits == 64)
            return -EINVAL;
        m->w[digits / 16] |= (uint64_t)d << (60 - digits % 16 * 4);
    }
    if (peek(&c) == '\n')
        c.at++;
    return c.at == c.end ? 0 : -EINVAL;
}

int mask256_parse_absolute(const char *text, size_t len, struct mask256 *out)
{
    struct mask256 m = {0};
    int rc = absolute_parse((struct cursor){text, text + len}, &m);

    if (rc == 0)
        *out = m;
    return rc;
}

int mask256_parse(const char *text, size_t len, struct mask256 *inout)
{
    struct mask256 m = *inout;
    int rc;

    if (len == 0 || (text[0] != '+' && text[0] != '-'))
        return mask256_parse_absolute(text, len, inout);
    rc = relative_parse((struct cursor){text, text + len}, &m);
    if (rc == 0)
        *inout = m;
    return rc;
}

int mask256_parse_parameter(const char *text, struct mask256 *out)
{
    *out = (struct mask256){0};
    return mask256_parse(text, strlen(text), out);
}
