/* SPDX-License-Identifier: MIT */
#include "override_search.h"

#include <stdlib.h>
#include <string.h>

#include "core/saved.h"

#define QUEUES (APIDS * APQIS)
#define ONES_A ((1u << APIDS) - 1)
#define ONES_Q ((1u << APQIS) - 1)

static bool has_override(const struct small *s)
{
    for (unsigned a = 0; a < APIDS; a++)
        for (unsigned q = 0; q < APQIS; q++)
            if (s->override[a][q] != NONE)
                return true;
    return false;
}

/* Whether zcrypt's drivers own the queue, so that it cannot be assigned. An override counts while a
 * driver has the queue. */
static bool is_owned(const struct state *t, unsigned a, unsigned q)
{
    if (t->s.override[a][q] != NONE && t->driver[a][q] != NONE)
        return t->driver[a][q] == ZCRYPT;
    return small_is_default(&t->s, a, q);
}

void state_fresh(const struct small *s, struct state *out)
{
    out->s = *s;
    for (unsigned a = 0; a < APIDS; a++)
        for (unsigned q = 0; q < APQIS; q++)
            out->driver[a][q] = s->override[a][q] != NONE   ? s->override[a][q]
                                : small_is_default(s, a, q) ? ZCRYPT
                                                            : VFIO_AP;
}

static enum driver driver_named(const char *name)
{
    return !name ? NONE : strcmp(name, "vfio_ap") == 0 ? VFIO_AP : ZCRYPT;
}

void state_of(const struct core *c, struct state *out)
{
    *out = (struct state){0};
    small_of(c, &out->s);
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            struct change of = {.kind = STATE_OVERRIDE, .id = AP_QN(a, q)};
            struct apqn_info info;
            struct saved s;

            core_apqn_info(c, AP_QN(a, q), &info);
            out->driver[a][q] = driver_named(info.driver);
            if (saved_get(c, &of, &s))
                out->s.override[a][q] = s.override.len == strlen("vfio_ap") ? VFIO_AP : ZCRYPT;
        }
    }
}

static int assignee(const struct small *s, unsigned a, unsigned q)
{
    for (int i = 0; i < MDEVS; i++)
        if (s->mdev_a[i] >> a & 1 && s->mdev_q[i] >> q & 1)
            return i;
    return -1;
}

/* Who has the queue at the start or at the end: a device, 100: zcrypt, or -1. */
static int owner(const struct small *s, unsigned a, unsigned q)
{
    struct state t;
    int device = assignee(s, a, q);

    state_fresh(s, &t);
    return device >= 0 ? device : t.driver[a][q] == ZCRYPT ? 100 : -1;
}

bool state_fits(const struct search *w, const struct state *now)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int device = assignee(&now->s, a, q), before = owner(&w->start, a, q),
                after = owner(&w->end, a, q);
            bool zcrypt = now->driver[a][q] == ZCRYPT;

            if (zcrypt && (device >= 0 || (before != 100 && after != 100)))
                return false;
            if (device >= 0 && device != before && device != after)
                return false;
            if (device >= 0 && w->frozen[device] && now->driver[a][q] != VFIO_AP)
                return false;
        }
    }
    return true;
}

/* The search: a state as a number, how far each is, and those that are to be looked at. */

#define PAIRS   (3u * 3u) /* an override and a driver */
#define DEVICES (1u << MDEVS * (APIDS + APQIS))
#define MASKS   (1u << (APIDS + APQIS))
#define STATES  (PAIRS * PAIRS * PAIRS * PAIRS * DEVICES * MASKS)

static unsigned pack(const struct state *t)
{
    unsigned n = 0;

    for (unsigned a = 0; a < APIDS; a++)
        for (unsigned q = 0; q < APQIS; q++)
            n = n * PAIRS + t->s.override[a][q] * 3u + t->driver[a][q];
    for (int i = 0; i < MDEVS; i++)
        n = (n << APIDS | t->s.mdev_a[i]) << APQIS | t->s.mdev_q[i];
    return (n << APIDS | t->s.a) << APQIS | t->s.q;
}

static void unpack(unsigned n, struct state *t)
{
    t->s.q = n & ONES_Q;
    t->s.a = n >> APQIS & ONES_A;
    n >>= APIDS + APQIS;
    for (int i = MDEVS; i-- > 0; n >>= APIDS + APQIS) {
        t->s.mdev_q[i] = n & ONES_Q;
        t->s.mdev_a[i] = n >> APQIS & ONES_A;
    }
    for (unsigned k = QUEUES; k-- > 0; n /= PAIRS) {
        t->s.override[k / APQIS][k % APQIS] = n % PAIRS / 3;
        t->driver[k / APQIS][k % APQIS] = n % 3;
    }
}

bool state_equal(const struct state *a, const struct state *b)
{
    return pack(a) == pack(b);
}

struct searching {
    const struct search *w;
    uint8_t *distance; /* 0xff: not reached */
    unsigned *queue;
    size_t head, tail, room;
    uint8_t next;
};

