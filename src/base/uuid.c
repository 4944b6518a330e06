/* SPDX-License-Identifier: MIT */
#include "base/uuid.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"

static bool dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

int uuid_parse(const char *text, size_t len, struct uuid *out)
{
    struct uuid u = {0};
    unsigned digit = 0;

    if (len != UUID_TEXT - 1)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (dash_at(i)) {
            if (text[i] != '-')
                return -EINVAL;
            continue;
        }
        if (number_hex_digit(text[i]) < 0)
            return -EINVAL;
        u.bytes[digit / 2] |= (uint8_t)(number_hex_digit(text[i]) << (digit % 2 ? 0 : 4));
        digit++;
    }
    *out = u;
    return 0;
}

void uuid_format(const struct uuid *u, char out[UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof u->bytes; i++) {
        *out++ = digits[u->bytes[i] >> 4];
        *out++ = digits[u->bytes[i] & 15];
        if (i == 3 || i == 5 || i == 7 || i == 9)
            *out++ = '-';
    }
    *out = '\0';
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

uint32_t uuid_hash(const struct uuid *u)
{
    uint32_t h = UINT32_C(2166136261);

    for (size_t i = 0; i < sizeof u->bytes; i++)
        h = (h ^ u->bytes[i]) * UINT32_C(16777619);
    return h;
}
