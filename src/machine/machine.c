/* SPDX-License-Identifier: MIT */
#include "machine/machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct adapter {
    struct adapter_config config; /* type 0: not installed */
    bool checkstopped;
    /* Per queue, made when the adapter first appears: how often it was zeroized. */
    uint32_t *zeroized;
    struct mask256 notifying;
    /* Queues that were to be zeroized in standby or checkstop: it happens before anyone can reach
     * them again. */
    struct mask256 zeroize_due;
};

struct machine {
    struct machine_config
        config; /* masks, numbers and facilities; its adapters are kept up to date */
    struct adapter adapters[AP_IDS];
    uint64_t changes;
};

static void adapter_zeroize(struct adapter *a, const struct mask256 *domains)
{
    mask256_for_each(d, domains) a->zeroized[d]++;
    a->zeroize_due = mask256_andnot(a->zeroize_due, *domains);
    a->notifying = mask256_andnot(a->notifying, *domains);
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
    for (unsigned i = 0; i < AP_IDS; i++)
        free(m->adapters[i].zeroized);
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

/* What came back to life answers only after the zeroizing that was due. */
static void adapter_settle(struct adapter *a)
{
    if (a->config.type && a->config.configured && !a->checkstopped)
        adapter_zeroize(a, &a->zeroize_due);
}

void machine_set_online(struct machine *m, unsigned apid, bool online)
{
    struct adapter *a = &m->adapters[apid];

    a->config.configured = online;
    a->notifying =
        (struct mask256){0}; /* firmware resets the queues when it configures an adapter (L-11) */
    adapter_settle(a);
    m->changes++;
}

void machine_set_checkstop(struct machine *m, unsigned apid, bool checkstopped)
{
    m->adapters[apid].checkstopped = checkstopped;
    adapter_settle(&m->adapters[apid]);
    m->changes++;
}

/* What leaves the LPAR is zeroized there and then: the next LPAR must not find it, nor this one
 * when it comes back. */
void machine_set_lpar_adapter(struct machine *m, unsigned apid, bool in_lpar)
{
    struct mask256 all = mask256_ones();

    m->adapters[apid].config.in_lpar = in_lpar;
    if (!in_lpar && m->adapters[apid].config.type)
        adapter_zeroize(&m->adapters[apid], &all);
    m->changes++;
}

void machine_set_lpar_domain(struct machine *m, unsigned domain, bool usage)
{
    struct mask256 one = {0};

    mask256_assign(&m->config.usage, domain, usage);
    mask256_set(&one, domain);
    for (unsigned i = 0; i < AP_IDS && !usage; i++)
        if (m->adapters[i].config.type)
            adapter_zeroize(&m->adapters[i], &one);
    m->changes++;
}

void machine_set_lpar_control(struct machine *m, unsigned domain, bool control)
{
    mask256_assign(&m->config.control, domain, control);
    m->changes++;
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
            adapter_zeroize(a, same ? &gone : &all);
        a->checkstopped = mask256_test(checkstopped, i);
        adapter_settle(a);
    }
    m->changes++;
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

bool ap_qci_equal(const struct ap_qci *a, const struct ap_qci *b)
{
    return a->flags == b->flags && a->max_adapter == b->max_adapter &&
           a->max_domain == b->max_domain && mask256_equal(&a->apm, &b->apm) &&
           mask256_equal(&a->aqm, &b->aqm) && mask256_equal(&a->adm, &b->adm);
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
    if (rc != AP_RC_NORMAL)
        return apqsw_of(rc);
    return APQSW_EMPTY | (mask256_test(&a->notifying, AP_QN_APQI(qn)) ? APQSW_IRQ : 0);
}

static uint32_t hw_rapq(void *ctx, ap_qn qn)
{
    struct machine *m = ctx;
    enum ap_rc rc = queue_rc(m, qn);

    if (rc == AP_RC_NORMAL)
        mask256_clear(&m->adapters[AP_QN_APID(qn)].notifying, AP_QN_APQI(qn));
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
        .aqic = hw_aqic,
        .interrupts = hw_interrupts,
        .serial = hw_serial,
        .sclp = hw_sclp,
    };

    return (struct ap_hw){&ops, m};
}
