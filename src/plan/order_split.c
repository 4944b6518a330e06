/* SPDX-License-Identifier: MIT */
/* Circles of the graph, and the fewest devices that are split so that none is left. */
#include <stdlib.h>
#include <string.h>

#include "plan/order.h"

enum { WHITE, GREY, BLACK };

static bool descend(struct graph *g, uint32_t node);

static bool visit(struct graph *g, uint32_t node)
{
    if (g->colour[node] == GREY) { /* the circle is the end of the path, from node on */
        size_t from = 0;

        while (g->path[from] != node)
            from++;
        memmove(g->path, g->path + from, (g->path_len - from) * sizeof *g->path);
        g->path_len -= from;
        return true;
    }
    return g->colour[node] == WHITE && descend(g, node);
}

static bool descend(struct graph *g, uint32_t node)
{
    g->colour[node] = GREY;
    g->path[g->path_len++] = node;
    if (order_successors(g, node, visit))
        return true;
    g->colour[node] = BLACK;
    g->path_len--;
    return false;
}

static bool circle_find(struct graph *g)
{
    memset(g->colour, WHITE, g->nodes);
    g->path_len = 0;
    g->budget = plan_is_abandoned() || !g->budget ? 0 : g->budget - 1;
    for (uint32_t node = 0; node < g->nodes; node++)
        if (order_is_node(g->s, node) && g->colour[node] == WHITE && descend(g, node))
            return true;
    return false;
}

/* The devices of the circle that are not split yet. */
static size_t candidates(const struct graph *g, uint32_t *out)
{
    const struct scene *s = g->s;
    size_t count = 0;

    for (size_t i = 0; i < g->path_len; i++) {
        size_t n = (g->path[i] - s->event_count) / 2;

        if (g->path[i] >= s->event_count && !s->v[n].split)
            out[count++] = (uint32_t)n;
    }
    return count;
}

/* Splits at most that many more, so that no circle is left. */
static bool split_some(struct graph *g, unsigned splits)
{
    uint32_t *found;
    size_t count;
    bool good = false;

    if (!circle_find(g))
        return true;
    if (!splits || !g->budget)
        return false;
    found = xcalloc(g->path_len + 1, sizeof *found);
    count = candidates(g, found);
    for (size_t i = 0; i < count && !good; i++) {
        g->s->v[found[i]].split = true;
        good = split_some(g, splits - 1);
        g->s->v[found[i]].split = good;
    }
    free(found);
    return good;
}

/* Without a proof that it takes no fewer: the busiest of each circle. */
static bool split_busiest(struct graph *g)
{
    uint32_t *found = xcalloc(g->nodes + 1, sizeof *found);

    while (circle_find(g)) {
        size_t count = candidates(g, found), best = 0;

        if (!count) {
            free(found);
            return false;
        }
        for (size_t i = 1; i < count; i++)
            if (g->edge_from[found[i] + 1] - g->edge_from[found[i]] >
                g->edge_from[found[best] + 1] - g->edge_from[found[best]])
                best = i;
        g->s->v[found[best]].split = true;
    }
    free(found);
    return true;
}

#define SPLITS_TRIED 12u

static bool split(struct graph *g)
{
    g->budget = 20000000 / (g->nodes + g->edge_from[g->s->count] + 100);
    g->s->exact = true;
    for (unsigned n = 0; n <= SPLITS_TRIED && g->budget; n++)
        if (split_some(g, n))
            return true;
    g->s->exact = false;
    return split_busiest(g);
}

static void items_reset(struct scene *s)
{
    for (size_t n = 0; n < s->count; n++) {
        struct item *i = &s->v[n];

        i->kept = (struct apcb){mask256_and(i->start.apm, i->end.apm),
                                mask256_and(i->start.aqm, i->end.aqm),
                                mask256_and(i->start.adm, i->end.adm)};
        i->changed = i->before != i->after || !apcb_equal(&i->start, &i->end);
        i->interrupts = i->deprived = i->split = false;
    }
}

/* Queues that are unbound to be without a driver. */
static uint32_t count_loose(const struct scene *s)
{
    uint32_t count = 0;

    if (s->overrides == OVERRIDES_NONE)
        return 0;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        mask256_for_each (apqi, &s->loose[apid]) {
            struct apqn_info info;

            core_apqn_info(s->from, AP_QN(apid, apqi), &info);
            count += info.driver != NULL;
        }
    }
    return count;
}

uint32_t order_cost(struct graph *g)
{
    struct scene *s = g->s;
    uint32_t steps;

    items_reset(s);
    if (s->overrides != OVERRIDES_NONE)
        memset(s->loose, 0, AP_IDS * sizeof *s->loose);
    for (size_t t = 1; t < s->event_count; t++)
        if (order_exposes(s, t))
            return UINT32_MAX;
    g->nodes = s->event_count + 2 * s->count;
    for (size_t n = 0; n < s->count; n++)
        order_constrain(g, n);
    if (!split(g))
        return UINT32_MAX;
    steps = (uint32_t)s->event_count + count_loose(s);
    for (size_t n = 0; n < s->count; n++) {
        const struct item *i = &s->v[n];

        steps += i->split + (i->guest_before && (i->interrupts || i->deprived) ? 10000u : 0);
    }
    return steps;
}
