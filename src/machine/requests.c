/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "machine/internal.h"

/* Requests in queues and their replies, and what of them is counted. */

struct message_queue *queue_make(struct adapter *a, unsigned apqi)
{
    if (!a->queues)
        a->queues = xcalloc(AP_IDS, sizeof(struct message_queue *));
    if (!a->queues[apqi]) {
        a->queues[apqi] = xcalloc(1, sizeof *a->queues[apqi]);
        TAILQ_INIT(&a->queues[apqi]->messages);
    }
    return a->queues[apqi];
}

struct ap_counts machine_queue_counts(const struct machine *m, ap_qn qn)
{
    const struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    const struct message_queue *q = queue_get(a, AP_QN_APQI(qn));
    struct ap_counts counts = q ? q->counts : (struct ap_counts){0};

    counts.resets = a->resets ? a->resets[AP_QN_APQI(qn)] : 0;
    counts.zeroized = machine_zeroize_count(m, qn);
    return counts;
}

unsigned machine_queue_pending(const struct machine *m, ap_qn qn)
{
    const struct message_queue *q = queue_get(&m->adapters[AP_QN_APID(qn)], AP_QN_APQI(qn));

    return q ? q->count : 0;
}

bool machine_queue_next(const struct machine *m, uint32_t *cursor, ap_qn *out)
{
    while (*cursor < AP_APQNS) {
        ap_qn qn = (ap_qn)*cursor;
        const struct adapter *a = &m->adapters[AP_QN_APID(qn)];

        if (!a->zeroized) { /* there has never been such an adapter */
            *cursor = AP_QN(AP_QN_APID(qn), 0) + AP_IDS;
            continue;
        }
        ++*cursor;
        if (queue_get(a, AP_QN_APQI(qn)) || a->resets[AP_QN_APQI(qn)] ||
            (adapter_state_of(a).in_lpar && mask256_test(&m->config.usage, AP_QN_APQI(qn)))) {
            *out = qn;
            return true;
        }
    }
    return false;
}

void machine_queue_counts_restore(struct machine *m, ap_qn qn, const struct ap_counts *counts)
{
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    struct ap_counts more = *counts;

    if (!a->resets)
        return;
    a->resets[AP_QN_APQI(qn)] += counts->resets;
    more.resets = more.zeroized = 0; /* the state has the latter */
    if (ap_counts_any(&more))
        ap_counts_add(&queue_make(a, AP_QN_APQI(qn))->counts, &more);
}

bool machine_job_next(struct machine *m, uint64_t *id)
{
    return job_next_fresh(&m->jobs, id);
}

int machine_job_get(const struct machine *m, uint64_t id, struct machine_job *out)
{
    const struct message *message = job_find(&m->jobs, id);

    if (!message)
        return -ESTALE;
    *out = (struct machine_job){.id = id,
                                .qn = message->qn,
                                .zeroize_count = machine_zeroize_count(m, message->qn),
                                .request = message->bytes,
                                .len = message->len};
    return 0;
}

void machine_set_firmware(struct machine *m, const struct machine_firmware *firmware)
{
    m->firmware = firmware ? *firmware : (struct machine_firmware){0};
}

/* The faults that apply to replies: one can damage a reply and another delay it. */
static void answer(struct machine *m, ap_qn qn, struct message *message, const uint8_t *reply,
                   size_t len)
{
    struct message_queue *q = queue_get(&m->adapters[AP_QN_APID(qn)], AP_QN_APQI(qn));
    const struct fault *bad = fault_list_hit(&m->faults, FAULT_BIT(FAULT_BAD_REPLY), qn);
    const struct fault *delay = fault_list_hit(&m->faults, FAULT_BIT(FAULT_DELAY), qn);
    uint64_t due = delay ? m->now + delay->time : 0;

    message_answer(message, reply, len);
    if (bad) {
        size_t damaged = message->len;

        fault_damage_reply(bad, message->bytes, &damaged);
        message->len = (uint32_t)damaged;
    }
    message_hold(q, message, due);
    if (due)
        alarms_add(&m->alarms, due, qn);
}

int machine_job_done(struct machine *m, uint64_t id, const uint8_t *reply, size_t len, ap_qn *qn)
{
    struct message *message = job_find(&m->jobs, id);

    if (!message)
        return -ESTALE;
    job_end(&m->jobs, id);
    *qn = message->qn;
    answer(m, *qn, message, reply, len);
    return 0;
}

unsigned machine_replies_came(struct machine *m, ap_qn qn)
{
    struct message_queue *q = queue_get(&m->adapters[AP_QN_APID(qn)], AP_QN_APQI(qn));
    unsigned came = q ? q->came : 0;

    if (q)
        q->came = 0;
    return came;
}

struct ap_aqic machine_queue_aqic(const struct machine *m, ap_qn qn)
{
    const struct adapter *a = &m->adapters[AP_QN_APID(qn)];

    return mask256_test(&a->notifying, AP_QN_APQI(qn)) ? a->aqic[AP_QN_APQI(qn)]
                                                       : (struct ap_aqic){0};
}
