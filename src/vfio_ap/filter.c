/* SPDX-License-Identifier: MIT */
#include "vfio_ap/internal.h"

/*
 * What of a device's assignment is passed to its guest [guests-filter]. It is always computed from
 * scratch: an incremental version passed a queue that was not bound [guests-filter-whole].
 */

/* The APCB is a product of masks, so an adapter is withheld as a whole if one of its queues cannot
 * be passed. */
static bool adapter_passable(const struct vfio_ap *v, unsigned apid, const struct mask256 *domains)
{
    const struct ap_card *card = ap_bus_card(v->bus, apid);

    if (v->abi->standby_withheld && !(card && card->config))
        return false;
    if (mask256_intersects(&v->unreset[apid], domains))
        return false;
    mask256_for_each (apqi, domains) {
        if (ap_bus_queue_driver(v->bus, AP_QN(apid, apqi)) != v->driver)
            return false;
    }
    return true;
}

bool mdev_adapter_passable(const struct vfio_ap *v, const struct mdev *m, unsigned apid)
{
    struct mask256 domains = mask256_and(m->assigned.aqm, v->host.aqm);

    return adapter_passable(v, apid, &domains);
}

struct apcb mdev_filter(const struct vfio_ap *v, const struct mdev *m)
{
    struct apcb out = {.apm = mask256_and(m->assigned.apm, v->host.apm),
                       .aqm = mask256_and(m->assigned.aqm, v->host.aqm),
                       .adm = mask256_and(m->assigned.adm, v->host.adm)};
    struct mask256 candidates = out.apm;

    mask256_for_each (apid, &candidates) {
        if (!adapter_passable(v, apid, &out.aqm))
            mask256_clear(&out.apm, apid);
    }
    return out;
}

/* Resets and zeroizes the queues that are in old but not in new. */
static void reset_withdrawn(struct vfio_ap *v, const struct apcb *old, const struct apcb *new)
{
    mask256_for_each (apid, &old->apm) {
        mask256_for_each (apqi, &old->aqm) {
            ap_qn qn = AP_QN(apid, apqi);

            if (!apcb_has(new, qn))
                queue_reset(v, qn);
        }
    }
}

static void guest_update(struct vfio_ap_guest *g, const struct apcb *wanted, struct effects *fx)
{
    g->hw.apcb = *wanted;
    g->config_changes++;
    effects_add(fx, EFFECT_APCB)->id = g->number;
    effects_guest_notify(fx, g->number, NEWS_CONFIG);
}

/* Copies the device's effective masks to the guest's APCB. A guest that is asked to release the
 * device has lost its queues; the next change gives them back, as on Linux [matrix-remove]. */
static void guest_follow(struct mdev *m, bool changed, struct effects *fx)
{
    bool told = !m->interrupted && m->guest && apcb_equal(&m->guest->hw.apcb, &m->effective);

    m->interrupted = false;
    if (m->guest && !told && (changed || !m->unbound))
        guest_update(m->guest, &m->effective, fx);
}

void mdev_strip(struct mdev *m, struct apcb wanted, struct effects *fx)
{
    bool changed = !apcb_equal(&m->effective, &wanted);

    m->effective = wanted;
    m->stale = true;
    effects_changed(fx, STATE_MDEV, m->slot);
    guest_follow(m, changed, fx);
}

/* The order matters: the guest loses its queues, then they are zeroized, and only then can anyone
 * else get them. */
void mdev_pass(struct vfio_ap *v, struct mdev *m, struct apcb wanted, struct effects *fx)
{
    struct apcb old = m->effective;
    bool changed = !apcb_equal(&old, &wanted);

    m->effective = wanted;
    effects_changed(fx, STATE_MDEV, m->slot);
    guest_follow(m, changed, fx);
    if (changed)
        reset_withdrawn(v, &old, &wanted);
}

void mdev_publish(struct vfio_ap *v, struct mdev *m, struct apcb wanted, struct effects *fx)
{
    mdev_pass(v, m, wanted, fx);
    mdev_report(v, m, fx);
}

void mdev_refilter(struct vfio_ap *v, struct mdev *m, unsigned what, struct effects *fx)
{
    struct apcb new = mdev_filter(v, m), wanted = m->effective;

    if (what & MDEV_QUEUES) {
        wanted.apm = new.apm;
        wanted.aqm = new.aqm;
        m->stale = false;
    }
    if (what & MDEV_CONTROLS)
        wanted.adm = new.adm;
    mdev_publish(v, m, wanted, fx);
}

/* What was withdrawn before its reason was there, a queue without its driver. */
static void report(struct vfio_ap *v, struct effects *fx)
{
    struct mdev *m;

    v->unreported = false;
    slots_foreach (&v->mdevs, m)
        mdev_report(v, m, fx);
}

void vfio_ap_settle(void *ctx, struct effects *fx)
{
    struct vfio_ap *v = ctx;

    queue_resets_look(v);
    while (v->pending != MDEV_NONE) {
        struct mdev *m = mdev_at(v, v->pending);

        v->pending = m->next_pending;
        m->pending = false;
        mdev_refilter(v, m, MDEV_ALL, fx);
    }
    if (v->unreported)
        report(v, fx);
}
