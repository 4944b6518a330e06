/* SPDX-License-Identifier: MIT */
/* The graph of the writes: what must come before what, when the masks are written as the scene
 * says. */
#include <stdlib.h>
#include <string.h>

#include "plan/order.h"

/* Of an interruption that is inevitable: the device gives up what stands in the mask's way. */
static void interrupt(const struct scene *s, size_t t, struct item *i)
{
    struct mask256 fresh = order_new_bits(s, t);

    i->interrupts = i->changed = true;
    if (s->events[t - 1].kind == EVENT_APMASK)
        i->kept.apm = mask256_andnot(i->kept.apm, fresh);
    else
        i->kept.aqm = mask256_andnot(i->kept.aqm, fresh);
}

/* Between overrides and masks nothing can be assigned. A device takes what it gets while there are
 * overrides, if it can, or else after the last mask. */
static uint32_t take_around(const struct scene *s, const struct item *i)
{
    bool late = order_refuses(s, 0, &i->end);

    for (size_t t = 1; t <= s->event_count; t++)
        late |= order_vetoes(s, t, &i->end);
    return late ? (uint32_t)s->event_count : 0;
}

void order_constrain(struct graph *g, size_t n)
{
    const struct scene *s = g->s;
    struct item *i = &s->v[n];

    g->lo[n] = 0;
    g->hi[n] = UINT32_MAX;
    for (size_t t = 1; t <= s->event_count; t++) {
        if (order_vetoes(s, t, &i->kept))
            interrupt(s, t, i);
        if (g->hi[n] == UINT32_MAX &&
            (order_vetoes(s, t, &i->start) || order_takes(s, t, &i->start)))
            g->hi[n] = (uint32_t)t;
        if (order_refuses(s, t - 1, &i->end) || order_vetoes(s, t, &i->end))
            g->lo[n] = (uint32_t)t;
    }
    if (s->overrides == OVERRIDES_GO)
        g->lo[n] = take_around(s, i);
    i->deprived = s->overrides == OVERRIDES_GO && order_is_loose(s, &i->kept);
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
    size_t n = (node - s->event_count) / 2;
    bool done = false;

    if (node < s->event_count) {
        done = node + 1 < s->event_count && each(g, node + 1);
        for (n = 0; n < s->count && !done; n++)
            done = s->v[n].changed && g->lo[n] == node + 1 && each(g, taker(s, n));
        return done;
    }
    if ((node - s->event_count) % 2)
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
    size_t n = (node - s->event_count) / 2;

    if (node < s->event_count)
        return true;
    return s->v[n].changed && (s->v[n].split || (node - s->event_count) % 2 == 0);
}
