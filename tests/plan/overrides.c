/* SPDX-License-Identifier: MIT */
/*
 * Plans between random states of a machine of 2 x 2 queues, of which one or both have overrides,
 * and back. What is checked is as in main.c, against a search of its own, which binds queues, too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "override_search.h"
#include "store/setup.h"

/* inexact: plans that do not say that they are the shortest ones; interrupted: refusals that are
 * plans if guests may be interrupted. */
static struct {
    unsigned plans, inexact, refusals, interrupted;
} seen;

/* Masks with all bits set, and overrides; or masks with some cleared. */
static void random_owners(struct small *s, bool overrides)
{
    *s = (struct small){.all = true,
                        .lpar_a = (1 << APIDS) - 1,
                        .lpar_q = (1 << APQIS) - 1,
                        .a = (1 << APIDS) - 1,
                        .q = (1 << APQIS) - 1};
    while (!overrides && s->a == (1 << APIDS) - 1 && s->q == (1 << APQIS) - 1) {
        s->a = (uint8_t)below(1 << APIDS);
        s->q = (uint8_t)below(1 << APQIS);
    }
    for (unsigned a = 0; a < APIDS && overrides; a++)
        for (unsigned q = 0; q < APQIS; q++)
            s->override[a][q] = below(4) ? 1 + (below(4) == 0) : NONE;
}

/* No two devices have an APQN, nor a device and zcrypt. */
static bool is_possible(const struct small *s)
{
    struct state t;

    state_fresh(s, &t);
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int owners = t.driver[a][q] == ZCRYPT;

            for (int i = 0; i < MDEVS; i++)
                owners += s->mdev_a[i] >> a & 1 && s->mdev_q[i] >> q & 1;
            if (owners > 1)
                return false;
        }
    }
    return true;
}

static void random_devices(struct small *s, int from)
{
    do {
        for (int i = from; i < MDEVS; i++) {
            s->exists[i] = below(8) != 0;
            s->guest[i] = s->exists[i] && below(2);
            s->mdev_a[i] = s->exists[i] ? (uint8_t)below(1 << APIDS) : 0;
            s->mdev_q[i] = s->exists[i] ? (uint8_t)below(1 << APQIS) : 0;
        }
    } while (!is_possible(s));
}

/* One device often stays as it is, if it can. */
static void random_pair(struct search *w)
{
    bool both = below(3) == 0, stays = below(3) > 0;

    random_owners(&w->start, both);
    random_devices(&w->start, 0);
    do {
        random_owners(&w->end, true);
        w->end.exists[0] = stays && w->start.exists[0];
        w->end.guest[0] = stays && w->start.guest[0];
        w->end.mdev_a[0] = stays ? w->start.mdev_a[0] : 0;
        w->end.mdev_q[0] = stays ? w->start.mdev_q[0] : 0;
    } while (stays && !is_possible(&w->end));
    random_devices(&w->end, stays);
    for (int i = 0; i < MDEVS; i++)
        w->frozen[i] = w->start.guest[i] && w->end.guest[i] &&
                       w->start.mdev_a[i] == w->end.mdev_a[i] &&
                       w->start.mdev_q[i] == w->end.mdev_q[i];
}

static int follow(const struct search *w, const struct core *from, const struct core *to,
                  const struct plan *p, int fewest)
{
    struct core *core = setup_copy(from);
    struct state before, now, end;
    int writes = 0, rc = 0;
    text_auto what = {0};

    state_of(from, &before);
    for (size_t i = 0; i < p->count && rc == 0; i++) {
        struct effects fx = {0};
        text_auto why = {0};

        if (plan_step_execute(core, &p->steps[i], &fx, &why) < 0)
            rc = fail(w, p, why.data);
        effects_done(&fx);
        state_of(core, &now);
        writes += p->steps[i].kind == PLAN_WRITE && !state_equal(&before, &now);
        before = now;
        if (rc == 0 && !state_fits(w, &now))
            rc = fail(w, p, "an APQN has a foreign owner");
        if (rc == 0 && !keeps_guests(w, from, core))
            rc = fail(w, p, "a guest loses what it should keep");
    }
    state_of(to, &end);
    if (rc == 0 && (!plan_same(core, to, &what) || !state_equal(&before, &end)))
        rc = fail(w, p, "the end is not the wanted state");
    seen.inexact += !p->fewest;
    if (rc == 0 && fewest >= 0 && writes != fewest && (p->fewest || writes < fewest)) {
        fprintf(stderr, "%d writes, %d would do\n", writes, fewest);
        rc = fail(w, p, "not the fewest");
    }
    core_free(core);
    return rc;
}

/* What is refused for a guest's sake can be had with an interruption. */
static int interrupted(const struct search *w, const struct core *from, const struct core *to)
{
    struct search loose = *w;
    struct plan p;
    text_auto why = {0};
    int fewest, rc;

    memset(loose.frozen, 0, sizeof loose.frozen);
    fewest = override_search(&loose);
    if (plan_make(from, to, true, &p, &why) == 0) {
        seen.interrupted++;
        rc = fewest < 0 ? fail(w, &p, "there is no way, and here is a plan")
                        : follow(&loose, from, to, &p, -1);
    } else {
        rc = fewest >= 0 ? fail(w, &p, why.data) : 0;
    }
    plan_done(&p);
    return rc;
}

static int plan_pair(const struct search *w)
{
    struct core *from = small_core(&w->start, w->upstream), *to = small_core(&w->end, w->upstream);
    struct plan p;
    text_auto why = {0};
    int fewest = override_search(w), rc;

    if (plan_make(from, to, false, &p, &why) == 0) {
        seen.plans++;
        rc = fewest < 0 ? fail(w, &p, "there is no way, and here is a plan")
                        : follow(w, from, to, &p, fewest);
    } else {
        seen.refusals++;
        rc = fewest >= 0 ? fail(w, &p, why.data) : interrupted(w, from, to);
    }
    plan_done(&p);
    core_free(from);
    core_free(to);
    return rc;
}

int main(int argc, char **argv)
{
    unsigned pairs = small_options(argc, argv, 60);

    for (unsigned n = 0; n < pairs; n++) {
        struct search w = {.upstream = n & 1}, back;

        random_pair(&w);
        back = w;
        back.start = w.end;
        back.end = w.start;
        if (plan_pair(&w) || plan_pair(&back)) {
            fprintf(stderr, "pair %u fails\n", n);
            return 1;
        }
    }
    printf("%u plans (%u may not be the shortest), %u refusals (%u for guests alone)\n", seen.plans,
           seen.inexact, seen.refusals, seen.interrupted);
    return seen.inexact > 2 + seen.plans / 10;
}
