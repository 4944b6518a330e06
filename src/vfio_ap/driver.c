/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio_ap/internal.h"

/* The ops of the driver vfio_ap, and attaching and detaching guests. */

/* Adapters or domains of it have come to the host with this scan. */
static bool grows(const struct mdev *m)
{
    return !mask256_empty(&m->growing.apm) || !mask256_empty(&m->growing.aqm);
}

/*
 * With update_at_once a guest gets an adapter with the last of its queues, unless adapters or
 * domains have come to the host with this scan: then it waits for the scan's end. A probe that
 * completes no adapter changes only what is stale.
 */
static void driver_probe(void *ctx, ap_device_id id, struct effects *fx)
{
    ap_qn qn = (ap_qn)id;
    struct vfio_ap *v = ctx;
    struct mdev *m = mdev_owner(v, qn);

    queue_reset_watch(v, qn);
    if (!m)
        return;
    if (!v->abi->update_at_once)
        mdev_mark(v, m);
    else if (!grows(m) && (m->stale || mdev_adapter_passable(v, m, AP_QN_APID(qn))))
        mdev_refilter(v, m, MDEV_QUEUES, fx);
}

static void adapter_withdraw(struct vfio_ap *v, struct mdev *m, unsigned apid, struct effects *fx)
{
    struct apcb rest = m->effective;

    mask256_clear(&rest.apm, apid);
    if (v->abi->update_at_once) {
        mdev_pass(v, m, rest, fx);
        v->unreported = true;
        return;
    }
    mask256_for_each (apqi, &m->effective.aqm)
        queue_reset(v, AP_QN(apid, apqi));
    m->effective = rest;
    effects_changed(fx, STATE_MDEV, m->slot);
    m->interrupted = true;
    mdev_mark(v, m);
}

/*
 * A queue is unbound: its whole adapter is withdrawn from the device and reset before the bus
 * passes the queue on [guests-queue-reset]. Without update_at_once the guest's APCB follows when
 * the bus settles, so that the guest is notified once however many queues go. It executes no
 * instruction before that.
 */
static void driver_remove(void *ctx, ap_device_id id, struct effects *fx)
{
    ap_qn qn = (ap_qn)id;
    struct vfio_ap *v = ctx;
    struct mdev *m = mdev_owner(v, qn);

    if (m && apcb_has(&m->effective, qn))
        adapter_withdraw(v, m, AP_QN_APID(qn), fx);
    queue_reset_forget(v, qn);
}

/* The assigned domains of an adapter that the change of masks would take from vfio_ap, by the rule
 * of the profile [masks-in-use-scope]. */
static struct mask256 vetoed_row(const struct vfio_ap *v, unsigned apid, const struct ap_masks *old,
                                 const struct ap_masks *wanted)
{
    struct mask256 new_domains = mask256_andnot(wanted->aqmask, old->aqmask);

    if (!v->abi->veto_by_new_bits)
        return mask256_andnot(ap_bus_default_row(v->bus, wanted, apid),
                              ap_bus_default_row(v->bus, old, apid));
    if (mask256_test(&wanted->apmask, apid) && !mask256_test(&old->apmask, apid))
        return mask256_ones();
    return new_domains;
}

static bool driver_in_use(void *ctx, const struct ap_masks *old, const struct ap_masks *wanted,
                          struct text *why)
{
    struct vfio_ap *v = ctx;
    struct conflicts against = {0};

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct mask256 row = mask256_and(vetoed_row(v, apid, old, wanted), v->taken[apid]);

        conflicts_add(&against, apid, &row);
    }
    if (!against.count)
        return false;
    conflicts_describe(v, &against, why);
    text_adds(why, against.count == 1 ? "; unassign it first" : "; unassign them first");
    return true;
}

/* What the driver can use of an adapter that has come: not one older than CEX4, as far as a domain
 * tells that has come with it. */
static bool supported(const struct vfio_ap *v, unsigned apid, const struct mask256 *domains)
{
    uint64_t info;

    mask256_for_each (apqi, domains) {
        v->hw.ops->tapq(v->hw.ctx, AP_QN(apid, apqi), &info);
        if ((info >> 24 & 0xff) < 10)
            return false;
    }
    return true;
}

