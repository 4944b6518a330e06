/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "map/internal.h"

/* Names of guests come from outside. */

unsigned map_name(const char *name, unsigned max, struct text *out)
{
    unsigned count = 0;

    while (*name) {
        size_t before = out->len;
        unsigned added = text_show_one(out, &name);

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
