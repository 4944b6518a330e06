/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bus/internal.h"

/*
 * The state machine of a queue [ap-nqap] [ap-dqap] [ap-reset]. It runs from the scan that finds the
 * queue, or from the probe of a driver that sends messages, until the queue is unbound, and halts
 * in standby and checkstop. The kernel polls; here the machine tells when to look (ap_queue_look).
 *
 *   RESET_START --RAPQ accepted--> RESET_WAIT --TAPQ: reset has ended--> IDLE, interrupts enabled
 *        ^                                 ^                               |    for such a driver
 *        |                                 +------ NQAP: being reset ------+
 *        +-- found; probe; end of standby or checkstop; write to "reset"; no reply for 900 seconds
 *
 * A message is enqueued if the queue is IDLE, else it waits:
 *
 *   NEW --ap_queue_message--> PENDING --DQAP--> received, NEW
 *    ^           |               ^   |
 *    |        no room          room  +--flushed, or queue was reset--> lost (EIO), NEW
 *    |           v               |
 *    |        WAITING -----------+
 *    |           +--flushed, or rejected--> lost (EAGAIN, EINVAL), NEW
 *    +-- ap_cancel_message
 */

#define REPLY_MAX 65536u /* largest reply, in bytes */

TAILQ_HEAD(message_list, ap_message);

struct ap_queue_messages {
    struct message_list waiting, pending;
    uint64_t alive; /* if any is pending: time of the first NQAP, or of the last reply */
};

static struct ap_queue_messages *messages_of(struct ap_queue *q)
{
    if (!q->messages) {
        q->messages = xcalloc(1, sizeof *q->messages);
        TAILQ_INIT(&q->messages->waiting);
        TAILQ_INIT(&q->messages->pending);
    }
    return q->messages;
}

static void message_wait(struct ap_bus *b, struct ap_queue *q, struct ap_message *msg)
{
    TAILQ_INSERT_TAIL(&messages_of(q)->waiting, msg, link);
    msg->state = AP_MESSAGE_WAITING;
    q->requestq_count++;
    b->messages++;
}

static void message_pend(struct ap_bus *b, struct ap_queue *q, struct ap_message *msg, uint64_t now)
{
    TAILQ_INSERT_TAIL(&messages_of(q)->pending, msg, link);
    msg->state = AP_MESSAGE_PENDING;
    if (q->pendingq_count++ == 0)
        q->messages->alive = now;
    b->messages++;
}

static void message_unlink(struct ap_bus *b, struct ap_queue *q, struct ap_message *msg)
{
    if (msg->state == AP_MESSAGE_WAITING) {
        TAILQ_REMOVE(&q->messages->waiting, msg, link);
        q->requestq_count--;
    } else {
        TAILQ_REMOVE(&q->messages->pending, msg, link);
        q->pendingq_count--;
    }
    msg->state = AP_MESSAGE_NEW;
    b->messages--;
}

void ap_message_done(struct ap_message *msg)
{
    if (msg->data.data)
        explicit_bzero(msg->data.data, msg->data.room);
    free(msg->data.data);
    msg->data = (struct buffer){0};
}

static enum ap_rc nqap(struct ap_bus *b, const struct ap_queue *q, struct ap_message *msg)
{
    struct ap_nqap request = {.psmid = msg->psmid = ++b->psmid,
                              .data = msg->data.data,
                              .len = msg->data.len,
                              .special = msg->special,
                              .admin = msg->admin};

    if (q->sm_state != AP_SM_STATE_IDLE)
        return AP_RC_RESET_IN_PROGRESS;
    return apqsw_rc(b->hw.ops->nqap(b->hw.ctx, msg->qn, &request));
}

/* As ap_queue_message. */
static int message_put(struct ap_bus *b, struct ap_queue *q, struct ap_message *msg, uint64_t now)
{
    switch (nqap(b, q, msg)) {
    case AP_RC_NORMAL:
        ap_message_done(msg);
        message_pend(b, q, msg, now);
        return 0;
    case AP_RC_RESET_IN_PROGRESS:
        if (q->sm_state == AP_SM_STATE_IDLE)
            q->sm_state = AP_SM_STATE_RESET_WAIT;
        message_wait(b, q, msg);
        return 0;
    case AP_RC_Q_FULL:
        message_wait(b, q, msg);
        return 0;
    case AP_RC_REQ_FAC_NOT_INST:
    case AP_RC_MESSAGE_TOO_BIG:
    case AP_RC_INVALID_DOMAIN:
        return -EINVAL;
    default:
        return -EAGAIN;
    }
}

