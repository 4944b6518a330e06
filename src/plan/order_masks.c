/* SPDX-License-Identifier: MIT */
/* The ways to write the two masks, with overrides before, after or instead, and the cheapest of
 * them. */
#include <string.h>

#include "plan/order.h"

/* The ways to write one mask: not at all, at once, or first what goes and then what comes. */
struct way {
    struct event v[3];
    size_t count;
};

struct ways {
    struct way v[6];
    size_t count;
};

static enum event_kind kind_of(bool adapters)
{
    return adapters ? EVENT_APMASK : EVENT_AQMASK;
}

static void ways_of(bool adapters, const struct mask256 *start, const struct mask256 *end,
                    struct ways *out)
{
    struct mask256 both = mask256_and(*start, *end);
    enum event_kind kind = kind_of(adapters);

    out->count = 1;
    out->v[0].count = 0;
    if (mask256_equal(start, end))
        return;
    out->v[0] = (struct way){{{kind, *end}}, 1};
    if (!mask256_equal(&both, start) && !mask256_equal(&both, end))
        out->v[out->count++] = (struct way){{{kind, both}, {kind, *end}}, 2};
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
    struct mask256 late = all ? *fresh : (struct mask256){0};

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
    enum event_kind kind = kind_of(adapters);

    ways_of(adapters, start, end, out);
    for (int all = 0; all < 2; all++) {
        struct mask256 late = late_bits(s, adapters, all, &fresh),
                       early = mask256_andnot(*end, late);

        if (mask256_empty(&late) || mask256_equal(&late, &fresh))
            continue;
        out->v[out->count++] = (struct way){{{kind, early}, {kind, *end}}, 2};
        out->v[out->count++] = (struct way){{{kind, both}, {kind, early}, {kind, *end}}, 3};
    }
}

struct best {
    struct event events[EVENTS_MAX];
    size_t count;
    uint32_t cost;
};

static void add_event(struct scene *s, struct event e)
{
    s->events[s->event_count++] = e;
}

static void try_events(struct graph *g, struct best *best)
{
    struct scene *s = g->s;
    size_t count = s->event_count;
    uint32_t found;

    if (s->overrides == OVERRIDES_COME)
        add_event(s, (struct event){.kind = EVENT_OVERRIDES});
    found = order_cost(g);
    if (found < best->cost) {
        best->cost = found;
        best->count = s->event_count;
        memcpy(best->events, s->events, sizeof s->events);
    }
    s->event_count = count;
}

/* All interleavings of the rest of two ways. */
static void interleave(struct graph *g, const struct way *a, size_t at, const struct way *b,
                       size_t bt, struct best *best)
{
    struct scene *s = g->s;

    if (at == a->count && bt == b->count) {
        try_events(g, best);
        return;
    }
    if (at < a->count) {
        add_event(s, a->v[at]);
        interleave(g, a, at + 1, b, bt, best);
        s->event_count--;
    }
    if (bt < b->count) {
        add_event(s, b->v[bt]);
        interleave(g, a, at, b, bt + 1, best);
        s->event_count--;
    }
}

static uint32_t choose(struct graph *g, const struct ways *a, const struct ways *b)
{
    struct scene *s = g->s;
    struct best best = {.cost = UINT32_MAX};

    s->event_count = 0;
    if (s->overrides == OVERRIDES_GO)
        add_event(s, (struct event){.kind = EVENT_OVERRIDES});
    if (s->overrides == OVERRIDES_ALONE) {
        add_event(s, (struct event){.kind = EVENT_OVERRIDES_RESERVE});
        add_event(s, (struct event){.kind = EVENT_OVERRIDES_RELEASE});
    }
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            interleave(g, &a->v[i], 0, &b->v[k], 0, &best);
    memcpy(s->events, best.events, sizeof s->events);
    s->event_count = best.count;
    return best.cost == UINT32_MAX ? UINT32_MAX : order_cost(g);
}

/* Whether one more write of a mask could save two of devices. */
static bool could_save(const struct scene *s)
{
    struct mask256 a = mask256_andnot(s->end.apmask, s->start.apmask),
                   q = mask256_andnot(s->end.aqmask, s->start.aqmask);

    return count_between(s, true, &a) + count_between(s, false, &q) > 1;
}

/* Where masks come in place of overrides, the first of them takes away from zcrypt all that it must
 * not get, and gives some of it back later. */
static void cover(const struct scene *s, bool adapters, struct ways *out)
{
    const struct mask256 *end = adapters ? &s->end.apmask : &s->end.aqmask;
    struct mask256 covered = {0}, first;
    enum event_kind kind = kind_of(adapters);

    mask256_for_each (apid, &s->adapters) {
        struct mask256 row = mask256_andnot(s->domains, s->owned[0][apid]);

        row = mask256_andnot(row, s->owned[1][apid]);
        mask256_assign(&covered, apid, adapters && !mask256_empty(&row));
        covered = adapters ? covered : mask256_or(covered, row);
    }
    first = mask256_andnot(*end, covered);
    if (!mask256_equal(&first, end))
        out->v[out->count++] = (struct way){{{kind, first}, {kind, *end}}, 2};
}

/* Devices that are written twice could be written once, between two writes of a mask; and queues
 * be unbound, be covered, or be zcrypt's for a while, whatever is less. A cover that is given back
 * is one of several ways. */
static bool is_proven(const struct scene *s, size_t events, uint32_t steps)
{
    size_t splits = 0;

    for (size_t n = 0; n < s->count; n++)
        splits += s->v[n].split;
    return splits < 2 && s->event_count <= events && steps <= events + splits;
}

static uint32_t masks_for_overrides(struct graph *g, struct ways *a, struct ways *b)
{
    struct scene *s = g->s;
    size_t least = 1 + a->v[0].count + b->v[0].count;
    uint32_t steps;

    if (least > 2) {
        cover(s, true, a);
        cover(s, false, b);
    }
    steps = choose(g, a, b);
    s->exact &= is_proven(s, least, steps);
    return steps;
}

uint32_t order_masks(struct graph *g)
{
    struct scene *s = g->s;
    struct ways a, b;
    uint32_t steps;

    ways_of(true, &s->start.apmask, &s->end.apmask, &a);
    ways_of(false, &s->start.aqmask, &s->end.aqmask, &b);
    if (s->overrides == OVERRIDES_GO)
        return masks_for_overrides(g, &a, &b);
    steps = choose(g, &a, &b);
    if (steps == UINT32_MAX || s->overrides != OVERRIDES_NONE || !could_save(s))
        return steps;
    late_ways(s, true, &s->start.apmask, &s->end.apmask, &a);
    late_ways(s, false, &s->start.aqmask, &s->end.aqmask, &b);
    steps = choose(g, &a, &b);
    s->exact &= !could_save(s);
    return steps;
}
