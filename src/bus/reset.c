/* SPDX-License-Identifier: MIT */
#include "bus/internal.h"
#include "bus/zcrypt.h"

/*
 * The zcrypt driver's start of a queue: reset, wait for its end, then notification if the machine
 * has it (spec 1.8). A real driver polls; here the machine says when there is something to see.
 */

static void reset_start(struct ap_bus *b, ap_qn qn, struct ap_queue *q)
{
    switch (apqsw_rc(b->hw.ops->rapq(b->hw.ctx, qn))) {
    case AP_RC_NORMAL:
    case AP_RC_RESET_IN_PROGRESS:
        q->reset = RESET_WAIT;
        return;
    case AP_RC_BUSY:
        return;
    default:
        /* The driver waits for the adapter to come back and starts anew then. */
        return;
    }
}

static void reset_wait(struct ap_bus *b, ap_qn qn, struct ap_queue *q)
{
    uint64_t info;
    enum ap_rc rc = apqsw_rc(b->hw.ops->tapq(b->hw.ctx, qn, &info));

    if (rc != AP_RC_NORMAL)
        return;
    q->reset = RESET_NONE;
    if (!b->hw.ops->interrupts(b->hw.ctx))
        return;
    rc = apqsw_rc(b->hw.ops->aqic(b->hw.ctx, qn, true));
    q->interrupts = rc == AP_RC_NORMAL || rc == AP_RC_OTHERWISE_CHANGED;
}

static void reset_go_on(struct ap_bus *b, ap_qn qn)
{
    struct ap_queue *q = queue_get(b, qn);

    if (q->reset == RESET_START)
        reset_start(b, qn, q);
    if (q->reset == RESET_WAIT)
        reset_wait(b, qn, q);
}

void queue_start(struct ap_bus *b, ap_qn qn)
{
    struct ap_queue *q = queue_get(b, qn);

    q->reset = RESET_START;
    q->interrupts = false;
    reset_go_on(b, qn);
}

void ap_bus_restart(struct ap_bus *b)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_card *card = &b->cards[apid];

        mask256_for_each(apqi, &card->present_queues)
        {
            const struct ap_queue *q = &card->queues[apqi];

            if (q->driver != DRIVER_NONE && ap_drivers[q->driver].zcrypt)
                queue_start(b, AP_QN(apid, apqi));
        }
    }
}

void ap_bus_queue_look(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    const struct ap_queue *q = queue_find(b, qn);

    if (!q || q->driver == DRIVER_NONE || !ap_drivers[q->driver].zcrypt)
        return;
    reset_go_on(b, qn);
    if (!b->zcrypt)
        return;
    zcrypt_poll(b->zcrypt, qn, fx);
    zcrypt_queue_open(b->zcrypt, qn, fx);
}

void ap_bus_settle(struct ap_bus *b, struct effects *fx)
{
    bus_settle(b, fx);
}
