/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "map/internal.h"

/* What changes. */

#define NAMED 6u /* others are only counted */

/* What the owner has in one state, and it or its guest has not in the other. */
static unsigned list_gone(const struct map *m, uint32_t owner, unsigned from, unsigned to,
                          struct text *out)
{
    bool all = strcmp(map_guest(m, owner, from), map_guest(m, owner, to)) != 0;
    unsigned count = 0;

    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
        char name[AP_QN_TEXT];

        if (m->cells[from][i].owner != owner || (!all && m->cells[to][i].owner == owner))
            continue;
        ap_qn_format(map_qn(m, i), name);
        if (count++ < NAMED)
            text_addf(out, "%s%s", count > 1 ? ", " : "", name);
    }
    if (count > NAMED)
        text_addf(out, " and %u more", count - NAMED);
    return count;
}

static void add_name(const struct map *m, uint32_t owner, unsigned state, struct text *out)
{
    char uuid[UUID_TEXT];
    text_auto name = {0};

    if (owner < MAP_MDEV || *map_guest(m, owner, state)) {
        map_owner_name(m, owner, state, &name);
        map_name(name.data, 0, out);
    } else {
        uuid_format(&m->owners[owner - MAP_MDEV].uuid, uuid);
        text_adds(out, uuid);
    }
}

static void add_change(const struct map *m, uint32_t owner, struct text *out)
{
    text_auto lost = {0}, got = {0};
    unsigned losses = list_gone(m, owner, MAP_BEFORE, MAP_NOW, &lost),
             gains = list_gone(m, owner, MAP_NOW, MAP_BEFORE, &got);
    bool same = strcmp(map_guest(m, owner, MAP_BEFORE), map_guest(m, owner, MAP_NOW)) == 0;

    if (losses) {
        add_name(m, owner, MAP_BEFORE, out);
        text_addf(out, " loses %s%s", lost.data, gains && same ? "" : "\n");
    }
    if (gains && losses && same) {
        text_addf(out, "; gets %s\n", got.data);
    } else if (gains) {
        add_name(m, owner, MAP_NOW, out);
        text_addf(out, " gets %s\n", got.data);
    }
}

void map_changes(const struct map *m, struct text *out)
{
    if (!m->cells[MAP_BEFORE])
        return;
    for (uint32_t o = MAP_ZCRYPT; o < MAP_MDEV + m->owner_count; o++)
        add_change(m, o, out);
}
