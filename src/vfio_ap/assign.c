/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

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

/* The domains that adapter apid gains if the assignment becomes wanted. */
static struct mask256 gained_row(const struct mdev *m, const struct apcb *wanted, unsigned apid)
{
    if (mask256_test(&m->assigned.apm, apid))
        return mask256_andnot(wanted->aqm, m->assigned.aqm);
    return wanted->aqm;
}

static int refuse(const struct mdev *m, const char *what, ap_qn qn, int err, const char *why,
                  struct effects *fx)
{
    char file[96];
    char uuid[UUID_TEXT], queue[AP_QN_TEXT];

    uuid_format(&m->uuid, uuid);
    ap_qn_format(qn, queue);
    snprintf(file, sizeof file, "%s: %s", uuid, what);
    return effects_refuse(fx, err, file, "APQN %s is %s", queue, why);
}

/* Step 4 of [matrix-assign]: nothing of the product may be the host's, as the masks say. */
static int check_owner(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                       const char *what, struct effects *fx)
{
    const struct ap_masks *masks = ap_bus_masks(v->bus);

    mask256_for_each(apid, &wanted->apm)
    {
        struct mask256 row = mask256_and(ap_bus_default_row(v->bus, masks, apid), wanted->aqm);

        if (!mask256_empty(&row))
            return refuse(m, what, AP_QN(apid, mask256_next(&row, 0)), -EADDRNOTAVAIL,
                          "reserved for the zcrypt drivers by apmask and aqmask", fx);
    }
    return 0;
}

/*
 * Step 5 of [matrix-assign]: nothing of it may be another device's. What the device has already is
 * its own, so only what it would gain is looked at, and the cost does not depend on how many
 * devices there are.
 */
static int check_shared(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                        const char *what, struct effects *fx)
{
    int rc = 0;

    if (mask256_empty(&wanted->aqm))
        return 0;
    mask256_for_each(apid, &wanted->apm)
    {
        struct mask256 shared = mask256_and(gained_row(m, wanted, apid), v->taken[apid]);

        mask256_for_each(apqi, &shared)
        {
            char other[UUID_TEXT], why[64];

            uuid_format(&mdev_at(v, v->owner[AP_QN(apid, apqi)])->uuid, other);
            snprintf(why, sizeof why, "assigned to %s", other);
            rc = refuse(m, what, AP_QN(apid, apqi), -EADDRINUSE, why, fx);
        }
    }
    return rc;
}

int assign_plan(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                const char *what, struct effects *fx)
{
    int rc = check_owner(v, m, wanted, what, fx);

    return rc < 0 ? rc : check_shared(v, m, wanted, what, fx);
}

/* Enters or strikes out what changes between two rows of the device. */
static void row_change(struct vfio_ap *v, const struct mdev *m, unsigned apid, struct mask256 old,
                       struct mask256 new)
{
    struct mask256 gained = mask256_andnot(new, old), lost = mask256_andnot(old, new);

    v->taken[apid] = mask256_or(mask256_andnot(v->taken[apid], lost), gained);
    mask256_for_each(apqi, &gained) v->owner[AP_QN(apid, apqi)] = m->slot;
    mask256_for_each(apqi, &lost) v->owner[AP_QN(apid, apqi)] = MDEV_NONE;
}

void assign_commit(struct vfio_ap *v, struct mdev *m, const struct apcb *wanted)
{
    struct mask256 touched = mask256_or(m->assigned.apm, wanted->apm);
    struct mask256 none = {0};

    mask256_for_each(apid, &touched)
    {
        row_change(v, m, apid, mask256_test(&m->assigned.apm, apid) ? m->assigned.aqm : none,
                   mask256_test(&wanted->apm, apid) ? wanted->aqm : none);
    }
    m->assigned = *wanted;
}
