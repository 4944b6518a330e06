/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/number.h"

struct span {
    const char *at;
    size_t len;
};

static struct span span_trim(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct span){at, (size_t)(end - at)};
}

static int refuse(struct text *why, int rc, struct span s, const char *reason)
{
    if (why) {
        text_add_quoted(why, s.at, s.len);
        text_adds(why, reason);
    }
    return rc;
}

static int id_parse(struct span s, unsigned *out, struct text *why)
{
    uint64_t value;
    int rc = -EINVAL;

    /* number_parse_u64 also accepts a plus and a newline, which a list may not contain. */
    if (s.len && s.at[0] >= '0' && s.at[0] <= '9' && s.at[s.len - 1] != '\n')
        rc = number_parse_u64(s.at, s.len, 0, &value);
    if (rc == -EINVAL)
        return refuse(why, rc, s, " is not a number; write a list such as 4-6,0x47");
    if (rc == -ERANGE || value > 255)
        return refuse(why, -ERANGE, s, " is above 255, the highest number");
    *out = (unsigned)value;
    return 0;
}

static int item_parse(struct span item, struct mask256 *m, struct text *why)
{
    const char *end = item.at + item.len;
    const char *dash = item.len ? memchr(item.at, '-', item.len) : NULL;
    unsigned first, last;
    int rc;

    if (!item.len) {
        if (why)
            text_adds(why, "a number is missing; write a list such as 4-6,0x47");
        return -EINVAL;
    }
    rc = id_parse(span_trim(item.at, dash ? dash : end), &first, why);
    if (rc < 0)
        return rc;
    last = first;
    if (dash)
        rc = id_parse(span_trim(dash + 1, end), &last, why);
    if (rc < 0)
        return rc;
    if (last < first)
        return refuse(why, -EINVAL, item, " is a descending range; write the lower number first");
    for (unsigned bit = first; bit <= last; bit++)
        mask256_set(m, bit);
    return 0;
}

int ap_list_parse(const char *text, size_t len, struct mask256 *out, struct text *why)
{
    const char *end = text + len;
    struct mask256 m = {{0}};

    for (const char *at = text;; at++) {
        const char *comma = at < end ? memchr(at, ',', (size_t)(end - at)) : NULL;
        int rc = item_parse(span_trim(at, comma ? comma : end), &m, why);

        if (rc < 0)
            return rc;
        if (!comma)
            break;
        at = comma;
    }
    *out = m;
    return 0;
}

static void id_format(unsigned id, struct text *out)
{
    text_addf(out, id < 10 ? "%u" : "0x%02x", id);
}

void ap_list_format(const struct mask256 *m, struct text *out)
{
    const char *separator = "";

    for (unsigned first = mask256_next(m, 0), last; first < MASK256_BITS;
         first = mask256_next(m, last + 1)) {
        for (last = first; last < 255 && mask256_test(m, last + 1);)
            last++;
        if (last == first + 1)
            last = first;
        text_adds(out, separator);
        id_format(first, out);
        if (last > first) {
            text_adds(out, "-");
            id_format(last, out);
        }
        separator = ",";
    }
}
