/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

int number_hex_lower(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int number_hex_digit(char c)
{
    return number_hex_lower(c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c);
}

static bool is_digit(char c, unsigned base)
{
    int d = number_hex_digit(c);

    return d >= 0 && (unsigned)d < base;
}

static int digits_parse(const char *at, const char *end, unsigned base, uint64_t *out)
{
    uint64_t value = 0;
    bool overflow = false;

    if (end > at && end[-1] == '\n')
        end--;
    if (base == 0 && end - at >= 1 && at[0] == '0') {
        /* As in C: "0x" must be followed by a hex digit, and "0" alone is an octal zero. */
        base = 8;
        if (end - at >= 3 && (at[1] | 0x20) == 'x' && is_digit(at[2], 16)) {
            base = 16;
            at += 2;
        }
    } else if (base == 0) {
        base = 10;
    }
    if (at == end)
        return -EINVAL;
    for (; at < end; at++) {
        if (!is_digit(*at, base))
            return -EINVAL;
        overflow |= __builtin_mul_overflow(value, (uint64_t)base, &value);
        overflow |= __builtin_add_overflow(value, (uint64_t)number_hex_digit(*at), &value);
    }
    if (overflow)
        return -ERANGE;
    *out = value;
    return 0;
}

int number_parse_u64(const char *text, size_t len, unsigned base, uint64_t *out)
{
    const char *end = text + len;

    if (len && *text == '+')
        text++;
    return digits_parse(text, end, base, out);
}

int number_parse_int(const char *text, size_t len, unsigned base, int *out)
{
    const char *end = text + len;
    bool negative = len && *text == '-';
    uint64_t magnitude;
    int rc;

    if (len && (*text == '-' || *text == '+'))
        text++;
    rc = digits_parse(text, end, base, &magnitude);
    if (rc < 0)
        return rc;
    if (magnitude > (uint64_t)INT_MAX + negative)
        return -ERANGE;
    *out = negative ? (int)-(int64_t)magnitude : (int)magnitude;
    return 0;
}

/* Skips a prefix and returns the base it stands for. */
static unsigned take_prefix(const char **at, const char *end, unsigned base)
{
    if (base)
        return base;
    if (end - *at >= 3 && (*at)[0] == '0' && ((*at)[1] | 0x20) == 'x' && is_digit((*at)[2], 16)) {
        *at += 2;
        return 16;
    }
    return **at == '0' ? 8 : 10;
}

int number_scan_int(const char *text, size_t len, unsigned base, int *out)
{
    const char *end = text + len;
    uint64_t value = 0;
    bool negative;

    while (text < end && (*text == ' ' || (*text >= '\t' && *text <= '\r')))
        text++;
    negative = text < end && *text == '-';
    text += negative;
    if (text == end || !is_digit(*text, 10))
        return -EINVAL;
    base = take_prefix(&text, end, base);
    for (; text < end && is_digit(*text, base); text++)
        value = value * base + (unsigned)number_hex_digit(*text);
    *out = (int)(uint32_t)(negative ? -value : value);
    return 0;
}

int number_scan_switch(const char *text, size_t len, bool *out)
{
    int n;

    if (number_scan_int(text, len, 10, &n) < 0 || n < 0 || n > 1)
        return -EINVAL;
    *out = n;
    return 0;
}

int number_parse_bool(const char *text, size_t len, bool *out)
{
    static const char words[] = "1yte0nfd"; /* the first half is true */
    char first = len && text[0] >= 'A' ? text[0] | 0x20 : len ? text[0] : '\0';
    char second = len > 1 ? text[1] | 0x20 : '\0';
    const char *word = memchr(words, first, sizeof words - 1);

    if (first == 'o' && (second == 'n' || second == 'f')) {
        *out = second == 'n';
        return 0;
    }
    if (!word)
        return -EINVAL;
    *out = word - words < 4;
    return 0;
}
