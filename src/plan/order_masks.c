/* SPDX-License-Identifier: MIT */
/* The ways to write the two masks, and the cheapest of them. */
#include <string.h>

#include "plan/order.h"

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
        uint32_t found = order_cost(g);

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
    return best.cost == UINT32_MAX ? UINT32_MAX : order_cost(g);
}

/* Whether one more write of a mask could save two of devices. */
static bool could_save(const struct scene *s)
{
    struct mask256 a = mask256_andnot(s->end.apmask, s->start.apmask),
                   q = mask256_andnot(s->end.aqmask, s->start.aqmask);

    return count_between(s, true, &a) + count_between(s, false, &q) > 1;
}

uint32_t order_masks(struct graph *g)
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
