/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/state.h"

/* Whether a guest could be migrated, and what is in the way. */

/* The first names of a list, which is one line however long it is. */
#define NAMES_SHOWN 8u
struct names {
    struct text *out;
    unsigned count;
};

static void name_add(struct names *n, const char *format, unsigned first, unsigned second)
{
    if (n->count++ >= NAMES_SHOWN)
        return;
    text_adds(n->out, n->count > 1 ? ", " : " ");
    text_addf(n->out, format, first, second);
}

static void names_end(const struct names *n)
{
    if (n->count > NAMES_SHOWN)
        text_addf(n->out, " and %u more", n->count - NAMES_SHOWN);
}

/* Queues and control domains that a has and but has not. */
static void name_product(struct names *n, const struct apcb *a, const struct apcb *but)
{
    mask256_for_each (apid, &a->apm) {
        mask256_for_each (apqi, &a->aqm) {
            if (!apcb_has(but, AP_QN(apid, apqi)))
                name_add(n, "%02x.%04x", apid, apqi);
        }
    }
    mask256_for_each (adm, &a->adm) {
        if (!mask256_test(&but->adm, adm))
            name_add(n, "control domain %04x", adm, 0);
    }
}

/* Adapters and domains that make no queue. */
static void name_halves(struct names *n, const struct apcb *a)
{
    if (mask256_empty(&a->aqm))
        mask256_for_each (apid, &a->apm)
            name_add(n, "adapter %02x", apid, 0);
    if (mask256_empty(&a->apm))
        mask256_for_each (apqi, &a->aqm)
            name_add(n, "domain %04x", apqi, 0);
}

static void name_plugged(const struct apcb *usable, const struct apcb *assigned, struct text *out)
{
    static const struct apcb nothing;
    text_auto can = {0}, merely = {0};
    struct names first = {&can, 0}, second = {&merely, 0};

    name_product(&first, usable, &nothing);
    names_end(&first);
    name_product(&second, assigned, usable);
    name_halves(&second, assigned);
    names_end(&second);
    if (first.count)
        text_addf(out, "; it can use%s", can.data);
    if (second.count)
        text_addf(out, "; assigned, but of no use to it now:%s", merely.data);
}

/*
 * Migration is refused as long as anything is assigned to the guest's device [guests-migration].
 * reply->value 1: nothing is, but the device itself is still there.
 */
int core_guest_migrate(struct core *c, const struct command *cmd, struct effects *fx,
                       struct reply *reply)
{
    struct core_guest *g;
    const struct apcb *a;
    int rc = guest_find(c, cmd, reply, &g);

    if (rc < 0 || !g->v.mdev)
        return rc;
    a = mdev_assigned(g->v.mdev);
    if (mask256_empty(&a->apm) && mask256_empty(&a->aqm) && mask256_empty(&a->adm)) {
        reply->value = 1;
        return 0;
    }
    text_addf(&reply->why, "guest %s cannot be migrated while AP resources are plugged", g->name);
    name_plugged(&g->v.hw.apcb, a, &reply->why);
    text_adds(&reply->why, "; unassign them, or detach the mediated device");
    return -EBUSY;
}
