/* SPDX-License-Identifier: MIT */
#include "machine/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"

void queue_flush(struct machine *m, struct adapter *a, unsigned apqi)
{
    struct message_queue *q = queue_get(a, apqi);

    if (q && q->count) {
        q->counts.lost += q->count;
        news_lost(m, a, apqi, q->count);
    }
    if (q)
        message_queue_flush(q, &m->jobs);
    mask256_clear(&a->notifying, apqi);
}

static void adapter_flush(struct machine *m, struct adapter *a)
{
    for (unsigned apqi = 0; a->queues && apqi < AP_IDS; apqi++)
        queue_flush(m, a, apqi);
    a->notifying = (struct mask256){0};
    if (a->reset_until)
        memset(a->reset_until, 0, AP_IDS * sizeof *a->reset_until);
}

void adapter_count_reset(struct adapter *a, unsigned apqi)
{
    a->resets[apqi]++;
}

static void touch(struct machine *m, const struct adapter *a)
{
    mask256_set(&m->touched.adapters, (unsigned)(a - m->adapters));
}

void adapter_zeroize(struct machine *m, struct adapter *a, const struct mask256 *domains)
{
    if (!mask256_empty(domains))
        touch(m, a);
    mask256_for_each (d, domains) {
        a->zeroized[d]++;
        queue_flush(m, a, d);
        adapter_count_reset(a, d);
        news_reset(m, a, d, true);
    }
    a->zeroize_due = mask256_andnot(a->zeroize_due, *domains);
}

static void rows_make(struct adapter *a)
{
    if (a->zeroized)
        return;
    a->zeroized = xcalloc(AP_IDS, sizeof *a->zeroized);
    a->resets = xcalloc(AP_IDS, sizeof *a->resets);
}

static void adapter_install(struct adapter *a, const struct adapter_config *config)
{
    *a->config = *config;
    if (config->type)
        rows_make(a);
}

static void set_usage(struct machine *m, struct mask256 usage)
{
    m->config.usage = usage;
    m->usage_count = mask256_count(&usage);
}

struct machine *machine_new(const struct machine_config *config)
{
    struct machine *m = xcalloc(1, sizeof *m);

    m->config = *config;
    m->news = mask256_ones();
    set_usage(m, config->usage);
    for (unsigned i = 0; i < AP_IDS; i++) {
        m->adapters[i].config = &m->config.adapters[i];
        adapter_install(&m->adapters[i], &config->adapters[i]);
    }
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
        free(a->resets);
        free(a->reset_until);
        free(a->aqic);
    }
    job_table_done(&m->jobs);
    fault_list_done(&m->faults);
    alarms_done(&m->alarms);
    free(m->lost);
    free(m);
}

struct adapter_state machine_adapter(const struct machine *m, unsigned apid)
{
    return adapter_state_of(&m->adapters[apid]);
}

const struct adapter_config *machine_adapter_config(const struct machine *m, unsigned apid)
{
    return m->adapters[apid].config;
}

const struct machine_config *machine_config(const struct machine *m)
{
    return &m->config;
}

struct mask256 lpar_adapters(const struct machine *m, bool online_only)
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
    m->touched.config = true;
    mask256_set(&m->touched.adapters, apid);
    mask256_set(&m->changed, apid);
    mask256_set(&m->news, apid);
}

static void note_all(struct machine *m)
{
    m->changes++;
    m->touched.config = true;
    m->changed = m->news = mask256_ones();
}

/* An adapter that becomes available again is first zeroized if that is due. */
static void adapter_settle(struct machine *m, struct adapter *a)
{
    if (a->config->type && a->config->configured && !a->checkstopped)
        adapter_zeroize(m, a, &a->zeroize_due);
}

