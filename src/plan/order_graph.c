/* SPDX-License-Identifier: MIT */
/* The graph of the writes: what must come before what, when the masks are written as the scene
 * says. */
#include <stdlib.h>
#include <string.h>

#include "plan/order.h"

static const struct mask256 nothing;

static struct mask256 default_row(const struct ap_masks *m, unsigned apid)
{
    return mask256_test(&m->apmask, apid) ? m->aqmask : nothing;
}

struct ap_masks order_masks_after(const struct scene *s, size_t events)
{
    struct ap_masks m = s->start;

    for (size_t i = 0; i < events; i++)
        *(s->masks[i].adapters ? &m.apmask : &m.aqmask) = s->masks[i].mask;
    return m;
}

static bool products_meet(const struct apcb *a, const struct ap_masks *m)
{
    return mask256_intersects(&a->apm, &m->apmask) && mask256_intersects(&a->aqm, &m->aqmask);
}

/* zcrypt gets nothing on the way that it has neither at the start nor at the end. */
bool order_exposes(const struct scene *s, const struct ap_masks *m)
{
    struct mask256 adapters = mask256_and(m->apmask, s->adapters);

    mask256_for_each (apid, &adapters) {
        struct mask256 ours = mask256_or(default_row(&s->start, apid), default_row(&s->end, apid));
        struct mask256 row = mask256_and(m->aqmask, s->domains);

        if (!mask256_subset(&row, &ours))
            return true;
    }
    for (size_t i = 0; i < s->count; i++)
        if (products_meet(&s->v[i].kept, m))
            return true;
    return false;
}

/* The bits that the write number t, counted from 1, sets anew, as adapters or as domains. */
static struct mask256 new_bits(const struct scene *s, size_t t)
{
    struct ap_masks before = order_masks_after(s, t - 1);

    return mask256_andnot(s->masks[t - 1].mask,
                          s->masks[t - 1].adapters ? before.apmask : before.aqmask);
}

/* Whether the write is vetoed while the device has a. */
static bool vetoed(const struct scene *s, size_t t, const struct apcb *a)
{
    struct mask256 fresh = new_bits(s, t);
    struct ap_masks after = order_masks_after(s, t);
    const struct mask256 *dimension = s->masks[t - 1].adapters ? &a->apm : &a->aqm;

    if (mask256_empty(&a->apm) || mask256_empty(&a->aqm) || !mask256_intersects(dimension, &fresh))
        return false;
    if (s->new_bits)
        return true;
    after = s->masks[t - 1].adapters ? (struct ap_masks){fresh, after.aqmask}
                                     : (struct ap_masks){after.apmask, fresh};
    return products_meet(a, &after);
}

/* Of an interruption that is inevitable: the device gives up what stands in the mask's way. */
static void interrupt(const struct scene *s, size_t t, struct item *i)
{
    struct mask256 fresh = new_bits(s, t);

    i->interrupts = i->changed = true;
    if (s->masks[t - 1].adapters)
        i->kept.apm = mask256_andnot(i->kept.apm, fresh);
    else
        i->kept.aqm = mask256_andnot(i->kept.aqm, fresh);
}

void order_constrain(struct graph *g, size_t n)
{
    const struct scene *s = g->s;
    struct item *i = &s->v[n];

    g->lo[n] = 0;
    g->hi[n] = UINT32_MAX;
    for (size_t t = 1; t <= s->mask_count; t++) {
        struct ap_masks before = order_masks_after(s, t - 1);

        if (vetoed(s, t, &i->kept))
            interrupt(s, t, i);
        if (g->hi[n] == UINT32_MAX && vetoed(s, t, &i->start))
            g->hi[n] = (uint32_t)t;
        if (products_meet(&i->end, &before) || vetoed(s, t, &i->end))
            g->lo[n] = (uint32_t)t;
    }
    i->split = i->changed && (i->interrupts || g->lo[n] >= g->hi[n]);
}

/* Devices whose end meets the start of another one. */
void order_edges(struct graph *g)
{
    const struct scene *s = g->s;
    uint32_t *owner = xmalloc(AP_APQNS * sizeof *owner),
             *mark = xcalloc(s->count + 1, sizeof *mark);
    size_t used = 0, room = 0;

    memset(owner, 0xff, AP_APQNS * sizeof *owner);
    for (size_t n = 0; n < s->count; n++)
        mask256_for_each (apid, &s->v[n].end.apm)
            mask256_for_each (apqi, &s->v[n].end.aqm)
                owner[AP_QN(apid, apqi)] = (uint32_t)n;
    for (size_t n = 0; n < s->count; n++) {
        g->edge_from[n] = (uint32_t)used;
        mask256_for_each (apid, &s->v[n].start.apm) {
            mask256_for_each (apqi, &s->v[n].start.aqm) {
                uint32_t to = owner[AP_QN(apid, apqi)];

                if (to == UINT32_MAX || to == n || mark[to] == n + 1)
                    continue;
                mark[to] = (uint32_t)n + 1;
                if (used == room)
                    g->edges = xrealloc(g->edges, (room = room * 2 + 64) * sizeof *g->edges);
                g->edges[used++] = to;
            }
        }
    }
    g->edge_from[s->count] = (uint32_t)used;
    free(owner);
    free(mark);
}

static uint32_t taker(const struct scene *s, size_t n)
{
    return s->v[n].split ? NODE_SECOND(s, n) : NODE_FIRST(s, n);
}

/* Calls each with what must come after the node, until it returns true. */
bool order_successors(struct graph *g, uint32_t node, successor_function *each)
{
    const struct scene *s = g->s;
    size_t n = (node - s->mask_count) / 2;
    bool done = false;

    if (node < s->mask_count) {
        done = node + 1 < s->mask_count && each(g, node + 1);
        for (n = 0; n < s->count && !done; n++)
            done = s->v[n].changed && g->lo[n] == node + 1 && each(g, taker(s, n));
        return done;
    }
    if ((node - s->mask_count) % 2)
        return false;
    if (s->v[n].split)
        done = each(g, NODE_SECOND(s, n));
    if (!done && g->hi[n] != UINT32_MAX)
        done = each(g, g->hi[n] - 1);
    for (uint32_t e = g->edge_from[n]; e < g->edge_from[n + 1] && !done; e++)
        done = each(g, taker(s, g->edges[e]));
    return done;
}

bool order_is_node(const struct scene *s, uint32_t node)
{
    size_t n = (node - s->mask_count) / 2;

    if (node < s->mask_count)
        return true;
    return s->v[n].changed && (s->v[n].split || (node - s->mask_count) % 2 == 0);
}