static struct apcb host_gains(const struct vfio_ap *v, const struct ap_qci *new,
                              const struct ap_qci *old)
{
    struct apcb added = {mask256_andnot(new->apm, old->apm), mask256_andnot(new->aqm, old->aqm),
                         mask256_andnot(new->adm, old->adm)};
    struct mask256 came = added.apm;

    mask256_for_each (apid, &came) {
        if (!supported(v, apid, &added.aqm))
            mask256_clear(&added.apm, apid);
    }
    return added;
}

/* First phase: what was removed from the host is removed from the devices. Without update_at_once
 * guests are notified once, when the scan is complete. */
static void driver_config_changed(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                                  struct effects *fx)
{
    struct vfio_ap *v = ctx;
    struct apcb added;
    struct mdev *m;

    v->host = (struct apcb){new->apm, new->aqm, new->adm};
    added = v->mdevs.count ? host_gains(v, new, old) : (struct apcb){0};
    slots_foreach (&v->mdevs, m) {
        struct apcb stripped = apcb_and(&m->effective, &v->host);

        m->growing = apcb_and(&m->assigned, &added);
        if (apcb_equal(&stripped, &m->effective))
            continue;
        if (v->abi->update_at_once) {
            mdev_strip(m, stripped, fx);
            mdev_report(v, m, fx);
            continue;
        }
        m->effective = stripped;
        mdev_mark(v, m);
    }
}

/* Second phase: what was added to the host is added to the devices to which it is assigned. With
 * update_at_once nothing else is filtered [guests-refilter]. */
static void driver_scan_complete(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                                 struct effects *fx)
{
    struct vfio_ap *v = ctx;
    struct mdev *m;

    slots_foreach (&v->mdevs, m) {
        unsigned what =
            (grows(m) ? MDEV_QUEUES : 0) | (mask256_empty(&m->growing.adm) ? 0 : MDEV_CONTROLS);

        m->growing = (struct apcb){0};
        if (what && v->abi->update_at_once)
            mdev_refilter(v, m, what, fx);
        else if (what)
            mdev_mark(v, m);
    }
}

static void driver_adapter_changed(void *ctx, unsigned apid, struct effects *fx)
{
    struct vfio_ap *v = ctx;
    struct mdev *m;

    if (!v->abi->standby_withheld)
        return;
    slots_foreach (&v->mdevs, m)
        if (mask256_test(&m->assigned.apm, apid))
            mdev_mark(v, m);
}

static int status_show(void *ctx, uint32_t qn, struct text *out)
{
    const struct mdev *m = mdev_owner(ctx, (ap_qn)qn);
    const char *status = "unassigned";

    if (m)
        status = m->guest && apcb_has(&m->effective, (ap_qn)qn) ? "in use" : "assigned";
    text_addf(out, "%s\n", status);
    return 0;
}

static const struct sysfs_attr queue_attrs[] = {{"status", 0444, .show = status_show}, {0}};

static const struct ap_driver_ops driver_ops = {.probe = driver_probe,
                                                .remove = driver_remove,
                                                .in_use = driver_in_use,
                                                .config_changed = driver_config_changed,
                                                .scan_complete = driver_scan_complete,
                                                .adapter_changed = driver_adapter_changed,
                                                .settle = vfio_ap_settle};

static const struct ap_driver driver = {.name = "vfio_ap",
                                        .module = "vfio_ap",
                                        .types = 0x1fu << 10 /* CEX4 to CEX8 */,
                                        .attrs = queue_attrs,
                                        .ops = &driver_ops};

struct vfio_ap *vfio_ap_new(const struct abi *abi, struct sysfs_tree *tree)
{
    struct vfio_ap *v = xcalloc(1, sizeof *v);

    v->abi = abi;
    v->tree = tree;
    v->pending = MDEV_NONE;
    v->groups_generation = 1;
    vfio_ap_set_number(v, 1, 3);
    memset(v->owner, 0xff, sizeof v->owner);
    vfio_ap_register_dirs(v);
    vfio_ap_register_vfio_dirs(v);
    vfio_ap_register_nodes(v);
    return v;
}

void vfio_ap_free(struct vfio_ap *v)
{
    struct mdev *m;

    if (!v)
        return;
    slots_foreach (&v->mdevs, m)
        free(m);
    slots_done(&v->mdevs);
    free(v->buckets);
    free(v);
}

