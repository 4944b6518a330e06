/* SPDX-License-Identifier: MIT */
#include "machine/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "machine/queue.h"

struct adapter {
    struct adapter_config config; /* type 0: not installed */
    bool checkstopped;
    /* Per queue, made when the adapter first appears: how often it was zeroized. */
    uint32_t *zeroized;
    struct mask256 notifying;
    struct message_queue **queues; /* per queue, made with its first message */
    /* Queues that were to be zeroized in standby or checkstop: it happens before anyone can reach
     * them again. */
    struct mask256 zeroize_due;
};

struct machine {
    struct machine_config
        config; /* masks, numbers and facilities; its adapters are kept up to date */
    struct adapter adapters[AP_IDS];
    uint64_t changes;
    struct mask256 changed;
    struct job_table jobs;
};

static struct message_queue *queue_get(const struct adapter *a, unsigned apqi)
{
    return a->queues ? a->queues[apqi] : NULL;
}

static void queue_flush(struct machine *m, struct adapter *a, unsigned apqi)
{
    struct message_queue *q = queue_get(a, apqi);

    if (q)
        message_queue_flush(q, &m->jobs);
    mask256_clear(&a->notifying, apqi);
}

static void adapter_flush(struct machine *m, struct adapter *a)
{
    for (unsigned apqi = 0; a->queues && apqi < AP_IDS; apqi++)
        queue_flush(m, a, apqi);
    a->notifying = (struct mask256){0};
}

static void adapter_zeroize(struct machine *m, struct adapter *a, const struct mask256 *domains)
{
    mask256_for_each(d, domains)
    {
        a->zeroized[d]++;
        queue_flush(m, a, d);
    }
    a->zeroize_due = mask256_andnot(a->zeroize_due, *domains);
}

static void adapter_install(struct adapter *a, const struct adapter_config *config)
{
    a->config = *config;
    a->notifying = (struct mask256){0};
    if (config->type && !a->zeroized)
        a->zeroized = xcalloc(AP_IDS, sizeof *a->zeroized);
}

struct machine *machine_new(const struct machine_config *config)
{
    struct machine *m = xcalloc(1, sizeof *m);

    m->config = *config;
    for (unsigned i = 0; i < AP_IDS; i++)
        adapter_install(&m->adapters[i], &config->adapters[i]);
    return m;
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    for (unsigned i = 0; i < AP_IDS; i++) {
        struct adapter *a = &m->adapters[i];

        adapter_flush(m, a);
        for (unsigned apqi = 0; a->queues && apqi < AP_IDS; apqi++)
            free(a->queues[apqi]);
        free(a->queues);
        free(a->zeroized);
    }
    job_table_done(&m->jobs);
    free(m);
}

struct adapter_state machine_adapter(const struct machine *m, unsigned apid)
{
    const struct adapter *a = &m->adapters[apid];

    return (struct adapter_state){.installed = a->config.type != 0,
                                  .in_lpar = a->config.type && a->config.in_lpar,
                                  .online = a->config.type && a->config.configured,
                                  .checkstopped = a->checkstopped};
}

const struct adapter_config *machine_adapter_config(const struct machine *m, unsigned apid)
{
    return &m->adapters[apid].config;
}

const struct machine_config *machine_config(const struct machine *m)
{
    return &m->config;
}

static struct mask256 lpar_adapters(const struct machine *m, bool online_only)
{
    struct mask256 mask = {0};

    for (unsigned i = 0; i < AP_IDS; i++) {
        struct adapter_state s = machine_adapter(m, i);

        if (s.in_lpar && (s.online || !online_only))
            mask256_set(&mask, i);
    }
    return mask;
}

struct mask256 machine_online(const struct machine *m)
{
    return lpar_adapters(m, true);
}

bool machine_queue_usable(const struct machine *m, ap_qn qn)
{
    struct adapter_state s = machine_adapter(m, AP_QN_APID(qn));

    return s.in_lpar && s.online && mask256_test(&m->config.usage, AP_QN_APQI(qn));
}

