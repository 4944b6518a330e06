/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "core/saved.h"
#include "plan/internal.h"

/* What of the two states the order of writes depends on. */

static int by_uuid(const void *a, const void *b)
{
    return memcmp(&((const struct item *)a)->uuid, &((const struct item *)b)->uuid,
                  sizeof(struct uuid));
}

/* The items of a state, in the order of their UUIDs. */
static struct item *items_read(const struct core *core, bool after, size_t *count)
{
    struct item *v = NULL;
    struct mdev_info m;
    uint32_t cursor = 0;

    for (*count = 0; core_mdev_next(core, &cursor, &m); ++*count) {
        struct apcb assigned = {m.apm, m.aqm, m.adm};

        v = xrealloc(v, (*count + 1) * sizeof *v);
        v[*count] = (struct item){.uuid = m.uuid};
        *(after ? &v[*count].after : &v[*count].before) = true;
        *(after ? &v[*count].end : &v[*count].start) = assigned;
        *(after ? &v[*count].guest_after : &v[*count].guest_before) = m.guest;
    }
    if (v)
        qsort(v, *count, sizeof *v, by_uuid);
    return v;
}

static void item_finish(struct item *i)
{
    i->kept =
        (struct apcb){mask256_and(i->start.apm, i->end.apm), mask256_and(i->start.aqm, i->end.aqm),
                      mask256_and(i->start.adm, i->end.adm)};
    i->changed = i->before != i->after || !apcb_equal(&i->start, &i->end);
}

static void items_merge(struct scene *s)
{
    size_t n = 0, m = 0, a = 0, b = 0;
    struct item *old = items_read(s->from, false, &n), *new = items_read(s->to, true, &m);

    s->v = xcalloc(n + m + 1, sizeof *s->v);
    while (a < n || b < m) {
        int order = a == n ? 1 : b == m ? -1 : by_uuid(&old[a], &new[b]);
        struct item *i = &s->v[s->count++];

        *i = order <= 0 ? old[a++] : new[b++];
        if (order == 0) {
            i->after = true;
            i->end = new[b].end;
            i->guest_after = new[b++].guest_after;
        }
        item_finish(i);
    }
    free(old);
    free(new);
}

static bool has_override(const struct core *core, const struct scene *s)
{
    mask256_for_each (apid, &s->adapters) {
        for (unsigned apqi = 0; apqi < AP_IDS; apqi++) {
            struct saved unused;

            if (saved_get(core, &(struct change){.kind = STATE_OVERRIDE, .id = AP_QN(apid, apqi)},
                          &unused))
                return true;
        }
    }
    return false;
}

static struct mask256 *owned_read(const struct core *core)
{
    struct mask256 *rows = xcalloc(AP_IDS, sizeof *rows);

    for (unsigned apid = 0; apid < AP_IDS; apid++)
        rows[apid] = core_default_row(core, apid);
    return rows;
}

static void overrides_read(struct scene *s)
{
    bool before = has_override(s->from, s), after = has_override(s->to, s);

    if (!before && !after)
        return;
    s->overrides = scene_same_masks(s) ? OVERRIDES_ALONE : after ? OVERRIDES_COME : OVERRIDES_GO;
    s->owned[0] = owned_read(s->from);
    s->owned[1] = owned_read(s->to);
    s->loose = xcalloc(AP_IDS, sizeof *s->loose);
}

bool scene_same_masks(const struct scene *s)
{
    return mask256_equal(&s->start.apmask, &s->end.apmask) &&
           mask256_equal(&s->start.aqmask, &s->end.aqmask);
}

void scene_read(struct scene *s, const struct core *from, const struct core *to)
{
    struct host_info a, b;

    core_host_info(from, &a);
    core_host_info(to, &b);
    *s = (struct scene){.from = from,
                        .to = to,
                        .new_bits = core_abi(from)->veto_by_new_bits,
                        .loose_stays = core_abi(from)->unbound_is_default,
                        .start = {a.apmask, a.aqmask},
                        .end = {b.apmask, b.aqmask},
                        .adapters = mask256_or(a.apm, b.apm),
                        .domains = mask256_or(a.aqm, b.aqm)};
    items_merge(s);
    overrides_read(s);
}

void scene_done(struct scene *s)
{
    free(s->owned[0]);
    free(s->owned[1]);
    free(s->loose);
    free(s->v);
    *s = (struct scene){0};
}
