/* SPDX-License-Identifier: MIT */
#include "map/internal.h"

/* Colours that can be read on dark and on light, by owner. */
void map_add_colour(uint32_t owner, struct text *out)
{
    static const unsigned char kinds[MAP_MDEV] = {0, 33, 136, 160};
    static const unsigned char mdevs[] = {34, 133, 166, 37, 99, 142, 205, 67, 172, 71};

    text_addf(out, "38;5;%u",
              owner < MAP_MDEV ? kinds[owner] : mdevs[(owner - MAP_MDEV) % sizeof(mdevs)]);
}

void map_add_symbol(const struct map *m, size_t cell, bool colour, const char *symbol,
                    struct text *out)
{
    const struct map_cell *c = &m->cells[MAP_NOW][cell];

    if (!colour || c->owner == MAP_NOBODY) {
        text_adds(out, symbol);
        return;
    }
    text_adds(out, "\033[");
    text_adds(out, map_changed(m, cell) ? "7;" : "");
    text_adds(out, c->condition != MAP_ONLINE ? "1;" : "");
    map_add_colour(c->owner, out);
    text_addf(out, "m%s\033[0m", symbol);
}
