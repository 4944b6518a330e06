/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/saved.h"
#include "map/internal.h"

struct reading {
    const struct core *core;
    struct map *map;
    unsigned state;
    const struct map_owner **by_uuid;
    struct mask256 faulty[AP_IDS]; /* domains, by adapter */
};

static int by_uuid(const void *a, const void *b)
{
    const struct map_owner *const *x = a, *const *y = b;

    return memcmp(&(*x)->uuid, &(*y)->uuid, sizeof(struct uuid));
}

static bool owner_find(const struct reading *r, size_t count, const struct uuid *uuid,
                       size_t *index)
{
    const struct map_owner wanted = {.uuid = *uuid}, *key = &wanted;
    const struct map_owner **found =
        count ? bsearch(&key, r->by_uuid, count, sizeof(*r->by_uuid), by_uuid) : NULL;

    if (found)
        *index = (size_t)(*found - r->map->owners);
    return found;
}

static void owners_sort(struct reading *r)
{
    size_t n = r->map->owner_count;

    free(r->by_uuid);
    r->by_uuid = xcalloc(n + 1, sizeof(*r->by_uuid));
    for (size_t i = 0; i < n; i++)
        r->by_uuid[i] = &r->map->owners[i];
    qsort(r->by_uuid, n, sizeof(*r->by_uuid), by_uuid);
}

static size_t count_mdevs(const struct core *core)
{
    struct mdev_info m;
    uint32_t cursor = 0;
    size_t n = 0;

    while (core && core_mdev_next(core, &cursor, &m))
        n++;
    return n;
}

static void owners_add(struct reading *r, struct mask256 *apm, struct mask256 *aqm)
{
    size_t sorted = r->map->owner_count;
    struct mdev_info m;
    uint32_t cursor = 0;

    while (core_mdev_next(r->core, &cursor, &m)) {
        size_t i = r->map->owner_count;
        struct map_owner *o;

        if (!owner_find(r, sorted, &m.uuid, &i))
            r->map->owner_count++;
        o = &r->map->owners[i];
        o->uuid = m.uuid;
        o->in[r->state].exists = true;
        if (m.guest)
            strcpy(o->in[r->state].guest, m.guest);
        *apm = mask256_or(*apm, m.apm);
        *aqm = mask256_or(*aqm, m.aqm);
    }
    owners_sort(r);
}

static void find_faulty(struct reading *r)
{
    const struct fault_list *list = core_faults(r->core);

    for (unsigned i = 0; i < list->count; i++) {
        const struct fault *f = &list->v[i].rule;

        if (!list->v[i].left)
            continue;
        for (unsigned apid = f->first_apid; apid <= f->last_apid; apid++)
            for (unsigned apqi = f->first_apqi; apqi <= f->last_apqi; apqi++)
                mask256_set(&r->faulty[apid], apqi);
    }
}

static unsigned adapter_state(const struct adapter_info *a)
{
    if (!a->installed)
        return MAP_ABSENT;
    if (a->checkstopped)
        return MAP_CHECKSTOPPED;
    return a->online ? MAP_ONLINE : MAP_DECONFIGURED;
}

static unsigned driver_of(const struct apqn_info *q)
{
    if (!q->device)
        return MAP_NOBODY;
    if (!q->driver)
        return MAP_UNBOUND;
    return strcmp(q->driver, "vfio_ap") == 0 ? MAP_VFIO_AP : MAP_ZCRYPT;
}

static unsigned condition_of(const struct apqn_info *q, unsigned adapter, bool offline, bool faulty)
{
    unsigned driver = driver_of(q);

    if (driver == MAP_NOBODY)
        return MAP_ABSENT;
    if (adapter == MAP_CHECKSTOPPED || q->checkstopped)
        return MAP_CHECKSTOPPED;
    if (adapter == MAP_DECONFIGURED || q->deconfigured)
        return MAP_DECONFIGURED;
    if (q->assigned && driver != MAP_VFIO_AP)
        return driver == MAP_UNBOUND ? MAP_DRIVERLESS : MAP_FOREIGN;
    if (offline && driver == MAP_ZCRYPT)
        return MAP_OFFLINE;
    if (faulty)
        return MAP_FAULT;
    return q->guest && !q->in_use ? MAP_WITHHELD : MAP_ONLINE;
}

static void read_cell(struct reading *r, unsigned row, unsigned column, const struct saved *card)
{
    struct map *m = r->map;
    struct map_cell *cell = &m->cells[r->state][row * m->columns + column];
    unsigned apid = m->adapters[column].id, apqi = m->domains[row];
    bool offline = card->card.offline || mask256_test(&card->card.queues_offline, apqi);
    struct apqn_info q;
    size_t owner;

    core_apqn_info(r->core, AP_QN(apid, apqi), &q);
    *cell = (struct map_cell){.driver = (uint8_t)driver_of(&q), .in_use = q.in_use};
    cell->condition = (uint8_t)condition_of(&q, m->adapters[column].state[r->state], offline,
                                            mask256_test(&r->faulty[apid], apqi));
    cell->owner = cell->driver;
    if (q.assigned && owner_find(r, m->owner_count, &q.mdev, &owner))
        cell->owner = MAP_MDEV + (uint32_t)owner;
}