int ap_queue_message(struct ap_bus *b, struct ap_message *msg, uint64_t now)
{
    struct ap_queue *q = queue_get(b, msg->qn);
    int rc = message_put(b, q, msg, now);

    /* The kernel counts before NQAP, also what that refuses as malformed. */
    if (rc != -EAGAIN) {
        q->total_requests++;
        b->cards[AP_QN_APID(msg->qn)].total_requests++;
    }
    return rc;
}

void ap_cancel_message(struct ap_bus *b, struct ap_message *msg)
{
    if (msg->state != AP_MESSAGE_NEW)
        message_unlink(b, queue_get(b, msg->qn), msg);
}

/*
 * All messages are unlinked before the driver is told of the first: one that it sends again may go
 * to this same queue, and must not be lost twice.
 */
void bus_flush_queue(struct ap_bus *b, ap_qn qn, const struct ap_driver_slot *of,
                     struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);
    struct message_list seen = TAILQ_HEAD_INITIALIZER(seen);
    struct message_list unseen = TAILQ_HEAD_INITIALIZER(unseen);
    struct ap_message *msg;

    if (!q->pendingq_count && !q->requestq_count)
        return;
    b->messages -= q->pendingq_count + q->requestq_count;
    q->pendingq_count = q->requestq_count = 0;
    TAILQ_CONCAT(&seen, &q->messages->pending, link);
    TAILQ_CONCAT(&unseen, &q->messages->waiting, link);
    while ((msg = TAILQ_FIRST(&seen))) {
        TAILQ_REMOVE(&seen, msg, link);
        msg->state = AP_MESSAGE_NEW;
        of->driver->ops->lost(of->ctx, msg, -EIO, fx);
    }
    while ((msg = TAILQ_FIRST(&unseen))) {
        TAILQ_REMOVE(&unseen, msg, link);
        msg->state = AP_MESSAGE_NEW;
        of->driver->ops->lost(of->ctx, msg, -EAGAIN, fx);
    }
}

void ap_flush_queue(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    const struct ap_queue *q = queue_find(b, qn);

    if (q && queue_runs(b, q))
        bus_flush_queue(b, qn, &b->drivers[q->driver], fx);
}

/* There is room: sends the first waiting message. False: there is none, or it has to wait again. */
static bool send_waiting(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);
    const struct ap_driver_slot *of = &b->drivers[q->driver];
    struct ap_message *msg = q->messages ? TAILQ_FIRST(&q->messages->waiting) : NULL;
    int rc;

    if (!msg)
        return false;
    message_unlink(b, q, msg);
    rc = message_put(b, q, msg, fx->now);
    if (rc == 0)
        return msg->state == AP_MESSAGE_PENDING;
    of->driver->ops->lost(of->ctx, msg, rc, fx);
    return true;
}

/* The driver may send a rejected message to the same queue again, so the number of attempts is
 * bounded. */
static void send_all_waiting(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    uint32_t left = queue_get(b, qn)->requestq_count;

    while (left-- && send_waiting(b, qn, fx))
        ;
}

static struct ap_message *pending_find(struct ap_queue *q, uint64_t psmid)
{
    struct ap_message *msg;

    if (!q->messages)
        return NULL;
    TAILQ_FOREACH (msg, &q->messages->pending, link)
        if (msg->psmid == psmid)
            return msg;
    return NULL;
}

void ap_queue_poll(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    text_private_auto data = {0}; /* a reply can have a key that was generated */

    for (;;) {
        struct ap_dqap dqap = {.room = REPLY_MAX, .data = &data};
        struct ap_queue *q = queue_find(b, qn);
        const struct ap_driver_slot *of;
        struct ap_message *msg;
        uint32_t apqsw;

        text_clear(&data);
        if (!q || !queue_runs(b, q))
            return;
        of = &b->drivers[q->driver];
        apqsw = b->hw.ops->dqap(b->hw.ctx, qn, &dqap);
        /* Somebody else has reset the queue: the pending messages are lost [bus-queue-lost]. */
        if (apqsw_rc(apqsw) == AP_RC_NO_PENDING_REPLY && apqsw & APQSW_EMPTY && q->pendingq_count)
            bus_flush_queue(b, qn, of, fx);
        if (apqsw_rc(apqsw) != AP_RC_NORMAL)
            return;
        msg = pending_find(q, dqap.psmid);
        if (msg) {
            message_unlink(b, q, msg);
            q->messages->alive = fx->now;
            of->driver->ops->received(of->ctx, msg, span_of(data.data, data.len), fx);
        }
        send_waiting(b, qn, fx);
    }
}

