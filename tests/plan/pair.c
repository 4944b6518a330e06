/* SPDX-License-Identifier: MIT */
/* A pair of states: each step of its plan is allowed when it comes, and the plan is as short as the
 * search says; or there is no way. */
#include "small.h"

#include <stdio.h>

#include "store/setup.h"

/* The search knows no devices without an assignment, and no guests. */
static bool is_counted(const struct plan_step *s, const struct small *before,
                       const struct small *after)
{
    return s->kind == PLAN_WRITE && small_pack(before) != small_pack(after);
}

static bool owners_fit(const struct search *w, const struct small *now)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            int o = small_owner(now, a, q);

            if (o != -1 && o != small_owner(&w->start, a, q) && o != small_owner(&w->end, a, q))
                return false;
        }
    }
    return true;
}

static int follow(const struct search *w, const struct core *from, const struct core *to,
                  const struct plan *p, int fewest)
{
    struct core *core = setup_copy(from);
    struct small before = w->start;
    int writes = 0, rc = 0;
    text_auto what = {0};

    for (size_t i = 0; i < p->count && rc == 0; i++) {
        struct effects fx = {0};
        text_auto why = {0};
        struct small now;

        if (plan_step_execute(core, &p->steps[i], &fx, &why) < 0)
            rc = fail(w, p, why.data);
        effects_done(&fx);
        small_of(core, &now);
        writes += is_counted(&p->steps[i], &before, &now);
        before = now;
        if (rc == 0 && !owners_fit(w, &now))
            rc = fail(w, p, "an APQN has a foreign owner");
        if (rc == 0 && !keeps_guests(w, from, core))
            rc = fail(w, p, "a guest loses what it should keep");
    }
    if (rc == 0 && !plan_same(core, to, &what))
        rc = fail(w, p, what.data);
    counts.inexact += !p->fewest;
    if (rc == 0 && fewest >= 0 && writes != fewest && (p->fewest || writes < fewest)) {
        fprintf(stderr, "%d writes, %d would do\n", writes, fewest);
        rc = fail(w, p, "not the fewest");
    }
    core_free(core);
    return rc;
}

/* What was given up of the wanted masks cannot be had, bit by bit, as the search knows. */
static int check_given_up(const struct search *w, const struct small *got)
{
    struct search more = *w;
    int rc = got->a & ~w->end.a || got->q & ~w->end.q;

    for (unsigned i = 0; i < APIDS + APQIS && rc == 0; i++) {
        unsigned bit =
            i < APIDS ? (w->end.a & ~got->a) & 1u << i : (w->end.q & ~got->q) & 1u << (i - APIDS);

        more.end = *got;
        *(i < APIDS ? &more.end.a : &more.end.q) |= (uint8_t)bit;
        rc = bit && search(&more) >= 0;
    }
    return rc;
}

static int nearest(const struct search *w, const struct core *from, const struct core *to)
{
    struct search near = *w;
    struct core *core;
    struct plan p;
    text_auto given_up = {0};
    int rc = plan_nearest(from, to, false, &core, &p, &given_up) < 0;

    if (rc == 0) {
        small_of(core, &near.end);
        rc = check_given_up(w, &near.end);
    }
    if (rc == 0)
        rc = follow(&near, from, core, &p, search(&near));
    if (rc)
        fail(w, &p, "not the nearest state");
    plan_done(&p);
    core_free(core);
    return rc;
}

/* fewest: writes, -1 if there is no way. Where an interruption is allowed it may be -1 or fewer. */
int pair(const struct search *w)
{
    struct core *from = small_core(&w->start, w->upstream), *to = small_core(&w->end, w->upstream);
    struct plan p;
    text_auto why = {0};
    int fewest = search(w), rc = 0;

    if (plan_make(from, to, false, &p, &why) == 0) {
        counts.plans++;
        rc = fewest < 0 ? fail(w, &p, "there is no way, and here is a plan")
                        : follow(w, from, to, &p, fewest);
    } else {
        counts.refusals++;
        rc = fewest >= 0 ? fail(w, &p, why.data) : nearest(w, from, to);
    }
    plan_done(&p);
    core_free(from);
    core_free(to);
    return rc;
}

/* The undo of a plan is one, too. */
int undo(const struct search *w)
{
    struct search back = *w;

    back.start = w->end;
    back.end = w->start;
    return pair(&back);
}
