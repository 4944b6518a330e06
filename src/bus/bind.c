/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

bool driver_matches(const struct ap_bus *b, unsigned driver, bool card, unsigned apid)
{
    const struct ap_driver *d = b->drivers[driver].driver;

    return d->card == card && d->types >> b->cards[apid].type & 1 &&
           (!d->needs_mode || b->cards[apid].functions & AP_FN_MODES);
}

/* What decides who takes a queue: an override, or else whose it is [bus-binding]. */
struct claim {
    const char *override;
    bool owned_by_default;
};

static struct claim claim_of(const struct ap_bus *b, ap_qn qn)
{
    struct claim claim = {b->override_count ? override_get(b, qn) : NULL, false};

    if (!claim.override)
        claim.owned_by_default = ap_bus_owned_by_default(b, qn);
    return claim;
}

static bool fits(const struct ap_bus *b, unsigned driver, ap_qn qn, const struct claim *claim)
{
    const struct ap_driver *d = b->drivers[driver].driver;

    if (!driver_matches(b, driver, false, AP_QN_APID(qn)))
        return false;
    return claim->override ? strcmp(claim->override, d->name) == 0
                           : d->is_default == claim->owned_by_default;
}

bool driver_accepts(const struct ap_bus *b, unsigned driver, ap_qn qn)
{
    struct claim claim = claim_of(b, qn);

    return fits(b, driver, qn, &claim);
}

static void driver_probe(struct ap_bus *b, unsigned driver, ap_device_id id, struct effects *fx)
{
    const struct ap_driver_slot *slot = &b->drivers[driver];

    if (slot->driver->ops->probe)
        slot->driver->ops->probe(slot->ctx, id, fx);
}

static void driver_remove(struct ap_bus *b, unsigned driver, ap_device_id id, struct effects *fx)
{
    const struct ap_driver_slot *slot = &b->drivers[driver];

    if (slot->driver->ops->remove)
        slot->driver->ops->remove(slot->ctx, id, fx);
}

void queue_bind(struct ap_bus *b, ap_qn qn, unsigned driver, struct effects *fx)
{
    queue_get(b, qn)->driver = (uint8_t)driver;
    effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
    b->bound_queues++;
    b->bindings_complete = false;
    driver_probe(b, driver, qn, fx);
    queue_reset_go_on(b, qn);
    queue_uevent(b, qn, "bind", NULL, fx);
}

/* Whichever driver had the queue, it is flushed and zeroized before another one can bind to it
 * [bus-unbind]. */
void queue_unbind(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);
    unsigned driver = q->driver;

    if (driver == AP_DRIVER_NONE)
        return;
    driver_remove(b, driver, qn, fx);
    b->hw.ops->zapq(b->hw.ctx, qn);
    q->driver = AP_DRIVER_NONE;
    sysfs_groups_gone(b->tree, (struct sysfs_dir){SYSFS_QUEUE, qn});
    effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
    q->initiated = q->failed = false;
    b->bound_queues--;
    bus_flush_queue(b, qn, &b->drivers[driver], fx);
    queue_uevent(b, qn, "unbind", NULL, fx);
}

void queue_probe(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct claim claim = claim_of(b, qn);

    for (unsigned d = 0; d < b->driver_count; d++) {
        if (fits(b, d, qn, &claim)) {
            queue_bind(b, qn, d, fx);
            return;
        }
    }
}

void card_bind(struct ap_bus *b, unsigned apid, unsigned driver, struct effects *fx)
{
    b->cards[apid].driver = (uint8_t)driver;
    b->bindings_complete = false;
    effects_changed(fx, STATE_CARD, apid);
    driver_probe(b, driver, apid, fx);
    card_uevent(b, apid, "bind", NULL, fx);
}

void card_unbind(struct ap_bus *b, unsigned apid, struct effects *fx)
{
    unsigned driver = b->cards[apid].driver;

    if (driver == AP_DRIVER_NONE)
        return;
    driver_remove(b, driver, apid, fx);
    b->cards[apid].driver = AP_DRIVER_NONE;
    sysfs_groups_gone(b->tree, (struct sysfs_dir){SYSFS_CARD, apid});
    effects_changed(fx, STATE_CARD, apid);
    card_uevent(b, apid, "unbind", NULL, fx);
}

void card_probe(struct ap_bus *b, unsigned apid, struct effects *fx)
{
    for (unsigned d = 0; d < b->driver_count; d++) {
        if (driver_matches(b, d, true, apid)) {
            card_bind(b, apid, d, fx);
            return;
        }
    }
}

void ap_bus_settle(struct ap_bus *b, struct effects *fx)
{
    drivers_call(b, settle, fx);
}

/* Whether the masks leave the queue where it is [bus-binding]. */
static bool stays(const struct ap_bus *b, ap_qn qn)
{
    const struct ap_queue *q = queue_get(b, qn);

    if (q->driver != AP_DRIVER_NONE)
        return driver_accepts(b, q->driver, qn);
    return b->abi->unbound_is_default && ap_bus_owned_by_default(b, qn);
}

void queue_rebind(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    if (stays(b, qn)) {
        /* What is kept of a queue without a driver says which one it should have. */
        if (queue_get(b, qn)->driver == AP_DRIVER_NONE)
            effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
        return;
    }
    queue_unbind(b, qn, fx);
    queue_probe(b, qn, fx);
}

void bus_rebind(struct ap_bus *b, struct effects *fx)
{
    queues_foreach (b, qn)
        queue_rebind(b, (ap_qn)qn, fx);
    ap_bus_settle(b, fx);
}