static void reset_start(struct ap_bus *b, ap_qn qn, struct ap_queue *q)
{
    enum ap_rc rc = apqsw_rc(b->hw.ops->rapq(b->hw.ctx, qn));

    /* Otherwise the queue is busy or its adapter not available: the reset is retried when that
     * changes, or by the next scan. */
    q->failed = rc != AP_RC_NORMAL && rc != AP_RC_RESET_IN_PROGRESS;
    if (!q->failed)
        q->sm_state = AP_SM_STATE_RESET_WAIT;
}

static void reset_wait(struct ap_bus *b, ap_qn qn, struct ap_queue *q)
{
    uint64_t info;
    enum ap_rc rc = apqsw_rc(b->hw.ops->tapq(b->hw.ctx, qn, &info));

    if (rc != AP_RC_NORMAL)
        return;
    q->sm_state = AP_SM_STATE_IDLE;
    if (queue_runs(b, q) && b->hw.ops->interrupts(b->hw.ctx))
        b->hw.ops->aqic(b->hw.ctx, qn, &(struct ap_aqic){.enable = true});
}

/* A queue without a driver is not polled, so nothing finds the end of its reset. */
void queue_reset_go_on(struct ap_bus *b, ap_qn qn)
{
    struct ap_queue *q = queue_get(b, qn);

    if (!q->initiated || !q->config || q->chkstop)
        return;
    if (q->sm_state == AP_SM_STATE_RESET_START)
        reset_start(b, qn, q);
    if (q->sm_state == AP_SM_STATE_RESET_WAIT && q->driver != AP_DRIVER_NONE)
        reset_wait(b, qn, q);
}

void queue_restart(struct ap_bus *b, ap_qn qn)
{
    struct ap_queue *q = queue_get(b, qn);

    if (!q->initiated)
        return;
    q->failed = false;
    q->sm_state = AP_SM_STATE_RESET_START;
    queue_reset_go_on(b, qn);
}

void queue_fail(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);

    q->failed = q->initiated;
    ap_flush_queue(b, qn, fx);
}

void ap_queue_init_state(struct ap_bus *b, ap_qn qn)
{
    queue_get(b, qn)->initiated = true;
    queue_restart(b, qn);
}

void ap_queue_look(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    const struct ap_queue *q = queue_find(b, qn);

    if (!q)
        return;
    queue_reset_go_on(b, qn);
    if (!queue_runs(b, q))
        return;
    ap_queue_poll(b, qn, fx);
    send_all_waiting(b, qn, fx);
}

void ap_bus_restart(struct ap_bus *b)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_card *card = &b->cards[apid];

        mask256_for_each (apqi, &card->present_queues) {
            if (queue_runs(b, &card->queues[apqi]))
                queue_restart(b, AP_QN(apid, apqi));
        }
    }
}

static void give_up(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    effects_log(
        fx, LOG_LEVEL_WARNING,
        "%02x.%04x: no reply for 900 seconds; resetting the queue, its requests go to other queues",
        AP_QN_APID(qn), AP_QN_APQI(qn));
    queue_restart(b, qn);
    ap_flush_queue(b, qn, fx);
}

/* When the queue times out. A message that is waiting now may be pending by then, so it counts from
 * now. */
static uint64_t deadline(const struct ap_queue *q, uint64_t now)
{
    return (q->pendingq_count ? q->messages->alive : now) + AP_QUEUE_TIMEOUT_NS;
}

uint64_t ap_bus_check_timeouts(struct ap_bus *b, struct effects *fx)
{
    uint64_t next = 0;

    for (uint32_t qn = 0; qn < AP_APQNS && b->messages; qn++) {
        const struct ap_queue *q = queue_find(b, (ap_qn)qn);

        if (q && q->pendingq_count && deadline(q, fx->now) <= fx->now)
            give_up(b, (ap_qn)qn, fx);
    }
    for (uint32_t qn = 0; qn < AP_APQNS && b->messages; qn++) {
        const struct ap_queue *q = queue_find(b, (ap_qn)qn);

        if (!q || (!q->pendingq_count && !q->requestq_count))
            continue;
        if (!next || deadline(q, fx->now) < next)
            next = deadline(q, fx->now);
    }
    return next;
}
