/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "machine/internal.h"

/* The AP instructions as issued by the LPAR. */

static bool hw_qci(const void *ctx, struct ap_qci *out)
{
    const struct machine *m = ctx;

    *out = (struct ap_qci){.flags = m->config.features,
                           .max_adapter = m->config.max_adapter,
                           .max_domain = m->config.max_domain,
                           .apm = lpar_adapters(m, false),
                           .aqm = m->config.usage,
                           .adm = m->config.control};
    return true;
}

/* Faults that, if permanent, are states of a queue. */
#define FAULT_STATES (FAULT_BIT(FAULT_DECONFIGURED) | FAULT_BIT(FAULT_CHECKSTOP))

static enum ap_rc adapter_rc(const struct machine *m, ap_qn qn)
{
    struct adapter_state s = adapter_state_of(&m->adapters[AP_QN_APID(qn)]);

    if (!s.in_lpar || !mask256_test(&m->config.usage, AP_QN_APQI(qn)))
        return AP_RC_Q_NOT_AVAIL;
    if (!s.online)
        return AP_RC_DECONFIGURED;
    return s.checkstopped ? AP_RC_CHECKSTOPPED : AP_RC_NORMAL;
}

/* state: a rule of FAULT_STATES that holds for the queue, or NULL. */
static enum ap_rc state_rc(const struct machine *m, ap_qn qn, const struct fault *state)
{
    const struct adapter *a = &m->adapters[AP_QN_APID(qn)];

    if (state)
        return state->kind == FAULT_DECONFIGURED ? AP_RC_DECONFIGURED : AP_RC_CHECKSTOPPED;
    return a->reset_until && a->reset_until[AP_QN_APQI(qn)] ? AP_RC_RESET_IN_PROGRESS
                                                            : AP_RC_NORMAL;
}

/* Whether an instruction reaches the queue. */
static enum ap_rc queue_rc(struct machine *m, ap_qn qn)
{
    enum ap_rc rc = adapter_rc(m, qn);

    return rc == AP_RC_NORMAL ? state_rc(m, qn, fault_list_state(&m->faults, FAULT_STATES, qn))
                              : rc;
}

/* The same without side effects. */
static enum ap_rc queue_look(const struct machine *m, ap_qn qn)
{
    enum ap_rc rc = adapter_rc(m, qn);

    return rc == AP_RC_NORMAL ? state_rc(m, qn, fault_list_look(&m->faults, FAULT_STATES, qn)) : rc;
}

/* Every instruction except a reset starts here: a ZAPQ that was not accepted is made up for before
 * the queue responds again. */
static enum ap_rc queue_enter(struct machine *m, ap_qn qn)
{
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_rc(m, qn);

    if (rc == AP_RC_NORMAL && mask256_test(&a->zeroize_due, AP_QN_APQI(qn))) {
        struct mask256 one = {{0}};

        mask256_set(&one, AP_QN_APQI(qn));
        adapter_zeroize(m, a, &one);
    }
    return rc;
}

/* A driver that was rejected would poll until it is accepted. Here nothing else re-arms the queue,
 * so an alarm tells the driver to retry. */
static void try_again_later(struct machine *m, const struct fault *f, ap_qn qn)
{
    struct mask256 *set = &m->adapters[AP_QN_APID(qn)].try_again;

    if (f->count == FAULT_ALWAYS || mask256_test(set, AP_QN_APQI(qn)))
        return;
    mask256_set(set, AP_QN_APQI(qn));
    alarms_add(&m->alarms, m->now + MACHINE_TRY_AGAIN_NS, qn);
}

static uint32_t queue_status(const struct adapter *a, unsigned apqi)
{
    const struct message_queue *q = queue_get(a, apqi);
    uint32_t status = mask256_test(&a->notifying, apqi) ? APQSW_IRQ : 0;

    if (!q || !q->count)
        return status | APQSW_EMPTY;
    return status | (q->ready ? APQSW_REPLIES : 0) | (q->count > a->config->depth ? APQSW_FULL : 0);
}

static uint64_t queue_info(const struct machine *m, const struct adapter *a)
{
    return (uint64_t)a->config->functions << 32 | (uint64_t)a->config->type << 24 |
           (uint64_t)m->usage_count % 256 << 16 | (uint64_t)a->config->max_message << 8 |
           a->config->depth;
}

static uint32_t hw_tapq(void *ctx, ap_qn qn, uint64_t *info)
{
    struct machine *m = ctx;
    const struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_enter(m, qn);

    *info = rc == AP_RC_Q_NOT_AVAIL ? 0 : queue_info(m, a);
    if (rc == AP_RC_NORMAL && fault_list_state(&m->faults, FAULT_BIT(FAULT_BUSY), qn))
        rc = AP_RC_BUSY;
    return apqsw_of(rc) | (rc == AP_RC_NORMAL ? queue_status(a, AP_QN_APQI(qn)) : 0);
}

