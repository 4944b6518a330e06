/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "map/internal.h"

/* Names of guests come from outside. */

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

/* One character, or an escaped byte. Returns how many characters were added. */
static unsigned add_one(const char **at, struct text *out)
{
    uint32_t c;
    size_t n = text_utf8(*at, strlen(*at), &c);

    if (n && is_shown(c)) {
        text_add(out, *at, n);
        *at += n;
        return 1;
    }
    text_addf(out, "\\x%02x", (unsigned char)*(*at)++);
    return 4;
}

unsigned map_name(const char *name, unsigned max, struct text *out)
{
    unsigned count = 0;

    while (*name) {
        size_t before = out->len;
        unsigned added = add_one(&name, out);

        if (max && (count + added > max || (count + added == max && *name))) {
            out->len = before;
            text_adds(out, "…");
            return count + 1;
        }
        count += added;
    }
    return count;
}

void map_name_xml(const char *name, unsigned max, struct text *out)
{
    static const char special[] = "&<>\"'";
    static const char *const escapes[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    text_auto shown = {0};

    map_name(name, max, &shown);
    for (const char *at = shown.data; at && *at; at++) {
        const char *found = strchr(special, *at);

        if (found)
            text_adds(out, escapes[found - special]);
        else
            text_add(out, at, 1);
    }
}
