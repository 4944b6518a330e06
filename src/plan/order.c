/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/internal.h"

/*
 * The order of writes, with as few of them as can be.
 *
 * A device is written once, from start to end, or it is split: first it gives away all that it does
 * not keep, later it takes the rest. So is each of the two masks. For each way in which the masks
 * can be written, all constraints are precedences: whoever gives an APQN away comes before whoever
 * takes it. Splitting a device takes it out of the circles of that graph; the fewest splits are
 * wanted, by iterative deepening over the devices of one circle after the other.
 */

struct graph {
    struct scene *s;
    uint32_t *edge_from; /* for each item, where its edges begin; one more at the end */
    uint32_t *edges;     /* items that take what the item gives away */
    uint32_t *lo, *hi;   /* takes after that many writes of masks; gives away before that one */
    uint8_t *colour;
    uint32_t *path;
    size_t path_len, nodes;
    uint64_t budget;     /* searches for a circle */
    uint32_t *preceding; /* how many nodes must still come before */
};

static const struct mask256 nothing;

static struct mask256 default_row(const struct ap_masks *m, unsigned apid)
{
    return mask256_test(&m->apmask, apid) ? m->aqmask : nothing;
}

static struct ap_masks masks_after(const struct scene *s, size_t events)
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
static bool exposes(const struct scene *s, const struct ap_masks *m)
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
    struct ap_masks before = masks_after(s, t - 1);

    return mask256_andnot(s->masks[t - 1].mask,
                          s->masks[t - 1].adapters ? before.apmask : before.aqmask);
}

