/* SPDX-License-Identifier: MIT */
#include "plan/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool count_up(struct graph *g, uint32_t node)
{
    g->preceding[node]++;
    return false;
}

static bool count_down(struct graph *g, uint32_t node)
{
    g->preceding[node]--;
    return false;
}

/* Of the nodes that can come next, always the first. */
static void sort(struct graph *g, struct order *out)
{
    bool *done = xcalloc(g->nodes + 1, sizeof *done);
    bool progress = true;

    g->preceding = xcalloc(g->nodes + 1, sizeof *g->preceding);
    out->v = xcalloc(g->nodes + 1, sizeof *out->v);
    for (uint32_t node = 0; node < g->nodes; node++)
        if (order_is_node(g->s, node))
            order_successors(g, node, count_up);
    while (progress) {
        progress = false;
        for (uint32_t node = 0; node < g->nodes; node++) {
            if (done[node] || g->preceding[node] || !order_is_node(g->s, node))
                continue;
            done[node] = progress = true;
            out->v[out->count++] = node;
            order_successors(g, node, count_down);
        }
    }
    free(g->preceding);
    free(done);
}

static bool keeps_all(const struct scene *s, const struct item *i)
{
    return i->guest_before && i->guest_after && strcmp(i->guest_before, i->guest_after) == 0 &&
           apcb_equal(&i->start, &i->end);
}

/* The first one is told. */
static int refuse(const struct scene *s, struct mask256 blocked[2], struct text *why)
{
    int rc = 0;

    for (size_t n = 0; n < s->count; n++) {
        const struct item *i = &s->v[n];
        struct mask256 apm = mask256_andnot(i->end.apm, i->kept.apm),
                       aqm = mask256_andnot(i->end.aqm, i->kept.aqm);
        bool by_adapter = !mask256_empty(&apm);

        if (!i->interrupts || !keeps_all(s, i))
            continue;
        blocked[0] = mask256_or(blocked[0], apm);
        blocked[1] = mask256_or(blocked[1], aqm);
        if (rc == 0)
            text_addf(why,
                      "two demands exclude each other: guest %s keeps its queues all the time, and "
                      "%s gets 0x%02x, which Linux refuses while a device has an APQN of that %s",
                      i->guest_before, by_adapter ? "apmask" : "aqmask",
                      mask256_next(by_adapter ? &apm : &aqm, 0), by_adapter ? "adapter" : "domain");
        rc = -EINVAL;
    }
    return rc;
}

int order_find(struct scene *s, bool interrupt, struct order *out, struct mask256 blocked[2],
               struct text *why)
{
    struct graph g = {.s = s};
    uint32_t steps;
    int rc;

    g.edge_from = xcalloc(s->count + 1, sizeof *g.edge_from);
    g.lo = xcalloc(s->count + 1, sizeof *g.lo);
    g.hi = xcalloc(s->count + 1, sizeof *g.hi);
    g.colour = xcalloc(2 * s->count + MASK_EVENTS_MAX + 1, 1);
    g.path = xcalloc(2 * s->count + MASK_EVENTS_MAX + 1, sizeof *g.path);
    order_edges(&g);
    steps = order_masks(&g);
    rc = steps == UINT32_MAX ? -EINVAL : interrupt ? 0 : refuse(s, blocked, why);
    if (steps == UINT32_MAX)
        text_adds(why, "no order of the writes avoids that an APQN gets a foreign owner");
    if (rc == 0)
        sort(&g, out);
    free(g.edge_from);
    free(g.edges);
    free(g.lo);
    free(g.hi);
    free(g.colour);
    free(g.path);
    return rc;
}