uint32_t machine_zeroize_count(const struct machine *m, ap_qn qn)
{
    const struct adapter *a = &m->adapters[AP_QN_APID(qn)];

    return a->zeroized ? a->zeroized[AP_QN_APQI(qn)] : 0;
}

uint64_t machine_changes(const struct machine *m)
{
    return m->changes;
}

struct mask256 machine_take_changed(struct machine *m)
{
    struct mask256 changed = m->changed;

    m->changed = (struct mask256){0};
    return changed;
}

static void note_adapter(struct machine *m, unsigned apid)
{
    m->changes++;
    mask256_set(&m->changed, apid);
}

static void note_all(struct machine *m)
{
    m->changes++;
    m->changed = mask256_ones();
}

/* What came back to life answers only after the zeroizing that was due. */
static void adapter_settle(struct machine *m, struct adapter *a)
{
    if (a->config.type && a->config.configured && !a->checkstopped)
        adapter_zeroize(m, a, &a->zeroize_due);
}

void machine_set_online(struct machine *m, unsigned apid, bool online)
{
    struct adapter *a = &m->adapters[apid];

    a->config.configured = online;
    /* Firmware resets the queues when it configures an adapter (spec 7.2, L-11). */
    adapter_flush(m, a);
    adapter_settle(m, a);
    note_adapter(m, apid);
}

void machine_set_checkstop(struct machine *m, unsigned apid, bool checkstopped)
{
    m->adapters[apid].checkstopped = checkstopped;
    adapter_flush(m, &m->adapters[apid]);
    adapter_settle(m, &m->adapters[apid]);
    note_adapter(m, apid);
}

/* What leaves the LPAR is zeroized there and then: the next LPAR must not find it, nor this one
 * when it comes back. */
void machine_set_lpar_adapter(struct machine *m, unsigned apid, bool in_lpar)
{
    struct mask256 all = mask256_ones();

    m->adapters[apid].config.in_lpar = in_lpar;
    if (!in_lpar && m->adapters[apid].config.type)
        adapter_zeroize(m, &m->adapters[apid], &all);
    note_adapter(m, apid);
}

void machine_set_lpar_domain(struct machine *m, unsigned domain, bool usage)
{
    struct mask256 one = {0};

    mask256_assign(&m->config.usage, domain, usage);
    mask256_set(&one, domain);
    for (unsigned i = 0; i < AP_IDS && !usage; i++)
        if (m->adapters[i].config.type)
            adapter_zeroize(m, &m->adapters[i], &one);
    note_all(m);
}

void machine_set_lpar_control(struct machine *m, unsigned domain, bool control)
{
    mask256_assign(&m->config.control, domain, control);
    note_all(m);
}

void machine_replace(struct machine *m, const struct machine_config *config,
                     const struct mask256 *checkstopped)
{
    struct mask256 all = mask256_ones(), gone = mask256_andnot(m->config.usage, config->usage);

    m->config.usage = config->usage;
    m->config.control = config->control;
    m->config.max_adapter = config->max_adapter;
    m->config.max_domain = config->max_domain;
    for (unsigned i = 0; i < AP_IDS; i++) {
        struct adapter *a = &m->adapters[i];
        bool was = a->config.type && a->config.in_lpar;
        bool same = was && config->adapters[i].in_lpar &&
                    a->config.type == config->adapters[i].type &&
                    a->config.mode == config->adapters[i].mode;

        adapter_install(a, &config->adapters[i]);
        if (was)
            adapter_zeroize(m, a, same ? &gone : &all);
        a->checkstopped = mask256_test(checkstopped, i);
        adapter_settle(m, a);
    }
    note_all(m);
}

uint16_t machine_sclp(struct machine *m, uint32_t word)
{
    unsigned apid = word >> 8 & 0xff;
    bool on = (word & 0xffff00ffu) == SCLP_CONFIGURE_AP;

    if (!on && (word & 0xffff00ffu) != SCLP_DECONFIGURE_AP)
        return SCLP_RC_INVALID;
    if (!machine_adapter(m, apid).in_lpar)
        return SCLP_RC_NO_SUCH_AP;
    if (machine_adapter(m, apid).online == on)
        return SCLP_RC_NO_ACTION;
    machine_set_online(m, apid, on);
    return SCLP_RC_DONE;
}

