/* SPDX-License-Identifier: MIT */
#ifndef APUS_BUS_BUS_H
#define APUS_BUS_BUS_H

#include "base/abi.h"
#include "base/effects.h"
#include "machine/config.h"
#include "machine/hw.h"
#include "sysfs/tree.h"

/*
 * The AP bus: cards and queues that a scan found, the drivers they are bound to, and apmask and
 * aqmask, which say whose a queue is. It sees the hardware through AP instructions alone, so the
 * host and each guest run the same code.
 */
struct ap_bus;

/* Kernel parameters (spec 2.5). */
struct ap_bus_params {
    const struct abi *abi;
    struct mask256 apmask, aqmask;
    int domain; /* -1: choose */
};

/* An owner is zcrypt exactly for the product of both masks (S-25). */
struct ap_masks {
    struct mask256 apmask, aqmask;
};

static inline bool ap_masks_zcrypt(const struct ap_masks *m, ap_qn qn)
{
    return mask256_test(&m->apmask, AP_QN_APID(qn)) && mask256_test(&m->aqmask, AP_QN_APQI(qn));
}

/* The domains of one adapter that zcrypt owns. */
static inline struct mask256 ap_masks_row(const struct ap_masks *m, unsigned apid)
{
    return mask256_test(&m->apmask, apid) ? m->aqmask : (struct mask256){0};
}

/*
 * A queue driver of another layer, vfio_ap. Everything is called with the bus in a consistent
 * state.
 */
struct ap_queue_driver {
    /* A queue was bound to the driver, or is about to be taken from it (its hardware still answers,
     * if it exists). */
    void (*probe)(void *ctx, ap_qn qn, struct effects *fx);
    void (*remove)(void *ctx, ap_qn qn, struct effects *fx);
    /* Would the change of masks take something that is in use? If so, says why in the log. */
    bool (*in_use)(void *ctx, const struct ap_masks *old, const struct ap_masks *wanted,
                   struct effects *fx);
    /* Two phases of a changed host configuration: before the devices are touched, and after. */
    void (*config_changed)(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                           struct effects *fx);
    void (*scan_complete)(void *ctx, const struct ap_qci *new, const struct ap_qci *old,
                          struct effects *fx);
    /* An adapter came or vanished, or went to or came from standby or checkstop. */
    void (*adapter_changed)(void *ctx, unsigned apid, struct effects *fx);
    /* The end of a run of calls: everything follows that was put off so that it happens once. */
    void (*settle)(void *ctx, struct effects *fx);
    /* The text of the attribute "status" of a queue that is bound to the driver. */
    const char *(*status)(void *ctx, ap_qn qn);
    void *ctx;
};

/* driver: NULL in a guest; it is kept by reference. tree: the kinds of the bus are registered
 * there. No scan happens yet. */
struct ap_bus *ap_bus_new(const struct ap_bus_params *params, struct ap_hw hw,
                          const struct ap_queue_driver *driver, struct sysfs_tree *tree);
void ap_bus_free(struct ap_bus *b);

void ap_bus_scan(struct ap_bus *b, struct effects *fx);

/*
 * A scan after an event that names the adapters it is about: the others are looked at only if the
 * configuration that QCI reports has changed, too.
 */
void ap_bus_scan_adapters(struct ap_bus *b, const struct mask256 *adapters, struct effects *fx);

/* Another system had the queues for a while: zcrypt starts all of its own anew. */
void ap_bus_restart(struct ap_bus *b);

/*
 * The hardware has something to see in the queue: a reset may have ended, a reply may be there, or
 * it may take requests again. ap_bus_settle is to follow after the last of several queues.
 */
void ap_bus_queue_look(struct ap_bus *b, ap_qn qn, struct effects *fx);
void ap_bus_settle(struct ap_bus *b, struct effects *fx);

const struct ap_masks *ap_bus_masks(const struct ap_bus *b);
const struct ap_qci *ap_bus_qci(const struct ap_bus *b);
uint64_t ap_bus_scans(const struct ap_bus *b);
int ap_bus_config_time(const struct ap_bus *b); /* seconds between two scans by timer */
unsigned ap_bus_max_adapter(const struct ap_bus *b);
unsigned ap_bus_max_domain(const struct ap_bus *b);

bool ap_bus_has_card(const struct ap_bus *b, unsigned apid);
bool ap_bus_has_queue(const struct ap_bus *b, ap_qn qn);
/* NULL while the queue is unbound or does not exist. */
const char *ap_bus_queue_driver(const struct ap_bus *b, ap_qn qn);
/* True if the queue is bound to the other layer's driver. */
bool ap_bus_queue_passed(const struct ap_bus *b, ap_qn qn);
bool ap_bus_card_configured(const struct ap_bus *b, unsigned apid);

#endif
