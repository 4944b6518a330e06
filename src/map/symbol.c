/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "map/internal.h"

/* What letters and signs stand for. Letters and digits are mediated devices, signs everything else.
 */

static const char letters[] = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0";

void map_label(const struct map *m, uint32_t owner, char out[MAP_SYMBOL])
{
    if (owner < MAP_MDEV)
        snprintf(out, MAP_SYMBOL, "%c", "-.+?"[owner]);
    else if (m->owner_count < sizeof(letters))
        snprintf(out, MAP_SYMBOL, "%c", letters[owner - MAP_MDEV]);
    else
        snprintf(out, MAP_SYMBOL, "%u", (owner - MAP_MDEV + 1) % 1000000);
}

char map_mark(unsigned condition)
{
    static const char marks[MAP_CONDITIONS] = {
        [MAP_WITHHELD] = '/',     [MAP_FAULT] = '#',      [MAP_OFFLINE] = '%',
        [MAP_FOREIGN] = '=',      [MAP_DRIVERLESS] = '?', [MAP_DECONFIGURED] = '~',
        [MAP_CHECKSTOPPED] = '!', [MAP_ABSENT] = '-'};

    return marks[condition];
}

void map_symbol(const struct map *m, size_t cell, unsigned state, char out[MAP_SYMBOL])
{
    const struct map_cell *c = &m->cells[state][cell];
    const struct map_adapter *a = &m->adapters[cell % m->columns];
    char label[MAP_SYMBOL];

    map_label(m, c->owner, label);
    if (!map_mark(c->condition) || c->owner == MAP_NOBODY ||
        (!m->cells[MAP_BEFORE] && c->condition != MAP_ABSENT && c->condition == a->state[state]))
        snprintf(out, MAP_SYMBOL, "%s", label);
    else
        snprintf(out, MAP_SYMBOL, "%.6s%c", label, map_mark(c->condition));
}

void map_change(const struct map *m, size_t cell, char out[MAP_CHANGE])
{
    char now[MAP_SYMBOL], before[MAP_SYMBOL];

    map_symbol(m, cell, MAP_NOW, now);
    if (!map_changed(m, cell)) {
        snprintf(out, MAP_CHANGE, "%s", now);
        return;
    }
    map_symbol(m, cell, MAP_BEFORE, before);
    snprintf(out, MAP_CHANGE, "%s>%s", before, now);
}

const char *map_owner_title(uint32_t owner)
{
    static const char *const titles[MAP_MDEV] = {
        "no such queue", "zcrypt", "vfio_ap, not assigned to a mediated device", "no driver"};

    return titles[owner];
}

const char *map_condition_title(unsigned condition)
{
    static const char *const titles[MAP_CONDITIONS] = {
        "online",
        "assigned, but its guest does not have it now (apus explain says why)",
        "a fault is injected (apus fault list)",
        "offline: set so in Linux",
        "assigned, but bound to zcrypt",
        "assigned, but bound to no driver",
        "deconfigured: the adapter is in standby",
        "check-stopped",
        "assigned, but there is no such queue"};

    return titles[condition];
}

unsigned map_queues(const struct map *m, uint32_t owner, unsigned state)
{
    return owner < MAP_MDEV ? m->queues[state][owner]
                            : m->owners[owner - MAP_MDEV].in[state].queues;
}

bool map_has_owner(const struct map *m, uint32_t owner)
{
    return map_queues(m, owner, MAP_NOW) || map_queues(m, owner, MAP_BEFORE) ||
           (owner >= MAP_MDEV && !m->filtered);
}

bool map_has_condition(const struct map *m, unsigned condition)
{
    for (unsigned s = 0; s < MAP_STATES && m->cells[s]; s++)
        for (size_t i = 0; i < (size_t)m->rows * m->columns; i++)
            if (m->cells[s][i].condition == condition && m->cells[s][i].owner != MAP_NOBODY)
                return true;
    return false;
}

void map_owner_name(const struct map *m, uint32_t owner, unsigned state, struct text *out)
{
    static const char *const short_titles[MAP_MDEV] = {"no queue", "zcrypt", "vfio_ap",
                                                       "no driver"};
    char uuid[UUID_TEXT];

    if (owner < MAP_MDEV) {
        text_adds(out, short_titles[owner]);
    } else if (*map_guest(m, owner, state)) {
        text_adds(out, map_guest(m, owner, state));
    } else {
        uuid_format(&m->owners[owner - MAP_MDEV].uuid, uuid);
        text_add(out, uuid, 8);
    }
}

static void add_guests(const struct map_owner *o, bool compared, struct text *out)
{
    const char *now = o->in[MAP_NOW].guest, *before = o->in[MAP_BEFORE].guest;

    if (compared && o->in[MAP_NOW].exists && o->in[MAP_BEFORE].exists && strcmp(now, before) != 0)
        text_addf(out, "%s, before %s", *now ? now : "no guest", *before ? before : "no guest");
    else if (*now || *before)
        text_adds(out, *now ? now : before);
    else
        text_adds(out, "no guest");
}

void map_owner_heading(const struct map *m, uint32_t owner, struct text *out)
{
    if (owner < MAP_MDEV)
        text_adds(out, map_owner_title(owner));
    else
        add_guests(&m->owners[owner - MAP_MDEV], m->cells[MAP_BEFORE], out);
}

void map_owner_details(const struct map *m, uint32_t owner, struct text *out)
{
    unsigned now = map_queues(m, owner, MAP_NOW), before = map_queues(m, owner, MAP_BEFORE);
    const struct map_owner *o = owner < MAP_MDEV ? NULL : &m->owners[owner - MAP_MDEV];
    bool compared = m->cells[MAP_BEFORE];
    char uuid[UUID_TEXT];

    if (o) {
        uuid_format(&o->uuid, uuid);
        text_addf(out, "%s, ", uuid);
    }
    if (o && compared && o->in[MAP_NOW].exists != o->in[MAP_BEFORE].exists)
        text_adds(out, o->in[MAP_NOW].exists ? "new, " : "removed, ");
    text_addf(out, "%u queue%s", now, now == 1 ? "" : "s");
    if (compared && before != now)
        text_addf(out, ", before %u", before);
}