static bool hw_qci(void *ctx, struct ap_qci *out)
{
    struct machine *m = ctx;

    *out = (struct ap_qci){.flags = m->config.features,
                           .max_adapter = m->config.max_adapter,
                           .max_domain = m->config.max_domain,
                           .apm = lpar_adapters(m, false),
                           .aqm = m->config.usage,
                           .adm = m->config.control};
    return true;
}

/* What every instruction on a queue checks first. */
static enum ap_rc queue_rc(const struct machine *m, ap_qn qn)
{
    struct adapter_state s = machine_adapter(m, AP_QN_APID(qn));

    if (!s.in_lpar || !mask256_test(&m->config.usage, AP_QN_APQI(qn)))
        return AP_RC_Q_NOT_AVAIL;
    if (!s.online)
        return AP_RC_DECONFIGURED;
    return s.checkstopped ? AP_RC_CHECKSTOPPED : AP_RC_NORMAL;
}

static uint32_t queue_status(const struct adapter *a, unsigned apqi)
{
    const struct message_queue *q = queue_get(a, apqi);
    uint32_t status = mask256_test(&a->notifying, apqi) ? APQSW_IRQ : 0;

    if (!q || !q->count)
        return status | APQSW_EMPTY;
    return status | (q->ready ? APQSW_REPLIES : 0) | (q->count > a->config.depth ? APQSW_FULL : 0);
}

static uint32_t hw_tapq(void *ctx, ap_qn qn, uint64_t *info)
{
    struct machine *m = ctx;
    const struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_rc(m, qn);

    *info = 0;
    if (rc == AP_RC_Q_NOT_AVAIL)
        return apqsw_of(rc);
    *info = (uint64_t)a->config.functions << 32 | (uint64_t)a->config.type << 24 |
            (uint64_t)mask256_count(&m->config.usage) % 256 << 16 |
            (uint64_t)a->config.max_message << 8 | a->config.depth;
    return apqsw_of(rc) | (rc == AP_RC_NORMAL ? queue_status(a, AP_QN_APQI(qn)) : 0);
}

static uint32_t hw_rapq(void *ctx, ap_qn qn)
{
    struct machine *m = ctx;
    enum ap_rc rc = queue_rc(m, qn);

    if (rc == AP_RC_NORMAL)
        queue_flush(m, &m->adapters[AP_QN_APID(qn)], AP_QN_APQI(qn));
    return apqsw_of(rc);
}

static uint32_t hw_zapq(void *ctx, ap_qn qn)
{
    struct machine *m = ctx;
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    uint32_t apqsw = hw_rapq(m, qn);

    if (apqsw_rc(apqsw) == AP_RC_NORMAL)
        a->zeroized[AP_QN_APQI(qn)]++;
    else if (apqsw_rc(apqsw) != AP_RC_Q_NOT_AVAIL)
        mask256_set(&a->zeroize_due, AP_QN_APQI(qn));
    return apqsw;
}

static uint32_t hw_aqic(void *ctx, ap_qn qn, bool enable)
{
    struct machine *m = ctx;
    struct mask256 *notifying = &m->adapters[AP_QN_APID(qn)].notifying;
    enum ap_rc rc = queue_rc(m, qn);

    if (rc != AP_RC_NORMAL)
        return apqsw_of(rc);
    if (mask256_test(notifying, AP_QN_APQI(qn)) == enable)
        return apqsw_of(AP_RC_OTHERWISE_CHANGED);
    mask256_assign(notifying, AP_QN_APQI(qn), enable);
    return apqsw_of(AP_RC_NORMAL);
}

static enum ap_rc nqap_check(const struct machine *m, const struct adapter *a,
                             const struct ap_nqap *r)
{
    size_t limit = a->config.max_message ? a->config.max_message * 4096u : 12288u;

    if (r->special && !(a->config.functions & AP_FN_SPECIAL))
        return AP_RC_REQ_FAC_NOT_INST;
    if (r->len == 0)
        return AP_RC_NO_FIRST_PART;
    if (r->len > limit)
        return AP_RC_MESSAGE_TOO_BIG;
    return ap_command_permitted(r, &m->config.control) ? AP_RC_NORMAL : AP_RC_INVALID_DOMAIN;
}