/* A queue with a zeroize due reports empty, as it will be for the next instruction. */
static uint32_t hw_peek(const void *ctx, ap_qn qn, uint64_t *info)
{
    const struct machine *m = ctx;
    const struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_look(m, qn);

    *info = rc == AP_RC_Q_NOT_AVAIL ? 0 : queue_info(m, a);
    if (rc == AP_RC_NORMAL && fault_list_look(&m->faults, FAULT_BIT(FAULT_BUSY), qn))
        rc = AP_RC_BUSY;
    if (rc != AP_RC_NORMAL)
        return apqsw_of(rc);
    return mask256_test(&a->zeroize_due, AP_QN_APQI(qn)) ? APQSW_EMPTY
                                                         : queue_status(a, AP_QN_APQI(qn));
}

static void reset_takes(struct machine *m, struct adapter *a, ap_qn qn, uint64_t time)
{
    if (!a->reset_until)
        a->reset_until = xcalloc(AP_IDS, sizeof *a->reset_until);
    a->reset_until[AP_QN_APQI(qn)] = m->now + time;
    alarms_add(&m->alarms, m->now + time, qn);
}

/* The queue's counts. Scans reset each queue once, so resets alone do not allocate them. */
static struct ap_counts *counts_of(struct machine *m, ap_qn qn)
{
    return &queue_make(&m->adapters[AP_QN_APID(qn)], AP_QN_APQI(qn))->counts;
}

static uint32_t queue_reset(struct machine *m, ap_qn qn, enum ap_rc rc)
{
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    const struct message_queue *q;
    const struct fault *f;

    if (rc != AP_RC_NORMAL)
        return apqsw_of(rc);
    f = fault_list_hit(&m->faults, FAULT_BIT(FAULT_BUSY), qn);
    if (f) {
        try_again_later(m, f, qn);
        return apqsw_of(AP_RC_BUSY);
    }
    q = queue_get(a, AP_QN_APQI(qn));
    if (q && q->count) /* the sender may not be the one who resets */
        alarms_add(&m->alarms, m->now, qn);
    queue_flush(m, a, AP_QN_APQI(qn));
    adapter_count_reset(a, AP_QN_APQI(qn));
    news_reset(m, a, AP_QN_APQI(qn), false);
    f = fault_list_hit(&m->faults, FAULT_BIT(FAULT_RESET), qn);
    if (f)
        reset_takes(m, a, qn, f->time);
    return apqsw_of(AP_RC_NORMAL);
}

static uint32_t reset_counted(struct machine *m, ap_qn qn, enum ap_rc rc)
{
    uint32_t apqsw = queue_reset(m, qn, rc);

    if (apqsw_rc(apqsw) != AP_RC_NORMAL)
        ap_counts_code(counts_of(m, qn), apqsw_rc(apqsw));
    return apqsw;
}

static uint32_t hw_rapq(void *ctx, ap_qn qn)
{
    return reset_counted(ctx, qn, queue_enter(ctx, qn));
}

static uint32_t hw_zapq(void *ctx, ap_qn qn)
{
    struct machine *m = ctx;
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    uint32_t apqsw = reset_counted(m, qn, queue_rc(m, qn));
    enum ap_rc rc = apqsw_rc(apqsw);

    if (rc == AP_RC_NORMAL) {
        a->zeroized[AP_QN_APQI(qn)]++;
        news_reset(m, a, AP_QN_APQI(qn), true);
    }
    mask256_set(&m->touched.adapters, AP_QN_APID(qn));
    if (rc != AP_RC_Q_NOT_AVAIL)
        mask256_assign(&a->zeroize_due, AP_QN_APQI(qn), rc != AP_RC_NORMAL);
    return apqsw;
}

static uint32_t hw_aqic(void *ctx, ap_qn qn, const struct ap_aqic *control)
{
    struct machine *m = ctx;
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_enter(m, qn);

    if (rc != AP_RC_NORMAL)
        return apqsw_of(rc);
    if (mask256_test(&a->notifying, AP_QN_APQI(qn)) == control->enable)
        return apqsw_of(AP_RC_OTHERWISE_CHANGED);
    mask256_assign(&a->notifying, AP_QN_APQI(qn), control->enable);
    if (!a->aqic)
        a->aqic = xcalloc(AP_IDS, sizeof *a->aqic);
    a->aqic[AP_QN_APQI(qn)] = *control;
    return apqsw_of(AP_RC_NORMAL);
}

static enum ap_rc nqap_check(const struct machine *m, const struct adapter *a,
                             const struct ap_nqap *r)
{
    size_t limit = a->config->max_message ? a->config->max_message * 4096u : 12288u;

    if (r->special && !(a->config->functions & AP_FN_SPECIAL))
        return AP_RC_REQ_FAC_NOT_INST;
    if (r->len == 0)
        return AP_RC_NO_FIRST_PART;
    if (r->len > limit)
        return AP_RC_MESSAGE_TOO_BIG;
    return ap_admin_permitted(&r->admin, &m->config.control) ? AP_RC_NORMAL : AP_RC_INVALID_DOMAIN;
}

