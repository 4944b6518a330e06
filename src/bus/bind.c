/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/internal.h"
#include "bus/zcrypt.h"

#define TYPES_CEX2A ((1u << 6) | (1u << 8))
#define TYPES_CEX2C ((1u << 7) | (1u << 9))
#define TYPES_CEX4  (0x1fu << 10)

const struct ap_driver_info ap_drivers[DRIVERS] = {
    [DRIVER_CEX2ACARD] = {"cex2acard", true, true, TYPES_CEX2A},
    [DRIVER_CEX2AQUEUE] = {"cex2aqueue", false, true, TYPES_CEX2A},
    [DRIVER_CEX2CARD] = {"cex2card", true, true, TYPES_CEX2C},
    [DRIVER_CEX2CQUEUE] = {"cex2cqueue", false, true, TYPES_CEX2C},
    [DRIVER_CEX4CARD] = {"cex4card", true, true, TYPES_CEX4},
    [DRIVER_CEX4QUEUE] = {"cex4queue", false, true, TYPES_CEX4},
    [DRIVER_VFIO_AP] = {"vfio_ap", false, false, TYPES_CEX4},
};

bool ap_driver_exists(const struct ap_bus *b, unsigned driver)
{
    if (driver >= DRIVERS)
        return false;
    if (driver == DRIVER_VFIO_AP)
        return b->driver != NULL;
    return b->abi->old_types || ap_drivers[driver].types == TYPES_CEX4;
}

const char *override_get(const struct ap_bus *b, ap_qn qn)
{
    for (unsigned i = 0; i < b->override_count; i++)
        if (b->overrides[i].qn == qn)
            return b->overrides[i].name;
    return NULL;
}

void override_set(struct ap_bus *b, ap_qn qn, const char *name, size_t len)
{
    unsigned i = 0;

    while (i < b->override_count && b->overrides[i].qn != qn)
        i++;
    if (i < b->override_count) {
        free(b->overrides[i].name);
        b->overrides[i] = b->overrides[--b->override_count];
    }
    if (!len)
        return;
    b->overrides = xrealloc(b->overrides, (b->override_count + 1) * sizeof *b->overrides);
    i = b->override_count++;
    b->overrides[i].qn = qn;
    b->overrides[i].name = xcalloc(len + 1, 1);
    memcpy(b->overrides[i].name, name, len);
}

/* Whether a driver would take the queue: its type, and the owner by masks or by override
 * (spec 2.7). */
bool driver_accepts(const struct ap_bus *b, unsigned driver, ap_qn qn)
{
    const struct ap_driver_info *info = &ap_drivers[driver];
    const char *override = b->override_count ? override_get(b, qn) : NULL;

    if (info->card || !ap_driver_exists(b, driver) ||
        !(info->types >> b->cards[AP_QN_APID(qn)].type & 1))
        return false;
    if (override)
        return strcmp(override, info->name) == 0;
    return info->zcrypt == ap_masks_zcrypt(&b->masks, qn);
}

/* Only a new binding makes a new "complete" possible: what leaves completes nothing. */
static void count_binding(struct ap_bus *b, int change)
{
    b->bound_queues += (unsigned)change;
    if (change > 0)
        b->bindings_complete = false;
}

void queue_requests_lost(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    if (b->zcrypt)
        zcrypt_queue_lost(b->zcrypt, qn, fx);
}

void queue_bind(struct ap_bus *b, ap_qn qn, unsigned driver, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);

    q->driver = (uint8_t)driver;
    count_binding(b, 1);
    if (driver == DRIVER_VFIO_AP) {
        b->driver->probe(b->driver->ctx, qn, fx);
    } else {
        q->user_online = true;
        queue_start(b, qn);
    }
    queue_uevent(b, qn, "bind", NULL, fx);
}

/* Whatever driver lets a queue go, the queue is emptied and zeroized before anybody else gets it
 * (spec 2.7, D-7). */
void queue_unbind(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);

    if (q->driver == DRIVER_NONE)
        return;
    if (q->driver == DRIVER_VFIO_AP)
        b->driver->remove(b->driver->ctx, qn, fx);
    b->hw.ops->zapq(b->hw.ctx, qn);
    q->driver = DRIVER_NONE;
    q->interrupts = false;
    q->reset = RESET_NONE;
    count_binding(b, -1);
    queue_requests_lost(b, qn, fx);
    q->requests = 0;
    queue_uevent(b, qn, "unbind", NULL, fx);
}

void queue_probe(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    for (unsigned d = 0; d < DRIVERS; d++) {
        if (driver_accepts(b, d, qn)) {
            queue_bind(b, qn, d, fx);
            return;
        }
    }
}

void card_bind(struct ap_bus *b, unsigned apid, unsigned driver, struct effects *fx)
{
    b->cards[apid].driver = (uint8_t)driver;
    b->cards[apid].user_online = true;
    card_uevent(b, apid, "bind", NULL, fx);
}

void card_unbind(struct ap_bus *b, unsigned apid, struct effects *fx)
{
    if (b->cards[apid].driver == DRIVER_NONE)
        return;
    b->cards[apid].driver = DRIVER_NONE;
    card_uevent(b, apid, "unbind", NULL, fx);
}

void card_probe(struct ap_bus *b, unsigned apid, struct effects *fx)
{
    for (unsigned d = 0; d < DRIVERS; d++) {
        if (ap_drivers[d].card && ap_driver_exists(b, d) &&
            ap_drivers[d].types >> b->cards[apid].type & 1) {
            card_bind(b, apid, d, fx);
            return;
        }
    }
}

void bus_settle(struct ap_bus *b, struct effects *fx)
{
    char count[40];

    if (b->driver)
        b->driver->settle(b->driver->ctx, fx);
    if (b->bindings_complete || !b->scans || b->bound_queues != b->queues)
        return;
    b->bindings_complete = true;
    b->bindings_complete_count++;
    snprintf(count, sizeof count, "COMPLETECOUNT=%llu",
             (unsigned long long)b->bindings_complete_count);
    bus_uevent(b, "BINDINGS=complete", count, fx);
}

static void queue_rebind(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);

    if (q->driver != DRIVER_NONE && driver_accepts(b, q->driver, qn))
        return;
    queue_unbind(b, qn, fx);
    queue_probe(b, qn, fx);
}

void bus_rebind(struct ap_bus *b, struct effects *fx)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct ap_card *card = &b->cards[apid];

        if (!card->present)
            continue;
        mask256_for_each(apqi, &card->present_queues) queue_rebind(b, AP_QN(apid, apqi), fx);
    }
    bus_settle(b, fx);
}
