/* SPDX-License-Identifier: MIT */
#include "bus/zcrypt_internal.h"

/* The end of the driver's patience with a queue (spec 3.5, "Request timeout"). */

static uint64_t deadline(const struct zcrypt *z, const struct zcrypt_call *call)
{
    return queue_get(z->bus, call->qn)->alive + ZCRYPT_PATIENCE_NS;
}

static void give_up(struct zcrypt *z, ap_qn qn, struct effects *fx)
{
    effects_log(
        fx, LOG_LEVEL_WARNING,
        "%02x.%04x: no reply for 900 seconds; the queue is reset and its requests go to others",
        AP_QN_APID(qn), AP_QN_APQI(qn));
    queue_start(z->bus, qn);
    zcrypt_queue_lost(z, qn, fx);
}

uint64_t zcrypt_overdue(struct zcrypt *z, struct effects *fx)
{
    uint64_t next = 0;

    for (uint32_t slot = 0; slot < z->slot_count; slot++) {
        const struct zcrypt_call *call = z->slots[slot].call;

        if (call && !call->is_waiting && deadline(z, call) <= fx->now)
            give_up(z, call->qn, fx);
    }
    for (uint32_t slot = 0; slot < z->slot_count; slot++) {
        const struct zcrypt_call *call = z->slots[slot].call;
        uint64_t at;

        if (!call)
            continue;
        /* What waits for room may be inside by then. */
        at = call->is_waiting ? fx->now + ZCRYPT_PATIENCE_NS : deadline(z, call);
        if (!next || at < next)
            next = at;
    }
    return next;
}