/* Whether the write is vetoed while the device has a. */
static bool vetoed(const struct scene *s, size_t t, const struct apcb *a)
{
    struct mask256 fresh = new_bits(s, t);
    struct ap_masks after = masks_after(s, t);
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

static void constrain(struct graph *g, size_t n)
{
    const struct scene *s = g->s;
    struct item *i = &s->v[n];

    g->lo[n] = 0;
    g->hi[n] = UINT32_MAX;
    for (size_t t = 1; t <= s->mask_count; t++) {
        struct ap_masks before = masks_after(s, t - 1);

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
static void edges_find(struct graph *g)
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

typedef bool successor_function(struct graph *g, uint32_t node);

/* Calls each with what must come after the node, until it returns true. */
static bool successors(struct graph *g, uint32_t node, successor_function *each)
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
    if (successors(g, node, visit))
        return true;
    g->colour[node] = BLACK;
    g->path_len--;
    return false;
}

static bool is_node(const struct scene *s, uint32_t node)
{
    size_t n = (node - s->mask_count) / 2;

    if (node < s->mask_count)
        return true;
    return s->v[n].changed && (s->v[n].split || (node - s->mask_count) % 2 == 0);
}

static bool circle_find(struct graph *g)
{
    memset(g->colour, WHITE, g->nodes);
    g->path_len = 0;
    g->budget -= g->budget > 0;
    for (uint32_t node = 0; node < g->nodes; node++)
        if (is_node(g->s, node) && g->colour[node] == WHITE && descend(g, node))
            return true;
    return false;
}

/* The devices of the circle that are not split yet. */
static size_t candidates(const struct graph *g, uint32_t *out)
{
    const struct scene *s = g->s;
    size_t count = 0;

    for (size_t i = 0; i < g->path_len; i++) {
        size_t n = (g->path[i] - s->mask_count) / 2;

        if (g->path[i] >= s->mask_count && !s->v[n].split)
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
        i->interrupts = i->split = false;
    }
}

/* Steps with the masks of the scene: writes of masks and splits, and much more for each guest that
 * is interrupted; UINT32_MAX: this way does not work. */
static uint32_t cost(struct graph *g)
{
    const struct scene *s = g->s;
    uint32_t steps = (uint32_t)s->mask_count;

    items_reset(g->s);
    for (size_t t = 1; t < s->mask_count; t++) {
        struct ap_masks m = masks_after(s, t);

        if (exposes(s, &m))
            return UINT32_MAX;
    }
    g->nodes = s->mask_count + 2 * s->count;
    for (size_t n = 0; n < s->count; n++)
        constrain(g, n);
    if (!split(g))
        return UINT32_MAX;
    for (size_t n = 0; n < s->count; n++)
        steps += s->v[n].split * (s->v[n].interrupts && s->v[n].guest_before ? 10000u : 1u);
    return steps;
}

/* The ways to write one mask: not at all, at once, or first what goes and then what comes. */
struct way {
    struct mask_event v[3];
    size_t count;
};

struct ways {
    struct way v[6];
    size_t count;
};

static void ways_of(bool adapters, const struct mask256 *start, const struct mask256 *end,
                    struct ways *out)
{
    struct mask256 both = mask256_and(*start, *end);

    out->count = 1;
    out->v[0].count = 0;
    if (mask256_equal(start, end))
        return;
    out->v[0] = (struct way){{{adapters, *end}}, 1};
    if (!mask256_equal(&both, start) && !mask256_equal(&both, end))
        out->v[out->count++] = (struct way){{{adapters, both}, {adapters, *end}}, 2};
}

static const struct mask256 *half_of(const struct apcb *a, bool adapters)
{
    return adapters ? &a->apm : &a->aqm;
}

/* A device that gives up some of the new bits and takes others is written once only if these bits
 * are set one after the other. */
static size_t count_between(const struct scene *s, bool adapters, const struct mask256 *fresh)
{
    size_t count = 0;

    for (size_t n = 0; n < s->count; n++) {
        const struct item *i = &s->v[n];

        count += i->split && mask256_intersects(half_of(&i->start, adapters), fresh) &&
                 mask256_intersects(half_of(&i->end, adapters), fresh);
    }
    return count;
}

/* The new bits that come late: those that a device has at the start, or all but those that one has
 * at the end. */
static struct mask256 late_bits(const struct scene *s, bool adapters, bool all,
                                const struct mask256 *fresh)
{
    struct mask256 late = all ? *fresh : nothing;

    for (size_t n = 0; n < s->count; n++) {
        const struct item *i = &s->v[n];

        if (i->changed && all)
            late = mask256_andnot(late, *half_of(&i->end, adapters));
        else if (i->changed)
            late = mask256_or(late, mask256_and(*half_of(&i->start, adapters), *fresh));
    }
    return late;
}

static void late_ways(const struct scene *s, bool adapters, const struct mask256 *start,
                      const struct mask256 *end, struct ways *out)
{
    struct mask256 both = mask256_and(*start, *end), fresh = mask256_andnot(*end, *start);

    ways_of(adapters, start, end, out);
    for (int all = 0; all < 2; all++) {
        struct mask256 late = late_bits(s, adapters, all, &fresh),
                       early = mask256_andnot(*end, late);

        if (mask256_empty(&late) || mask256_equal(&late, &fresh))
            continue;
        out->v[out->count++] = (struct way){{{adapters, early}, {adapters, *end}}, 2};
        out->v[out->count++] =
            (struct way){{{adapters, both}, {adapters, early}, {adapters, *end}}, 3};
    }
}

struct best {
    struct mask_event masks[MASK_EVENTS_MAX];
    size_t count;
    uint32_t cost;
};

/* All interleavings of the rest of two ways. */
static void interleave(struct graph *g, const struct way *a, size_t at, const struct way *b,
                       size_t bt, struct best *best)
{
    struct scene *s = g->s;

    if (at == a->count && bt == b->count) {
        uint32_t found = cost(g);

        if (found < best->cost) {
            best->cost = found;
            best->count = s->mask_count;
            memcpy(best->masks, s->masks, sizeof s->masks);
        }
        return;
    }
    s->mask_count++;
    if (at < a->count) {
        s->masks[s->mask_count - 1] = a->v[at];
        interleave(g, a, at + 1, b, bt, best);
    }
    if (bt < b->count) {
        s->masks[s->mask_count - 1] = b->v[bt];
        interleave(g, a, at, b, bt + 1, best);
    }
    s->mask_count--;
}

static uint32_t choose(struct graph *g, const struct ways *a, const struct ways *b)
{
    struct scene *s = g->s;
    struct best best = {.cost = UINT32_MAX};

    s->mask_count = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            interleave(g, &a->v[i], 0, &b->v[k], 0, &best);
    memcpy(s->masks, best.masks, sizeof s->masks);
    s->mask_count = best.count;
    return best.cost == UINT32_MAX ? UINT32_MAX : cost(g);
}

/* Whether one more write of a mask could save two of devices. */
static bool could_save(const struct scene *s)
{
    struct mask256 a = mask256_andnot(s->end.apmask, s->start.apmask),
                   q = mask256_andnot(s->end.aqmask, s->start.aqmask);

    return count_between(s, true, &a) + count_between(s, false, &q) > 1;
}

static uint32_t masks_choose(struct graph *g)
{
    struct scene *s = g->s;
    struct ways a, b;
    uint32_t steps;

    ways_of(true, &s->start.apmask, &s->end.apmask, &a);
    ways_of(false, &s->start.aqmask, &s->end.aqmask, &b);
    steps = choose(g, &a, &b);
    if (steps == UINT32_MAX || !could_save(s))
        return steps;
    late_ways(s, true, &s->start.apmask, &s->end.apmask, &a);
    late_ways(s, false, &s->start.aqmask, &s->end.aqmask, &b);
    steps = choose(g, &a, &b);
    s->exact &= !could_save(s);
    return steps;
}

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
        if (is_node(g->s, node))
            successors(g, node, count_up);
    while (progress) {
        progress = false;
        for (uint32_t node = 0; node < g->nodes; node++) {
            if (done[node] || g->preceding[node] || !is_node(g->s, node))
                continue;
            done[node] = progress = true;
            out->v[out->count++] = node;
            successors(g, node, count_down);
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
    edges_find(&g);
    steps = masks_choose(&g);
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