void machine_set_online(struct machine *m, unsigned apid, bool online)
{
    struct adapter *a = &m->adapters[apid];

    a->config->configured = online;
    /* Configuring an adapter resets its queues [se-reset-on-configure]. */
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

/* Whatever leaves the LPAR is zeroized at once, for the next LPAR as well as for this one when it
 * comes back. */
void machine_set_lpar_adapter(struct machine *m, unsigned apid, bool in_lpar)
{
    struct mask256 all = mask256_ones();

    m->adapters[apid].config->in_lpar = in_lpar;
    if (!in_lpar && m->adapters[apid].config->type)
        adapter_zeroize(m, &m->adapters[apid], &all);
    note_adapter(m, apid);
}

void machine_set_lpar_domain(struct machine *m, unsigned domain, bool usage)
{
    struct mask256 one = {0}, all = m->config.usage;

    mask256_assign(&all, domain, usage);
    set_usage(m, all);
    mask256_set(&one, domain);
    for (unsigned i = 0; i < AP_IDS && !usage; i++)
        if (m->adapters[i].config->type)
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

    set_usage(m, config->usage);
    m->config.control = config->control;
    m->config.max_adapter = config->max_adapter;
    m->config.max_domain = config->max_domain;
    m->config.identity = config->identity;
    for (unsigned i = 0; i < AP_IDS; i++) {
        struct adapter *a = &m->adapters[i];
        bool was = a->config->type && a->config->in_lpar;
        bool same = was && config->adapters[i].in_lpar &&
                    a->config->type == config->adapters[i].type &&
                    a->config->mode == config->adapters[i].mode;
        bool broken = mask256_test(checkstopped, i);

        /* As machine_set_online and machine_set_checkstop do. */
        if (!same || a->config->configured != config->adapters[i].configured ||
            a->checkstopped != broken)
            adapter_flush(m, a);
        adapter_install(a, &config->adapters[i]);
        if (was)
            adapter_zeroize(m, a, same ? &gone : &all);
        a->checkstopped = broken;
        adapter_settle(m, a);
        touch(m, a);
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

/* The messages in the queues are lost. */
static void fault_state_changed(struct machine *m, const struct fault *f)
{
    for (unsigned apid = f->first_apid; apid <= f->last_apid; apid++) {
        if (!m->adapters[apid].config->type)
            continue;
        for (unsigned apqi = f->first_apqi; apqi <= f->last_apqi; apqi++)
            queue_flush(m, &m->adapters[apid], apqi);
        note_adapter(m, apid);
    }
}

int machine_fault_add(struct machine *m, const struct fault *rule, uint32_t *number)
{
    int rc = fault_list_add(&m->faults, rule, number);

    if (rc == 0 && fault_is_state(rule) && !rule->at)
        fault_state_changed(m, rule);
    return rc;
}

/* Alarms for those who met the fault and wait to retry. */
static void fault_over(struct machine *m, const struct fault *f)
{
    struct mask256 adapters = machine_online(m);

    mask256_for_each (apid, &adapters) {
        mask256_for_each (apqi, &m->config.usage) {
            if (fault_matches(f, AP_QN(apid, apqi)))
                alarms_add(&m->alarms, m->now, AP_QN(apid, apqi));
        }
    }
}

static void fault_ended(struct machine *m, const struct fault *f)
{
    if (fault_is_state(f))
        fault_state_changed(m, f);
    else if (f->kind == FAULT_BUSY || f->kind == FAULT_FULL)
        fault_over(m, f);
}

int machine_fault_remove(struct machine *m, uint32_t number)
{
    struct fault rule;
    int rc = fault_list_remove(&m->faults, number, &rule);

    if (rc == 0)
        fault_ended(m, &rule);
    return rc;
}

/* Rules that begin and end by time. */
static void faults_pass(struct machine *m, uint64_t now)
{
    const struct fault_entry *e;

    while ((e = fault_list_pass(&m->faults, now))) {
        if (e->phase == FAULT_OVER)
            fault_ended(m, &e->rule);
        else if (fault_is_state(&e->rule))
            fault_state_changed(m, &e->rule);
    }
}

const struct fault_list *machine_faults(const struct machine *m)
{
    return &m->faults;
}

uint64_t machine_alarm_next(const struct machine *m)
{
    uint64_t alarm = alarms_next(&m->alarms), fault = fault_list_next(&m->faults);

    return alarm && (!fault || alarm < fault) ? alarm : fault;
}

bool machine_alarm_take(struct machine *m, uint64_t now, ap_qn *qn)
{
    struct adapter *a;
    struct message_queue *q;

    m->now = now;
    faults_pass(m, now);
    if (!alarms_take(&m->alarms, now, qn))
        return false;
    a = &m->adapters[AP_QN_APID(*qn)];
    q = queue_get(a, AP_QN_APQI(*qn));
    mask256_clear(&a->try_again, AP_QN_APQI(*qn));
    if (a->reset_until && a->reset_until[AP_QN_APQI(*qn)] <= now)
        a->reset_until[AP_QN_APQI(*qn)] = 0;
    if (q)
        message_queue_release(q, now);
    return true;
}

struct machine_touched machine_take_touched(struct machine *m)
{
    struct machine_touched touched = m->touched;

    m->touched = (struct machine_touched){0};
    return touched;
}

bool machine_take_fault(struct machine *m, unsigned *cursor, uint32_t *number)
{
    while (m->faults.changed && *cursor < m->faults.count) {
        struct fault_entry *e = &m->faults.v[(*cursor)++];

        if (!e->changed)
            continue;
        e->changed = false;
        *number = e->number;
        return true;
    }
    m->faults.changed = false;
    return false;
}

bool machine_row_get(const struct machine *m, unsigned apid, struct adapter_row *out)
{
    const struct adapter *a = &m->adapters[apid];

    *out = (struct adapter_row){.checkstopped = a->checkstopped, .zeroize_due = a->zeroize_due};
    if (a->zeroized)
        memcpy(out->zeroized, a->zeroized, sizeof out->zeroized);
    return a->zeroized;
}

void machine_row_restore(struct machine *m, unsigned apid, const struct adapter_row *row)
{
    struct adapter *a = &m->adapters[apid];

    rows_make(a);
    memcpy(a->zeroized, row->zeroized, sizeof row->zeroized);
    a->zeroize_due = row->zeroize_due;
    a->checkstopped = row->checkstopped;
    note_adapter(m, apid);
}

void machine_faults_restore(struct machine *m, const struct fault_entry *v, unsigned count,
                            uint32_t last_number)
{
    fault_list_restore(&m->faults, v, count, last_number);
    note_all(m);
}

int machine_fault_restore(struct machine *m, const struct fault_entry *e)
{
    note_all(m);
    return fault_list_restore_one(&m->faults, e);
}
