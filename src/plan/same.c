/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "core/query.h"
#include "plan/internal.h"

/* Whether two cores are alike in what a plan changes. */

static bool differs(struct text *what, const char *format, const char *name)
{
    text_addf(what, format, name);
    return false;
}

static bool same_guests(const struct core *a, const struct core *b, struct text *what)
{
    struct guest_info x, y;
    uint32_t cursor = 0;

    while (core_guest_next(a, &cursor, &x)) {
        if (core_guest_find(b, x.name, &y) < 0 || x.features != y.features ||
            x.attached != y.attached || (x.attached && !uuid_equal(&x.mdev, &y.mdev)))
            return differs(what, "guest %s", x.name);
    }
    return true;
}

bool plan_same(const struct core *a, const struct core *b, struct text *what)
{
    struct scene s;
    char uuid[UUID_TEXT];
    bool same = true;

    scene_read(&s, a, b);
    if (!scene_same_masks(&s))
        same = differs(what, "the %s", "masks");
    for (size_t i = 0; i < s.count && same; i++) {
        uuid_format(&s.v[i].uuid, uuid);
        if (s.v[i].changed)
            same = differs(what, "mediated device %s", uuid);
    }
    scene_done(&s);
    return same && same_guests(a, b, what) && same_guests(b, a, what);
}
