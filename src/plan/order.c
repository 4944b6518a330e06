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

static bool is_override(const struct scene *s, uint32_t node)
{
    return node < s->event_count && !order_is_mask(&s->events[node]);
}

struct sorting {
    struct graph *g;
    struct order *out;
    bool *done;
};

/* Takes all nodes that can come next, the first ones first. */
static bool take(struct sorting *t, bool overrides)
{
    struct graph *g = t->g;
    bool any = false;

    for (uint32_t node = 0; node < g->nodes; node++) {
        if (t->done[node] || g->preceding[node] || !order_is_node(g->s, node) ||
            is_override(g->s, node) != overrides)
            continue;
        t->done[node] = any = true;
        t->out->v[t->out->count++] = node;
        order_successors(g, node, count_down);
    }
    return any;
}

/* What can come before overrides does so: where they go, nothing can be assigned until the last
 * mask is written. */
static void sort(struct graph *g, struct order *out)
{
    struct sorting t = {g, out, xcalloc(g->nodes + 1, sizeof *t.done)};

    g->preceding = xcalloc(g->nodes + 1, sizeof *g->preceding);
    out->v = xcalloc(g->nodes + 1, sizeof *out->v);
    for (uint32_t node = 0; node < g->nodes; node++)
        if (order_is_node(g->s, node))
            order_successors(g, node, count_up);
    while (take(&t, false) || take(&t, true))
        ;
    free(g->preceding);
    free(t.done);
}

static bool keeps_all(const struct scene *s, const struct item *i)
{
    return i->guest_before && i->guest_after && strcmp(i->guest_before, i->guest_after) == 0 &&
           apcb_equal(&i->start, &i->end);
}

static void tell_interruption(const struct scene *s, const struct item *i, struct text *why)
{
    struct mask256 apm = mask256_andnot(i->end.apm, i->kept.apm),
                   aqm = mask256_andnot(i->end.aqm, i->kept.aqm);
    bool by_adapter = !mask256_empty(&apm);

    text_addf(why, "two demands exclude each other: guest %s keeps its queues all the time, and ",
              i->guest_before);
    if (i->interrupts)
        text_addf(why, "%s gets 0x%02x, which Linux refuses while a device has an APQN of that %s",
                  by_adapter ? "apmask" : "aqmask", mask256_next(by_adapter ? &apm : &aqm, 0),
                  by_adapter ? "adapter" : "domain");
    else
        text_adds(why, "masks come in place of overrides: whichever mask is written first, zcrypt "
                       "would get some of them until the other one is written");
}

/* The first one is told. */
static int refuse(const struct scene *s, struct mask256 blocked[2], struct text *why)
{
    int rc = 0;

    for (size_t n = 0; n < s->count; n++) {
        const struct item *i = &s->v[n];
        struct mask256 apm = mask256_andnot(i->end.apm, i->kept.apm),
                       aqm = mask256_andnot(i->end.aqm, i->kept.aqm);

        if (!(i->interrupts || i->deprived) || !keeps_all(s, i))
            continue;
        blocked[0] = mask256_or(blocked[0], apm);
        blocked[1] = mask256_or(blocked[1], aqm);
        if (rc == 0)
            tell_interruption(s, i, why);
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
    g.colour = xcalloc(2 * s->count + EVENTS_MAX + 1, 1);
    g.path = xcalloc(2 * s->count + EVENTS_MAX + 1, sizeof *g.path);
    order_edges(&g);
    steps = order_masks(&g);
    rc = steps == UINT32_MAX ? -EINVAL : interrupt ? 0 : refuse(s, blocked, why);
    if (steps == UINT32_MAX)
        text_addf(
            why,
            "no order of the writes avoids that zcrypt gets %02x.%04x, which it has neither "
            "before nor after%s",
            AP_QN_APID(s->exposed), AP_QN_APQI(s->exposed),
            s->overrides == OVERRIDES_COME
                ? ": an override can be set only while both masks have all bits set, and then "
                  "zcrypt gets all queues"
                : "");
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