/* The faults that apply to NQAP. */
static enum ap_rc nqap_fault(struct machine *m, ap_qn qn)
{
    const struct fault *f =
        fault_list_hit(&m->faults,
                       FAULT_BIT(FAULT_DECONFIGURED) | FAULT_BIT(FAULT_CHECKSTOP) |
                           FAULT_BIT(FAULT_BUSY) | FAULT_BIT(FAULT_FULL),
                       qn);

    if (!f)
        return AP_RC_NORMAL;
    switch (f->kind) {
    case FAULT_DECONFIGURED:
        return AP_RC_DECONFIGURED;
    case FAULT_CHECKSTOP:
        return AP_RC_CHECKSTOPPED;
    case FAULT_BUSY:
        return AP_RC_BUSY;
    case FAULT_FULL:
        try_again_later(m, f, qn);
        return AP_RC_Q_FULL;
    default:
        abort();
    }
}

static uint32_t nqap(struct machine *m, ap_qn qn, const struct ap_nqap *request)
{
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_enter(m, qn);
    struct message_queue *q;

    if (rc == AP_RC_NORMAL)
        rc = nqap_check(m, a, request);
    if (rc == AP_RC_NORMAL)
        rc = nqap_fault(m, qn);
    if (rc == AP_RC_Q_FULL)
        return apqsw_of(rc) | queue_status(a, AP_QN_APQI(qn)) | APQSW_FULL;
    if (rc != AP_RC_NORMAL)
        return apqsw_of(rc);
    q = queue_make(a, AP_QN_APQI(qn));
    if (q->count > a->config->depth)
        return apqsw_of(AP_RC_Q_FULL) | queue_status(a, AP_QN_APQI(qn));
    message_queue_add(q, &m->jobs, qn, request->psmid, request->data, request->len);
    return queue_status(a, AP_QN_APQI(qn));
}

static uint32_t hw_nqap(void *ctx, ap_qn qn, const struct ap_nqap *request)
{
    uint32_t apqsw = nqap(ctx, qn, request);

    ap_counts_nqap(counts_of(ctx, qn), apqsw);
    return apqsw;
}

static uint32_t dqap(struct machine *m, ap_qn qn, struct ap_dqap *reply)
{
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_enter(m, qn);
    struct message_queue *q = queue_get(a, AP_QN_APQI(qn));
    struct message *ready = q ? message_queue_ready(q) : NULL;

    if (rc == AP_RC_NORMAL && !ready)
        rc = AP_RC_NO_PENDING_REPLY;
    if (rc == AP_RC_NORMAL) {
        reply->psmid = ready->psmid;
        reply->error = ready->error;
        reply->residual = message_deliver(q, ready, reply->room, reply->data);
    }
    return apqsw_of(rc) | queue_status(a, AP_QN_APQI(qn));
}

static uint32_t hw_dqap(void *ctx, ap_qn qn, struct ap_dqap *reply)
{
    uint32_t apqsw = dqap(ctx, qn, reply);

    ap_counts_dqap(counts_of(ctx, qn), apqsw, reply);
    return apqsw;
}

static bool hw_interrupts(const void *ctx)
{
    return ((const struct machine *)ctx)->config.interrupts;
}

static const char *hw_serial(const void *ctx, unsigned apid)
{
    return ((const struct machine *)ctx)->adapters[apid].config->serial;
}

/* As an instruction would find it: with the state after any zeroizing that is due. */
static bool hw_ask(const void *ctx, ap_qn qn, const uint8_t *request, size_t len,
                   struct text *reply)
{
    const struct machine *m = ctx;
    bool due = mask256_test(&m->adapters[AP_QN_APID(qn)].zeroize_due, AP_QN_APQI(qn));
    struct machine_job job = {.qn = qn,
                              .zeroize_count = machine_zeroize_count(m, qn) + due,
                              .request = request,
                              .len = len};

    if (!m->firmware.answer || queue_look(m, qn) != AP_RC_NORMAL)
        return false;
    m->firmware.answer(m->firmware.ctx, &job, machine_adapter_config(m, AP_QN_APID(qn)),
                       m->usage_count, reply);
    return true;
}

static int hw_sclp(void *ctx, uint32_t word)
{
    return machine_sclp(ctx, word);
}

struct ap_hw machine_hw(struct machine *m)
{
    static const struct ap_hw_ops ops = {
        .qci = hw_qci,
        .tapq = hw_tapq,
        .peek = hw_peek,
        .rapq = hw_rapq,
        .zapq = hw_zapq,
        .nqap = hw_nqap,
        .dqap = hw_dqap,
        .aqic = hw_aqic,
        .interrupts = hw_interrupts,
        .serial = hw_serial,
        .ask_firmware = hw_ask,
        .sclp = hw_sclp,
    };

    return (struct ap_hw){&ops, m};
}
