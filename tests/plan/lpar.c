/* SPDX-License-Identifier: MIT */
/* Pairs of states in which the LPAR changes, too. */
#include "small.h"

#include <stdio.h>
#include <string.h>

#include "store/setup.h"

/* Whether the LPAR has the queue, and who may use it then: 100 zcrypt, a device's number, or -1. */
static int real_owner(const struct small *s, unsigned a, unsigned q)
{
    return s->lpar_a >> a & 1 && s->lpar_q >> q & 1 ? small_owner(s, a, q) : -1;
}

static bool is_exposed(const struct search *w, const struct core *core)
{
    for (unsigned a = 0; a < APIDS; a++) {
        for (unsigned q = 0; q < APQIS; q++) {
            struct apqn_info info;
            int o;

            core_apqn_info(core, AP_QN(a, q), &info);
            o = !info.device ? -1 : info.zcrypt ? 100 : info.in_use ? info.mdev.bytes[15] : -1;
            if (o != -1 && o != real_owner(&w->start, a, q) && o != real_owner(&w->end, a, q))
                return true;
        }
    }
    return false;
}

static bool same_lpar(const struct core *x, const struct core *y)
{
    struct host_info a, b;
    bool same = true;

    core_host_info(x, &a);
    core_host_info(y, &b);
    for (unsigned apid = 0; apid < APIDS; apid++) {
        struct adapter_info c, d;

        core_adapter_info(x, apid, &c);
        core_adapter_info(y, apid, &d);
        same &= c.in_lpar == d.in_lpar && (!c.in_lpar || c.online == d.online);
    }
    return same && mask256_equal(&a.aqm, &b.aqm) && mask256_equal(&a.adm, &b.adm);
}

static int follow_lpar(const struct search *w, const struct core *from, const struct core *to,
                       const struct plan *p, bool interrupt)
{
    struct core *core = setup_copy(from);
    text_auto what = {0};
    int rc = 0;

    for (size_t i = 0; i < p->count && rc == 0; i++) {
        struct effects fx = {0};
        text_auto why = {0};

        if (plan_step_execute(core, &p->steps[i], &fx, &why) < 0)
            rc = fail(w, p, why.data);
        effects_done(&fx);
        if (rc == 0 && is_exposed(w, core))
            rc = fail(w, p, "an APQN has a foreign owner");
        if (rc == 0 && !interrupt && !keeps_guests(w, from, core))
            rc = fail(w, p, "a guest loses what it should keep");
    }
    if (rc == 0 && (!same_lpar(core, to) || !plan_same(core, to, &what)))
        rc = fail(w, p, "the end is not the wanted state");
    core_free(core);
    return rc;
}

/* Where guests may be interrupted there is a plan, with at most two tasks at the Support Element.
 */
static int lpar_pair(const struct search *w, bool interrupt)
{
    struct core *from = small_core(&w->start, w->upstream), *to = small_core(&w->end, w->upstream);
    struct plan p;
    text_auto why = {0};
    unsigned here = 0;
    int rc = 0;

    if (plan_make(from, to, interrupt, &p, &why) == 0) {
        for (size_t i = 0; i < p.count; i++)
            here += p.steps[i].kind == PLAN_SE_LPAR;
        rc = here > 2 ? fail(w, &p, "too many tasks") : follow_lpar(w, from, to, &p, interrupt);
        counts.tasks += here;
    } else if (interrupt) {
        rc = fail(w, &p, why.data);
    }
    plan_done(&p);
    core_free(from);
    core_free(to);
    return rc;
}

int random_lpar_pair(const struct search *w)
{
    struct search forth = *w, back;
    bool interrupt = below(2);

    forth.start.lpar_a = (uint8_t)below(1 << APIDS);
    forth.start.lpar_q = (uint8_t)below(1 << APQIS);
    forth.end.lpar_a = (uint8_t)below(1 << APIDS);
    forth.end.lpar_q = (uint8_t)below(1 << APQIS);
    back = forth;
    back.start = forth.end;
    back.end = forth.start;
    for (int i = 0; i < MDEVS; i++)
        forth.frozen[i] = back.frozen[i] = w->frozen[i] && forth.start.lpar_a == forth.end.lpar_a &&
                                           forth.start.lpar_q == forth.end.lpar_q;
    return lpar_pair(&forth, interrupt) || lpar_pair(&back, interrupt);
}
