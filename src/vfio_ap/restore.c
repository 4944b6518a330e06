/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "vfio_ap/internal.h"

/* What outlives the daemon of mediated devices. */

const struct mdev *vfio_ap_at(const struct vfio_ap *v, uint32_t slot)
{
    return mdev_at(v, slot);
}

uint32_t mdev_slot(const struct mdev *m)
{
    return m->slot;
}

static bool is_free(const struct vfio_ap *v, const struct apcb *assigned)
{
    mask256_for_each (apid, &assigned->apm) {
        if (mask256_intersects(&v->taken[apid], &assigned->aqm))
            return false;
    }
    return true;
}

unsigned vfio_ap_misfit(const struct vfio_ap *v, const struct apcb *assigned,
                        const struct apcb *effective)
{
    mask256_for_each (apid, &effective->apm) {
        mask256_for_each (apqi, &effective->aqm) {
            ap_qn qn = AP_QN(apid, apqi);
            const struct ap_driver *driver = ap_bus_queue_driver(v->bus, qn);

            if (!apcb_has(assigned, qn) || (driver && driver != v->driver))
                return qn;
        }
    }
    return AP_APQNS;
}

int vfio_ap_restore(struct vfio_ap *v, uint32_t slot, const struct uuid *uuid,
                    const struct apcb *assigned, const struct apcb *effective, struct effects *fx)
{
    struct mdev *m;

    if (slot >= MDEV_MAX || mdev_at(v, slot) || vfio_ap_find(v, uuid) || !is_free(v, assigned))
        return -EEXIST;
    m = xcalloc(1, sizeof *m);
    m->uuid = *uuid;
    mdev_enter_at(v, m, slot);
    v->group_count++;
    assign_commit(v, m, assigned, fx);
    m->effective = effective ? *effective : mdev_filter(v, m);
    m->stale = effective;
    return 0;
}

int vfio_ap_restore_unbound(struct vfio_ap *v, uint32_t slot)
{
    const struct apcb nothing = {0};
    struct mdev *m = mdev_at(v, slot);

    if (!apcb_equal(&m->assigned, &nothing) || !apcb_equal(&m->effective, &nothing))
        return -EINVAL;
    m->unbound = m->ungrouped = true;
    v->group_count--;
    return 0;
}

bool vfio_ap_follows(const struct vfio_ap *v, const struct mdev *m)
{
    struct apcb filtered = mdev_filter(v, m);

    return apcb_equal(&filtered, &m->effective);
}

bool mdev_autostart(const struct mdev *m)
{
    return m->autostart;
}

void vfio_ap_set_autostart(struct vfio_ap *v, uint32_t slot, bool on)
{
    mdev_at(v, slot)->autostart = on;
}

int vfio_ap_restore_guest(struct vfio_ap *v, uint32_t slot, struct vfio_ap_guest *g)
{
    struct mdev *m = mdev_at(v, slot);

    if (!m || m->guest || m->unbound || !(g->hw.features & GUEST_AP))
        return -ENODEV;
    m->guest = g;
    g->mdev = m;
    g->hw.apcb = m->effective;
    return 0;
}

void vfio_ap_resets_get(const struct vfio_ap *v, unsigned apid, struct vfio_ap_resets *out)
{
    *out = (struct vfio_ap_resets){v->unreset[apid], v->again[apid]};
}

void vfio_ap_resets_restore(struct vfio_ap *v, unsigned apid, const struct vfio_ap_resets *in)
{
    v->unreset_count -= mask256_count(&v->unreset[apid]);
    v->unreset_count += mask256_count(&in->unreset);
    v->unreset[apid] = in->unreset;
    v->again[apid] = in->again;
}

struct mask256 vfio_ap_take_resets(struct vfio_ap *v)
{
    struct mask256 changed = v->resets_changed;

    v->resets_changed = (struct mask256){0};
    return changed;
}