static void reach(struct searching *g, const struct state *t)
{
    unsigned to = pack(t);

    if (g->distance[to] != 0xff || !state_fits(g->w, t))
        return;
    if (g->tail == g->room)
        g->queue = xrealloc(g->queue, (g->room = g->room * 2 + 1024) * sizeof *g->queue);
    g->distance[to] = g->next;
    g->queue[g->tail++] = to;
}

/* Linux refuses a mask that gives zcrypt what a device has. */
static bool is_vetoed(const struct search *w, const struct small *s, const struct small *t)
{
    for (int i = 0; i < MDEVS; i++) {
        if (w->upstream && s->mdev_a[i] && s->mdev_q[i] &&
            ((t->a & ~s->a & s->mdev_a[i]) || (t->q & ~s->q & s->mdev_q[i])))
            return true;
    }
    for (unsigned a = 0; a < APIDS; a++)
        for (unsigned q = 0; q < APQIS; q++)
            if (assignee(s, a, q) >= 0 && small_is_default(t, a, q) && !small_is_default(s, a, q))
                return true;
    return false;
}

static void write_mask(struct searching *g, const struct state *t, unsigned a, unsigned q)
{
    struct state to = *t;

    to.s.a = (uint8_t)a;
    to.s.q = (uint8_t)q;
    if (has_override(&t->s) || is_vetoed(g->w, &t->s, &to.s))
        return;
    for (unsigned i = 0; i < APIDS; i++) {
        for (unsigned k = 0; k < APQIS; k++) {
            bool zcrypt = small_is_default(&to.s, i, k);

            if (!g->w->upstream || t->driver[i][k] != NONE || !zcrypt)
                to.driver[i][k] = zcrypt ? ZCRYPT : VFIO_AP;
        }
    }
    reach(g, &to);
}

static void write_masks(struct searching *g, const struct state *t)
{
    for (unsigned a = 0; a <= ONES_A && g->w->start.a != g->w->end.a; a++)
        write_mask(g, t, a, t->s.q);
    for (unsigned q = 0; q <= ONES_Q && g->w->start.q != g->w->end.q; q++)
        write_mask(g, t, t->s.a, q);
}

static void write_queue(struct searching *g, const struct state *t, unsigned a, unsigned q)
{
    for (enum driver d = NONE; d <= ZCRYPT; d++) {
        struct state to = *t;

        to.s.override[a][q] = d;
        if (t->s.a == ONES_A && t->s.q == ONES_Q)
            reach(g, &to);
        to = *t;
        to.driver[a][q] = d; /* unbind, or bind */
        if (d == NONE ||
            (t->driver[a][q] == NONE &&
             (t->s.override[a][q] != NONE ? t->s.override[a][q] == d
                                          : small_is_default(&t->s, a, q) == (d == ZCRYPT))))
            reach(g, &to);
    }
}

static bool can_assign(const struct state *t, int device, uint8_t apm, uint8_t aqm)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int other = assignee(&t->s, a, q);

            if (!(apm >> a & 1 && aqm >> q & 1))
                continue;
            if (is_owned(t, a, q) || (other >= 0 && other != device))
                return false;
        }
    }
    return true;
}

/* By ap_config, or by unassigning one adapter or domain, which is never refused. */
static void write_device(struct searching *g, const struct state *t, int i)
{
    for (unsigned v = 0; v < 1u << (APIDS + APQIS) && !g->w->frozen[i]; v++) {
        struct state to = *t;
        unsigned less = (t->s.mdev_a[i] | (unsigned)t->s.mdev_q[i] << APIDS) ^ v;

        to.s.mdev_a[i] = v & ONES_A;
        to.s.mdev_q[i] = (uint8_t)(v >> APIDS);
        if (can_assign(t, i, to.s.mdev_a[i], to.s.mdev_q[i]) ||
            (!(less & v) && !(less & (less - 1))))
            reach(g, &to);
    }
}

static int find(struct searching *g, unsigned goal)
{
    while (g->head < g->tail) {
        unsigned at = g->queue[g->head++];
        struct state t = {g->w->start, {{0}}};

        if (at == goal)
            return g->distance[at];
        g->next = (uint8_t)(g->distance[at] + 1);
        unpack(at, &t);
        write_masks(g, &t);
        for (unsigned k = 0; k < QUEUES; k++)
            write_queue(g, &t, k / APQIS, k % APQIS);
        for (int i = 0; i < MDEVS; i++)
            write_device(g, &t, i);
    }
    return -1;
}

int override_search(const struct search *w)
{
    static uint8_t *distance; /* 0xff between searches */
    struct searching g = {.w = w};
    struct state t;
    int found;

    if (!distance) {
        distance = xmalloc(STATES);
        memset(distance, 0xff, STATES);
    }
    g.distance = distance;
    state_fresh(&w->start, &t);
    reach(&g, &t);
    state_fresh(&w->end, &t);
    found = find(&g, pack(&t));
    for (size_t i = 0; i < g.tail; i++)
        distance[g.queue[i]] = 0xff;
    free(g.queue);
    return found;
}
