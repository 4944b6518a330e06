/* SPDX-License-Identifier: MIT */
#include "vfio_ap/internal.h"

/* The log says at once what a guest loses, or does not get although it is assigned, and why
 * [guests-withheld]. */

#define NAMED 4u /* others are only counted */

static void explain_queue(const struct vfio_ap *v, ap_qn qn, struct text *out)
{
    const struct ap_driver *driver = ap_bus_queue_driver(v->bus, qn);
    char name[AP_QN_TEXT];

    ap_qn_format(qn, name);
    text_addf(out, "queue %s ", name);
    if (!ap_bus_queue(v->bus, qn))
        text_adds(out, "is not there");
    else if (driver)
        text_addf(out, "is bound to %s", driver->name);
    else
        text_adds(out, "is bound to no driver");
}

/* In the order in which adapter_passable of filter.c asks. */
static void explain_adapter(const struct vfio_ap *v, const struct mdev *m, unsigned apid,
                            struct text *out)
{
    const struct ap_card *card = ap_bus_card(v->bus, apid);
    struct mask256 domains = mask256_and(m->assigned.aqm, v->host.aqm);

    text_addf(out, " adapter 0x%02x (", apid);
    if (!mask256_test(&v->host.apm, apid))
        text_adds(out, "the LPAR does not have it");
    else if (v->abi->standby_withheld && !(card && card->config))
        text_adds(out, "it is in standby");
    else if (mask256_intersects(&v->unreset[apid], &domains))
        text_adds(out, "the reset of its queues goes on");
    else
        mask256_for_each (apqi, &domains) {
            if (ap_bus_queue_driver(v->bus, AP_QN(apid, apqi)) == v->driver)
                continue;
            explain_queue(v, AP_QN(apid, apqi), out);
            break;
        }
    text_adds(out, ")");
}

static unsigned count_of(const struct apcb *a)
{
    return mask256_count(&a->apm) + mask256_count(&a->aqm) + mask256_count(&a->adm);
}

static void explain_all(const struct vfio_ap *v, const struct mdev *m, const struct apcb *which,
                        struct text *out)
{
    unsigned named = 0;
    const char *comma = "";

    mask256_for_each (apid, &which->apm) {
        if (named++ >= NAMED)
            continue;
        text_adds(out, comma);
        explain_adapter(v, m, apid, out);
        comma = ",";
    }
    mask256_for_each (apqi, &which->aqm) {
        if (named++ < NAMED)
            text_addf(out, "%s domain 0x%02x (the LPAR does not have it)", comma, apqi);
        comma = ",";
    }
    mask256_for_each (apqi, &which->adm) {
        if (named++ < NAMED)
            text_addf(out, "%s control domain 0x%02x (the LPAR does not have it)", comma, apqi);
        comma = ",";
    }
    if (count_of(which) > NAMED)
        text_addf(out, " and %u more", count_of(which) - NAMED);
}

static struct apcb difference(const struct apcb *a, const struct apcb *b)
{
    return (struct apcb){mask256_andnot(a->apm, b->apm), mask256_andnot(a->aqm, b->aqm),
                         mask256_andnot(a->adm, b->adm)};
}

static void say(const struct vfio_ap *v, const struct mdev *m, const char *verb,
                const struct apcb *which, struct effects *fx)
{
    text_auto why = {0};

    if (!count_of(which))
        return;
    explain_all(v, m, which, &why);
    effects_log(fx, LOG_LEVEL_WARNING, "guest %s %s%s", m->guest->name, verb, why.data);
}

void mdev_report(const struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    struct apcb withheld, new, lost, missing;

    if (!m->guest || m->unbound)
        return;
    withheld = difference(&m->assigned, &m->effective);
    new = difference(&withheld, &m->told_withheld);
    lost = apcb_and(&new, &m->told_passed);
    missing = difference(&new, &lost);
    say(v, m, "loses", &lost, fx);
    say(v, m, "does not get", &missing, fx);
    m->told_withheld = withheld;
    m->told_passed = m->effective;
}
