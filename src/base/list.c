/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include <errno.h>
#include <stdint.h>

#include "base/number.h"
#include "base/slice.h"

static int id_parse(struct slice s, unsigned *out, struct text *why)
{
    uint64_t value;
    int rc = -EINVAL;

    /* number_parse_u64 also accepts a plus and a newline, which a list may not contain. */
    if (s.len && s.at[0] >= '0' && s.at[0] <= '9' && s.at[s.len - 1] != '\n')
        rc = number_parse_u64(s.at, s.len, 0, &value);
    if (!s.len)
        return slice_refuse(why, rc, "a number is missing", s, "; write a list such as 4-6,0x47");
    if (rc == -EINVAL)
        return slice_refuse(why, rc, "", s, " is not a number; write a list such as 4-6,0x47");
    if (rc == -ERANGE || value > 255)
        return slice_refuse(why, -ERANGE, "", s, " is above 255, the highest number");
    *out = (unsigned)value;
    return 0;
}

static int item_parse(struct slice item, struct mask256 *m, struct text *why)
{
    struct slice from, to;
    bool range = slice_cut(item, '-', &from, &to);
    unsigned first, last;
    int rc;

    if (!item.len) {
        if (why)
            text_adds(why, "a number is missing; write a list such as 4-6,0x47");
        return -EINVAL;
    }
    rc = id_parse(slice_trim(from, SLICE_BLANKS), &first, why);
    if (rc < 0)
        return rc;
    last = first;
    if (range)
        rc = id_parse(slice_trim(to, SLICE_BLANKS), &last, why);
    if (rc < 0)
        return rc;
    if (last < first)
        return slice_refuse(why, -EINVAL, "", item,
                            " is a descending range; write the lower number first");
    for (unsigned bit = first; bit <= last; bit++)
        mask256_set(m, bit);
    return 0;
}

int ap_list_parse(const char *text, size_t len, struct mask256 *out, struct text *why)
{
    struct slice rest = {text, len}, item;
    struct mask256 m = {{0}};
    bool more;

    do {
        int rc;

        more = slice_cut(rest, ',', &item, &rest);
        rc = item_parse(slice_trim(item, SLICE_BLANKS), &m, why);
        if (rc < 0)
            return rc;
    } while (more);
    *out = m;
    return 0;
}

static void id_format(unsigned id, struct text *out)
{
    static const char digits[] = "0123456789abcdef";
    const char text[] = {'0', 'x', digits[id >> 4], digits[id & 15]};

    if (id < 10)
        text_add(out, &text[3], 1);
    else
        text_add(out, text, sizeof text);
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
