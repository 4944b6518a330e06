/* SPDX-License-Identifier: MIT */
#include "vfio_ap/internal.h"

/* Resets of guests' queues, from ZAPQ to the end of the reset [guests-queue-reset]. */

static bool unreset(const struct vfio_ap *v, ap_qn qn)
{
    return mask256_test(&v->unreset[AP_QN_APID(qn)], AP_QN_APQI(qn));
}

static bool again(const struct vfio_ap *v, ap_qn qn)
{
    return mask256_test(&v->again[AP_QN_APID(qn)], AP_QN_APQI(qn));
}

static void set_unreset(struct vfio_ap *v, ap_qn qn, bool on, bool repeat)
{
    if (unreset(v, qn) != on)
        v->unreset_count += on ? 1u : -1u;
    if (unreset(v, qn) != on || again(v, qn) != repeat)
        mask256_set(&v->resets_changed, AP_QN_APID(qn));
    mask256_assign(&v->unreset[AP_QN_APID(qn)], AP_QN_APQI(qn), on);
    mask256_assign(&v->again[AP_QN_APID(qn)], AP_QN_APQI(qn), repeat);
}

static bool running(const struct vfio_ap *v, ap_qn qn)
{
    uint64_t info;
    enum ap_rc rc = apqsw_rc(v->hw.ops->tapq(v->hw.ctx, qn, &info));

    return rc == AP_RC_RESET_IN_PROGRESS || rc == AP_RC_BUSY;
}

static void zeroize(struct vfio_ap *v, ap_qn qn)
{
    switch (apqsw_rc(v->hw.ops->zapq(v->hw.ctx, qn))) {
    case AP_RC_NORMAL:
        set_unreset(v, qn, running(v, qn), false);
        return;
    case AP_RC_RESET_IN_PROGRESS:
    case AP_RC_BUSY:
        set_unreset(v, qn, true, true);
        return;
    default:
        /* In standby or checkstop: the hardware zeroizes it before it becomes available again. */
        set_unreset(v, qn, false, false);
    }
}

/* No one can have used a queue since its reset began, so a second reset is not needed. */
void queue_reset(struct vfio_ap *v, ap_qn qn)
{
    if (!unreset(v, qn))
        zeroize(v, qn);
}

void queue_reset_watch(struct vfio_ap *v, ap_qn qn)
{
    if (running(v, qn))
        set_unreset(v, qn, true, false);
}

void queue_reset_forget(struct vfio_ap *v, ap_qn qn)
{
    set_unreset(v, qn, false, false);
}

static void look(struct vfio_ap *v, ap_qn qn)
{
    struct mdev *m = v->owner[qn] == MDEV_NONE ? NULL : mdev_at(v, v->owner[qn]);

    if (running(v, qn))
        return;
    if (again(v, qn))
        zeroize(v, qn);
    else
        set_unreset(v, qn, false, false);
    if (m && !unreset(v, qn))
        mdev_mark(v, m);
}

void queue_resets_look(struct vfio_ap *v)
{
    for (unsigned apid = 0; v->unreset_count && apid < AP_IDS; apid++) {
        struct mask256 row = v->unreset[apid];

        mask256_for_each (apqi, &row)
            look(v, AP_QN(apid, apqi));
    }
}
