/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "map/internal.h"

struct keep {
    bool columns[AP_IDS], rows[AP_IDS];
};

static bool has_guest(const struct map *m, const char *guest)
{
    for (size_t i = 0; i < m->owner_count; i++)
        for (unsigned s = 0; s < MAP_STATES; s++)
            if (strcmp(m->owners[i].in[s].guest, guest) == 0)
                return true;
    return false;
}

static bool is_guests(const struct map *m, size_t cell, const char *guest)
{
    for (unsigned s = 0; s < MAP_STATES && m->cells[s]; s++)
        if (strcmp(map_guest(m, m->cells[s][cell].owner, s), guest) == 0)
            return true;
    return false;
}

static bool is_wanted(const struct map *m, const struct map_filter *f, size_t cell)
{
    unsigned apid = AP_QN_APID(map_qn(m, cell)), apqi = AP_QN_APQI(map_qn(m, cell));

    return (!f->adapters || mask256_test(f->adapters, apid)) &&
           (!f->domains || mask256_test(f->domains, apqi)) &&
           (!f->guest || is_guests(m, cell, f->guest)) && (!f->changed || map_changed(m, cell));
}

static void keep_cells(struct map *m, const struct keep *k)
{
    size_t to = 0;

    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
        if (!k->rows[i / m->columns] || !k->columns[i % m->columns])
            continue;
        for (unsigned s = 0; s < MAP_STATES && m->cells[s]; s++)
            m->cells[s][to] = m->cells[s][i];
        to++;
    }
}

static void keep_ids(struct map *m, const struct keep *k)
{
    unsigned columns = 0, rows = 0;

    for (unsigned c = 0; c < m->columns; c++)
        if (k->columns[c])
            m->adapters[columns++] = m->adapters[c];
    for (unsigned r = 0; r < m->rows; r++)
        if (k->rows[r])
            m->domains[rows++] = m->domains[r];
    m->columns = columns;
    m->rows = rows;
}

int map_filter(struct map *m, const struct map_filter *f)
{
    struct keep k = {0};

    if (f->guest && !has_guest(m, f->guest))
        return -ENOENT;
    for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
        if (is_wanted(m, f, i))
            k.rows[i / m->columns] = k.columns[i % m->columns] = true;
    }
    keep_cells(m, &k);
    keep_ids(m, &k);
    m->filtered = f->adapters || f->domains || f->guest || f->changed;
    map_count(m);
    return 0;
}