static struct message_queue *queue_make(struct adapter *a, unsigned apqi)
{
    if (!a->queues)
        a->queues = xcalloc(AP_IDS, sizeof(struct message_queue *));
    if (!a->queues[apqi]) {
        a->queues[apqi] = xcalloc(1, sizeof *a->queues[apqi]);
        TAILQ_INIT(&a->queues[apqi]->messages);
    }
    return a->queues[apqi];
}

static uint32_t hw_nqap(void *ctx, ap_qn qn, const struct ap_nqap *request)
{
    struct machine *m = ctx;
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    enum ap_rc rc = queue_rc(m, qn);
    struct message_queue *q;

    if (rc == AP_RC_NORMAL)
        rc = nqap_check(m, a, request);
    if (rc != AP_RC_NORMAL)
        return apqsw_of(rc);
    q = queue_make(a, AP_QN_APQI(qn));
    if (q->count > a->config.depth)
        return apqsw_of(AP_RC_Q_FULL) | queue_status(a, AP_QN_APQI(qn));
    message_queue_add(q, &m->jobs, qn, request->psmid, request->data, request->len);
    return queue_status(a, AP_QN_APQI(qn));
}

static uint32_t hw_dqap(void *ctx, ap_qn qn, struct ap_dqap *reply)
{
    struct machine *m = ctx;
    struct adapter *a = &m->adapters[AP_QN_APID(qn)];
    struct message_queue *q = queue_get(a, AP_QN_APQI(qn));
    struct message *ready = q ? message_queue_ready(q) : NULL;
    enum ap_rc rc = queue_rc(m, qn);

    if (rc == AP_RC_NORMAL && !ready)
        rc = AP_RC_NO_PENDING_REPLY;
    if (rc == AP_RC_NORMAL) {
        reply->psmid = ready->psmid;
        reply->residual = message_deliver(q, ready, reply->room, reply->data);
    }
    return apqsw_of(rc) | queue_status(a, AP_QN_APQI(qn));
}

bool machine_job_next(struct machine *m, uint64_t *id)
{
    return job_next_fresh(&m->jobs, id);
}

int machine_job_get(const struct machine *m, uint64_t id, struct machine_job *out)
{
    ap_qn qn;
    struct message *message = job_find(&m->jobs, id, &qn);

    if (!message)
        return -ESTALE;
    *out = (struct machine_job){.id = id,
                                .qn = qn,
                                .zeroize_count = machine_zeroize_count(m, qn),
                                .request = message->bytes,
                                .len = message->len};
    return 0;
}

int machine_job_done(struct machine *m, uint64_t id, const uint8_t *reply, size_t len, ap_qn *qn)
{
    struct message *message = job_find(&m->jobs, id, qn);

    if (!message)
        return -ESTALE;
    job_end(&m->jobs, id);
    message_answer(queue_get(&m->adapters[AP_QN_APID(*qn)], AP_QN_APQI(*qn)), message, reply, len);
    return 0;
}

bool machine_queue_notifies(const struct machine *m, ap_qn qn)
{
    return mask256_test(&m->adapters[AP_QN_APID(qn)].notifying, AP_QN_APQI(qn));
}

static bool hw_interrupts(void *ctx)
{
    return ((struct machine *)ctx)->config.interrupts;
}

static const char *hw_serial(void *ctx, unsigned apid)
{
    return ((struct machine *)ctx)->adapters[apid].config.serial;
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
        .rapq = hw_rapq,
        .zapq = hw_zapq,
        .nqap = hw_nqap,
        .dqap = hw_dqap,
        .aqic = hw_aqic,
        .interrupts = hw_interrupts,
        .serial = hw_serial,
        .sclp = hw_sclp,
    };

    return (struct ap_hw){&ops, m};
}
