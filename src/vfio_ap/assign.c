/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "vfio_ap/internal.h"

unsigned vfio_ap_max_adapter(const struct vfio_ap *v)
{
    const struct ap_qci *qci = ap_bus_qci(v->bus);

    return qci->flags & AP_QCI_APXA ? qci->max_adapter : 63;
}

unsigned vfio_ap_max_domain(const struct vfio_ap *v)
{
    const struct ap_qci *qci = ap_bus_qci(v->bus);

    return qci->flags & AP_QCI_APXA ? qci->max_domain : 15;
}

/* The domains that the device gains on adapter apid if wanted becomes its assignment. */
static struct mask256 gained_row(const struct mdev *m, const struct apcb *wanted, unsigned apid)
{
    if (mask256_test(&m->assigned.apm, apid))
        return mask256_andnot(wanted->aqm, m->assigned.aqm);
    return wanted->aqm;
}

static int refuse(const struct vfio_ap *v, const struct mdev *m, const char *what, int err,
                  const struct conflicts *against, const char *remedy, struct effects *fx)
{
    text_auto why = {0};

    conflicts_describe(v, against, &why);
    text_addf(&why, "; %s", remedy);
    return mdev_refuse(m, what, err, why.data, fx);
}

/* Step 4 of [matrix-assign]: no APQN of the product may be reserved for the default drivers. */
static int check_owner(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                       const char *what, struct effects *fx)
{
    const struct ap_masks *masks = ap_bus_masks(v->bus);
    struct conflicts against = {0};

    mask256_for_each (apid, &wanted->apm) {
        struct mask256 row = mask256_and(ap_bus_default_row(v->bus, masks, apid), wanted->aqm);

        conflicts_add(&against, apid, &row);
    }
    if (!against.count)
        return 0;
    return refuse(v, m, what, -EADDRNOTAVAIL, &against,
                  ap_bus_override(v->bus, against.first[0])
                      ? "a queue with a driver_override is its driver's: bind it to vfio_ap first"
                      : "clear the adapter in apmask or the domain in aqmask first",
                  fx);
}

/*
 * Step 5 of [matrix-assign]: no APQN may be assigned to another device. Only what the device would
 * gain is checked, since it already owns the rest; so the cost does not depend on the number of
 * devices.
 */
static int check_shared(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                        const char *what, struct effects *fx)
{
    struct conflicts against = {0};

    if (mask256_empty(&wanted->aqm))
        return 0;
    mask256_for_each (apid, &wanted->apm) {
        struct mask256 shared = mask256_and(gained_row(m, wanted, apid), v->taken[apid]);

        conflicts_add(&against, apid, &shared);
    }
    if (!against.count)
        return 0;
    return refuse(v, m, what, -EADDRINUSE, &against,
                  "an APQN can belong to one device only; unassign it there first", fx);
}

int assign_plan(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                const char *what, struct effects *fx)
{
    int rc = check_owner(v, m, wanted, what, fx);

    return rc < 0 ? rc : check_shared(v, m, wanted, what, fx);
}

/* Records the difference between two rows of the device. */
static void row_change(struct vfio_ap *v, const struct mdev *m, unsigned apid, struct mask256 old,
                       struct mask256 new)
{
    struct mask256 gained = mask256_andnot(new, old), lost = mask256_andnot(old, new);

    v->taken[apid] = mask256_or(mask256_andnot(v->taken[apid], lost), gained);
    mask256_for_each (apqi, &gained)
        v->owner[AP_QN(apid, apqi)] = m->slot;
    mask256_for_each (apqi, &lost)
        v->owner[AP_QN(apid, apqi)] = MDEV_NONE;
}

void assign_commit(struct vfio_ap *v, struct mdev *m, const struct apcb *wanted, struct effects *fx)
{
    struct mask256 touched = mask256_or(m->assigned.apm, wanted->apm);
    struct mask256 none = {0};

    mask256_for_each (apid, &touched) {
        row_change(v, m, apid, mask256_test(&m->assigned.apm, apid) ? m->assigned.aqm : none,
                   mask256_test(&wanted->apm, apid) ? wanted->aqm : none);
    }
    m->assigned = *wanted;
    effects_changed(fx, STATE_MDEV, m->slot);
}
