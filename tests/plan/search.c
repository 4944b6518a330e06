/* SPDX-License-Identifier: MIT */
/* All states that a small machine can reach, by the rules in a second form. */
#include "small.h"

#include <string.h>

#define STATES (1u << (APIDS + APQIS) * (1 + MDEVS))

unsigned small_pack(const struct small *s)
{
    unsigned n = s->a | (unsigned)s->q << APIDS;

    for (int i = 0; i < MDEVS; i++)
        n |= (s->mdev_a[i] | (unsigned)s->mdev_q[i] << APIDS) << (APIDS + APQIS) * (i + 1);
    return n;
}

static void unpack(unsigned n, struct small *s)
{
    const unsigned a = (1 << APIDS) - 1, q = (1 << APQIS) - 1;

    s->a = n & a;
    s->q = n >> APIDS & q;
    for (int i = 0; i < MDEVS; i++) {
        unsigned m = n >> (APIDS + APQIS) * (i + 1);

        s->mdev_a[i] = m & a;
        s->mdev_q[i] = m >> APIDS & q;
    }
}

/* The rules of a write that changes s to t, one object at a time. */
static bool allowed(const struct search *w, const struct small *s, const struct small *t)
{
    if (small_collides(t))
        return false;
    for (int i = 0; i < MDEVS; i++) {
        bool differs = s->mdev_a[i] != t->mdev_a[i] || s->mdev_q[i] != t->mdev_q[i];

        if (differs && w->frozen[i])
            return false;
        if (w->upstream && s->mdev_a[i] && s->mdev_q[i] &&
            ((t->a & ~s->a & s->mdev_a[i]) || (t->q & ~s->q & s->mdev_q[i])))
            return false;
    }
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int o = small_owner(t, a, q);

            if (o != -1 && o != small_owner(&w->start, a, q) && o != small_owner(&w->end, a, q))
                return false;
        }
    }
    return true;
}

static uint8_t distance[STATES];

static unsigned queue[STATES];

int search(const struct search *w)
{
    unsigned head = 0, tail = 0, goal = small_pack(&w->end);
    const unsigned field = APIDS + APQIS;

    memset(distance, 0xff, sizeof distance);
    distance[queue[tail++] = small_pack(&w->start)] = 0;
    while (head < tail) {
        unsigned at = queue[head++];
        struct small s = w->start, t = w->start;

        if (at == goal)
            return distance[at];
        unpack(at, &s);
        for (unsigned object = 0; object < MDEVS + 2; object++) {
            unsigned shift = object < MDEVS ? field * (object + 1) : object == MDEVS ? 0 : APIDS;
            unsigned width = object < MDEVS ? field : object == MDEVS ? APIDS : APQIS;

            for (unsigned v = 0; v < 1u << width; v++) {
                unsigned to = (at & ~(((1u << width) - 1) << shift)) | v << shift;

                if (distance[to] != 0xff)
                    continue;
                unpack(to, &t);
                if (!allowed(w, &s, &t))
                    continue;
                distance[to] = (uint8_t)(distance[at] + 1);
                queue[tail++] = to;
            }
        }
    }
    return -1;
}