/* Each guest that has a device open holds a reference. */
static unsigned module_users(void *ctx)
{
    const struct vfio_ap *v = ctx;
    const struct mdev *m;
    unsigned count = 0;

    slots_foreach (&v->mdevs, m)
        count += m->guest != NULL;
    return count;
}

static void register_module(struct vfio_ap *v)
{
    sysfs_module_add(
        v->tree,
        &(struct sysfs_module){.name = "vfio_ap", .size = 36864, .users = module_users, .ctx = v});
    sysfs_module_add_driver(v->tree, "vfio_ap", "mdev",
                            (struct sysfs_dir){SYSFS_MDEV_BUS_DRIVER, 0});
}

void vfio_ap_register(struct vfio_ap *v, struct ap_bus *bus, struct ap_hw hw)
{
    v->bus = bus;
    v->hw = hw;
    v->driver = &driver;
    register_module(v);
    ap_driver_register(bus, v->driver, v);
}

/* Withholds what is still being reset. It is added when the reset has ended. */
static void withhold_unreset(const struct vfio_ap *v, struct apcb *of)
{
    struct mask256 adapters = of->apm;

    mask256_for_each (apid, &adapters) {
        if (mask256_intersects(&v->unreset[apid], &of->aqm))
            mask256_clear(&of->apm, apid);
    }
}

static void reset_all(struct vfio_ap *v, const struct apcb *of)
{
    mask256_for_each (apid, &of->apm) {
        mask256_for_each (apqi, &of->aqm)
            queue_reset(v, AP_QN(apid, apqi));
    }
}

static bool answers(const struct vfio_ap *v, ap_qn qn)
{
    uint64_t info;
    enum ap_rc rc = apqsw_rc(v->hw.ops->tapq(v->hw.ctx, qn, &info));

    return rc != AP_RC_DECONFIGURED && rc != AP_RC_CHECKSTOPPED;
}

int vfio_ap_reset(struct vfio_ap *v, const struct vfio_ap_guest *g)
{
    const struct apcb *of = g->mdev ? &g->mdev->assigned : &(struct apcb){0};
    int rc = 0;

    mask256_for_each (apid, &of->apm) {
        mask256_for_each (apqi, &of->aqm) {
            if (ap_bus_queue_driver(v->bus, AP_QN(apid, apqi)) != v->driver)
                continue;
            queue_reset(v, AP_QN(apid, apqi));
            if (!answers(v, AP_QN(apid, apqi)))
                rc = -EIO;
        }
    }
    return rc;
}

int vfio_ap_attach(struct vfio_ap *v, struct mdev *m, struct vfio_ap_guest *g, struct effects *fx)
{
    if (!(g->hw.features & GUEST_AP))
        return -EOPNOTSUPP;
    if (g->mdev)
        return g->mdev == m ? -EBUSY : -EPERM;
    if (m->ungrouped)
        return -ENODEV;
    if (m->guest || m->unbound)
        return -EBUSY;
    m->guest = g;
    m->told_passed = m->told_withheld = (struct apcb){0};
    g->mdev = m;
    reset_all(v, &m->effective);
    withhold_unreset(v, &m->effective);
    effects_changed(fx, STATE_MDEV, m->slot);
    effects_changed(fx, STATE_GUEST, g->number);
    g->hw.apcb = m->effective;
    effects_add(fx, EFFECT_APCB)->id = g->number;
    effects_guest_notify(fx, g->number, NEWS_CONFIG);
    mdev_report(v, m, fx);
    return 0;
}

void vfio_ap_detach(struct vfio_ap *v, struct vfio_ap_guest *g, struct effects *fx)
{
    struct mdev *m = g->mdev;

    if (!m)
        return;
    g->hw.apcb = (struct apcb){0};
    effects_add(fx, EFFECT_APCB)->id = g->number;
    effects_add(fx, EFFECT_GUEST_DETACHED)->id = g->number;
    reset_all(v, &m->effective);
    g->mdev = NULL;
    effects_changed(fx, STATE_GUEST, g->number);
    m->guest = NULL;
    mdev_released(v, m, fx);
}