static void read_column(struct reading *r, unsigned column)
{
    struct map_adapter *adapter = &r->map->adapters[column];
    struct adapter_info a;
    struct saved card;

    core_adapter_info(r->core, adapter->id, &a);
    adapter->state[r->state] = (uint8_t)adapter_state(&a);
    if (a.installed)
        machine_adapter_type_format(a.config, adapter->type);
    saved_get_card(r->core, CORE_HOST_TREE, adapter->id, &card);
    for (unsigned row = 0; row < r->map->rows; row++)
        read_cell(r, row, column, &card);
}

static void read_cells(struct reading *r)
{
    struct map *m = r->map;

    memset(r->faulty, 0, sizeof(r->faulty));
    find_faulty(r);
    m->cells[r->state] = xcalloc((size_t)m->rows * m->columns + 1, sizeof(struct map_cell));
    for (unsigned c = 0; c < m->columns; c++)
        read_column(r, c);
}

static void set_axes(struct map *m, const struct mask256 *apm, const struct mask256 *aqm)
{
    m->adapters = xcalloc(mask256_count(apm) + 1, sizeof(*m->adapters));
    m->domains = xcalloc(mask256_count(aqm) + 1, sizeof(*m->domains));
    mask256_for_each (apid, apm)
        m->adapters[m->columns++].id = (uint8_t)apid;
    mask256_for_each (apqi, aqm)
        m->domains[m->rows++] = (uint8_t)apqi;
}

void map_read(const struct core *before, const struct core *now, struct map *out)
{
    const struct core *cores[MAP_STATES] = {now, before};
    struct reading *r = xcalloc(1, sizeof(*r));
    struct mask256 apm = {0}, aqm = {0};

    *out = (struct map){0};
    r->map = out;
    out->owners = xcalloc(count_mdevs(before) + count_mdevs(now) + 1, sizeof(*out->owners));
    for (r->state = 0; r->state < MAP_STATES && cores[r->state]; r->state++) {
        struct host_info host;

        r->core = cores[r->state];
        core_host_info(r->core, &host);
        apm = mask256_or(apm, host.apm);
        aqm = mask256_or(aqm, host.aqm);
        owners_add(r, &apm, &aqm);
    }
    set_axes(out, &apm, &aqm);
    for (r->state = 0; r->state < MAP_STATES && cores[r->state]; r->state++) {
        r->core = cores[r->state];
        read_cells(r);
    }
    map_count(out);
    free(r->by_uuid);
    free(r);
}

void map_done(struct map *m)
{
    free(m->adapters);
    free(m->domains);
    free(m->owners);
    free(m->cells[MAP_NOW]);
    free(m->cells[MAP_BEFORE]);
    *m = (struct map){0};
}

void map_count(struct map *m)
{
    memset(m->queues, 0, sizeof(m->queues));
    for (size_t i = 0; i < m->owner_count; i++)
        m->owners[i].in[MAP_NOW].queues = m->owners[i].in[MAP_BEFORE].queues = 0;
    for (unsigned s = 0; s < MAP_STATES && m->cells[s]; s++) {
        for (size_t i = 0; i < (size_t)m->rows * m->columns; i++) {
            uint32_t owner = m->cells[s][i].owner;

            if (owner < MAP_MDEV)
                m->queues[s][owner]++;
            else
                m->owners[owner - MAP_MDEV].in[s].queues++;
        }
    }
}

const char *map_guest(const struct map *m, uint32_t owner, unsigned state)
{
    return owner < MAP_MDEV ? "" : m->owners[owner - MAP_MDEV].in[state].guest;
}

ap_qn map_qn(const struct map *m, size_t cell)
{
    return AP_QN(m->adapters[cell % m->columns].id, m->domains[cell / m->columns]);
}

static bool cell_equal(const struct map_cell *a, const struct map_cell *b)
{
    return a->owner == b->owner && a->condition == b->condition && a->in_use == b->in_use;
}

bool map_changed(const struct map *m, size_t cell)
{
    const struct map_cell *now = &m->cells[MAP_NOW][cell], *before;

    if (!m->cells[MAP_BEFORE])
        return false;
    before = &m->cells[MAP_BEFORE][cell];
    return !cell_equal(now, before) ||
           strcmp(map_guest(m, now->owner, MAP_NOW), map_guest(m, before->owner, MAP_BEFORE)) != 0;
}

bool map_same(const struct map *m, size_t a, size_t b)
{
    for (unsigned s = 0; s < MAP_STATES && m->cells[s]; s++)
        if (!cell_equal(&m->cells[s][a], &m->cells[s][b]))
            return false;
    return true;
}

const char *map_condition_name(unsigned condition)
{
    static const char *const names[MAP_CONDITIONS] = {"online",       "withheld",     "fault",
                                                      "offline",      "foreign",      "driverless",
                                                      "deconfigured", "checkstopped", "absent"};

    return names[condition];
}
