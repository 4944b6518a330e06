/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/internal.h"

/* What TAPQ reports of a queue [ap-tapq], and whether that is valid at all [ap-response-codes].
 * Without facility 15 TAPQ does not report the mode, and no driver can use the adapter. */
struct tapq {
    bool valid;
    enum ap_rc rc;
    uint64_t info;
};

static struct tapq test_queue(struct ap_bus *b, ap_qn qn)
{
    struct tapq t = {0};

    t.rc = apqsw_rc(b->hw.ops->tapq(b->hw.ctx, qn, &t.info));
    t.valid = (b->abi->modeless_cards ? t.info != 0 : (t.info >> 32 & AP_FN_MODES) != 0) &&
              (t.rc == AP_RC_NORMAL || (t.rc >= AP_RC_RESET_IN_PROGRESS && t.rc <= AP_RC_BUSY));
    return t;
}

/* Without QCI the assignment is unknown, so every number is probed [bus-scan]. The highest numbers
 * can also decrease, so they are checked each time. */
static bool maybe_adapter(const struct ap_bus *b, unsigned apid)
{
    return apid <= ap_bus_max_adapter(b) && (!b->has_qci || mask256_test(&b->qci.apm, apid));
}

static bool maybe_domain(const struct ap_bus *b, unsigned apqi)
{
    return apqi <= ap_bus_max_domain(b) && (!b->has_qci || mask256_test(&b->qci.aqm, apqi));
}

/* The default domain: the lowest one reserved for the host in which some adapter responds. */
void bus_choose_domain(struct ap_bus *b, struct effects *fx)
{
    for (unsigned d = 0; d <= ap_bus_max_domain(b) && b->domain < 0; d++) {
        if (!maybe_domain(b, d) || !mask256_test(&b->masks.aqmask, d))
            continue;
        for (unsigned a = 0; a <= ap_bus_max_adapter(b); a++) {
            if (!maybe_adapter(b, a) || !mask256_test(&b->masks.apmask, a))
                continue;
            if (test_queue(b, AP_QN(a, d)).rc == AP_RC_NORMAL) {
                b->domain = (int)d;
                effects_changed(fx, STATE_BUS, 0);
                break;
            }
        }
    }
}

static void order_append(struct ap_bus *b, ap_qn qn)
{
    struct ap_queue *q = queue_get(b, qn);

    q->found = ++b->found;
    q->older = b->newest;
    q->newer = AP_APQNS;
    *(b->newest < AP_APQNS ? &queue_get(b, (ap_qn)b->newest)->newer : &b->oldest) = qn;
    b->newest = qn;
}

static void order_remove(struct ap_bus *b, const struct ap_queue *q)
{
    *(q->older < AP_APQNS ? &queue_get(b, (ap_qn)q->older)->newer : &b->oldest) = q->newer;
    *(q->newer < AP_APQNS ? &queue_get(b, (ap_qn)q->newer)->older : &b->newest) = q->older;
}

static void queue_unregister(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct ap_card *card = &b->cards[AP_QN_APID(qn)];
    struct ap_queue *q = queue_get(b, qn);
    char name[AP_QN_TEXT];

    queue_unbind(b, qn, fx);
    if (override_get(b, qn))
        override_set(b, qn, NULL, 0, fx);
    queue_uevent(b, qn, "remove", NULL, fx);
    ap_qn_format(qn, name);
    effects_gone(fx, sysfs_dir_ino(b->tree, (struct sysfs_dir){SYSFS_CARD, AP_QN_APID(qn)}), name);
    q->present = false;
    order_remove(b, q);
    effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
    mask256_clear(&card->present_queues, AP_QN_APQI(qn));
    b->queues--;
}

static void queue_register(struct ap_bus *b, ap_qn qn, const struct tapq *t, struct effects *fx)
{
    struct ap_card *card = &b->cards[AP_QN_APID(qn)];
    struct ap_queue *q;

    if (!card->queues)
        card->queues = xcalloc(AP_IDS, sizeof *card->queues);
    q = queue_get(b, qn);
    *q = (struct ap_queue){.generation = (uint16_t)(q->generation + 1 ? q->generation + 1 : 1),
                           .driver = AP_DRIVER_NONE,
                           .present = true,
                           .config = t->rc != AP_RC_DECONFIGURED,
                           .chkstop = t->rc == AP_RC_CHECKSTOPPED,
                           .sm_state = AP_SM_STATE_RESET_START,
                           .messages = q->messages};
    mask256_set(&card->present_queues, AP_QN_APQI(qn));
    b->queues++;
    order_append(b, qn);
    effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
    queue_uevent(b, qn, "add", NULL, fx);
    if (q->config && !q->chkstop)
        ap_queue_init_state(b, qn);
    if (b->autoprobe)
        queue_probe(b, qn, fx);
}

static int found_first(const void *a, const void *b)
{
    const struct ap_queue *const *x = a, *const *y = b;

    return ((*x)->found > (*y)->found) - ((*x)->found < (*y)->found);
}

/* In the order in which they were found. */
static void card_queues_unregister(struct ap_bus *b, unsigned apid, struct effects *fx)
{
    struct ap_card *card = &b->cards[apid];
    struct ap_queue *queues[AP_IDS] = {NULL};
    unsigned count = 0;

    mask256_for_each (apqi, &card->present_queues)
        queues[count++] = &card->queues[apqi];
    qsort(queues, count, sizeof(queues[0]), found_first);
    for (unsigned i = 0; i < count; i++)
        queue_unregister(b, AP_QN(apid, (unsigned)(queues[i] - card->queues)), fx);
}

static void card_unregister(struct ap_bus *b, unsigned apid, struct effects *fx)
{
    struct ap_card *card = &b->cards[apid];
    char name[8];

    if (!card->present)
        return;
    card_queues_unregister(b, apid, fx);
    card_unbind(b, apid, fx);
    card_uevent(b, apid, "remove", NULL, fx);
    snprintf(name, sizeof name, "card%02x", apid);
    effects_gone(fx, sysfs_dir_ino(b->tree, (struct sysfs_dir){SYSFS_BUS_ROOT, 0}), name);
    card->present = false;
    effects_changed(fx, STATE_CARD, apid);
    drivers_call(b, adapter_changed, apid, fx);
}

static void card_register(struct ap_bus *b, unsigned apid, const struct tapq *t, struct effects *fx)
{
    struct ap_card *card = &b->cards[apid];
    uint32_t functions = (uint32_t)(t->info >> 32);

    *card = (struct ap_card){
        .generation = (uint16_t)(card->generation + 1 ? card->generation + 1 : 1),
        .driver = AP_DRIVER_NONE,
        .present = true,
        .config = t->rc != AP_RC_DECONFIGURED,
        .chkstop = t->rc == AP_RC_CHECKSTOPPED,
        .type = (uint8_t)(t->info >> 24),
        .raw_type = (uint8_t)(t->info >> 24),
        .mode = functions & AP_FN_ACCEL ? AP_MODE_ACCEL
                : functions & AP_FN_CCA ? AP_MODE_CCA
                                        : AP_MODE_EP11,
        .depth = t->info & 0x0f,
        .max_message = t->info >> 8 & 0x0f,
        .functions = functions & 0xffff0000,
        .queues = card->queues,
    };
    effects_changed(fx, STATE_CARD, apid);
    drivers_call(b, adapter_changed, apid, fx);
    card_uevent(b, apid, "add", NULL, fx);
    if (b->autoprobe)
        card_probe(b, apid, fx);
}

/* The first queue that responds identifies the card. */
static bool probe_adapter(struct ap_bus *b, unsigned apid, struct tapq *out)
{
    for (unsigned d = 0; d <= ap_bus_max_domain(b); d++) {
        if (!maybe_domain(b, d))
            continue;
        *out = test_queue(b, AP_QN(apid, d));
        if (out->valid)
            return true;
    }
    return false;
}

static const char *config_variable(bool config)
{
    return config ? "CONFIG=1" : "CONFIG=0";
}

void card_set_config(struct ap_bus *b, unsigned apid, bool config, struct effects *fx)
{
    drivers_call(b, adapter_changed, apid, fx);
    b->cards[apid].config = config;
    card_uevent(b, apid, "change", config_variable(config), fx);
}

static void card_update(struct ap_bus *b, unsigned apid, const struct tapq *t, struct effects *fx)
{
    struct ap_card *card = &b->cards[apid];
    bool config = t->rc != AP_RC_DECONFIGURED;
    bool chkstop = t->rc == AP_RC_CHECKSTOPPED;

    if (card->config == config && card->chkstop != chkstop)
        drivers_call(b, adapter_changed, apid, fx);
    card->chkstop = chkstop;
    if (card->config != config)
        card_set_config(b, apid, config, fx);
}

/* What has gone flushes the queue; what is back starts its state machine anew. True: it is as it
 * was. */
static bool chkstop_update(struct ap_bus *b, ap_qn qn, bool chkstop, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);

    if (q->chkstop == chkstop)
        return true;
    q->chkstop = chkstop;
    if (chkstop)
        queue_fail(b, qn, fx);
    else
        queue_restart(b, qn);
    return false;
}

static bool config_update(struct ap_bus *b, ap_qn qn, bool config, struct effects *fx)
{
    struct ap_queue *q = queue_get(b, qn);

    if (q->config == config)
        return true;
    q->config = config;
    if (config)
        queue_restart(b, qn);
    queue_uevent(b, qn, "change", config_variable(config), fx);
    if (!config)
        queue_fail(b, qn, fx);
    return false;
}

/* [bus-queue-state] [bus-one-change] */
static void queue_update(struct ap_bus *b, ap_qn qn, const struct tapq *t, struct effects *fx)
{
    bool config = t->rc != AP_RC_DECONFIGURED, same;

    same = chkstop_update(b, qn, t->rc == AP_RC_CHECKSTOPPED, fx);
    if (!same && b->abi->one_change_a_scan)
        return;
    same &= config_update(b, qn, config, fx);
    if (!same || !config || !queue_get(b, qn)->failed)
        return;
    ap_flush_queue(b, qn, fx);
    queue_restart(b, qn);
}

static void scan_queue(struct ap_bus *b, ap_qn qn, struct effects *fx)
{
    struct ap_queue *q = queue_find(b, qn);
    struct tapq t = {0};

    if (maybe_domain(b, AP_QN_APQI(qn)))
        t = test_queue(b, qn);
    if (!t.valid) {
        if (q)
            queue_unregister(b, qn, fx);
    } else if (!q) {
        queue_register(b, qn, &t, fx);
    } else {
        queue_update(b, qn, &t, fx);
    }
}

/* Types below CEX4 exist only with abi->old_types [ap-types]. */
static bool type_supported(const struct ap_bus *b, const struct tapq *t)
{
    unsigned type = t->info >> 24 & 0xff;

    return type <= 14 && type >= (b->abi->old_types ? 6 : 10);
}

static void scan_adapter(struct ap_bus *b, unsigned apid, struct effects *fx)
{
    struct ap_card *card = &b->cards[apid];
    struct tapq t;

    if (!maybe_adapter(b, apid) || !probe_adapter(b, apid, &t) || !type_supported(b, &t)) {
        card_unregister(b, apid, fx);
        return;
    }
    if (card->present && (card->raw_type != (t.info >> 24 & 0xff) ||
                          card->functions != ((uint32_t)(t.info >> 32) & 0xffff0000)))
        card_unregister(b, apid, fx);
    if (card->present)
        card_update(b, apid, &t, fx);
    else
        card_register(b, apid, &t, fx);
    for (unsigned d = 0; d < AP_IDS; d++)
        if (maybe_domain(b, d) || mask256_test(&card->present_queues, d))
            scan_queue(b, AP_QN(apid, d), fx);
}

static bool has_come(const struct mask256 *new, const struct mask256 *old)
{
    struct mask256 came = mask256_andnot(*new, *old);

    return !mask256_empty(&came);
}

/* [bus-bindings-complete]: a device that was bound since the last time, or an adapter or domain
 * that has come, lets it be told again. */
static void bindings_check(struct ap_bus *b, struct effects *fx)
{
    char count[40];

    if (b->bindings_complete || b->bound_queues != b->queues)
        return;
    b->bindings_complete = true;
    b->bindings_complete_count++;
    snprintf(count, sizeof count, "COMPLETECOUNT=%llu",
             (unsigned long long)b->bindings_complete_count);
    bus_uevent(b, "BINDINGS=complete", count, fx);
}

void ap_bus_scan_adapters(struct ap_bus *b, const struct mask256 *adapters, struct effects *fx)
{
    struct mask256 wanted = *adapters;
    struct ap_qci old = b->qci;
    bool changed;

    b->has_qci = b->hw.ops->qci(b->hw.ctx, &b->qci);
    if (!b->has_qci)
        b->qci = (struct ap_qci){0};
    changed = !ap_qci_equal(&old, &b->qci);
    if (has_come(&b->qci.apm, &old.apm) || has_come(&b->qci.aqm, &old.aqm))
        b->bindings_complete = false;
    /* With one_change_a_scan a scan may defer a change to the next scan; an event about the same
     * adapter must not be held up by that, so everything is scanned. */
    if (changed || b->abi->one_change_a_scan)
        wanted = mask256_ones();
    if (changed)
        drivers_call(b, config_changed, &b->qci, &old, fx);
    if (b->domain < 0)
        bus_choose_domain(b, fx);
    mask256_for_each (apid, &wanted) {
        if (b->cards[apid].present || apid <= ap_bus_max_adapter(b))
            scan_adapter(b, apid, fx);
    }
    if (changed)
        drivers_call(b, scan_complete, &b->qci, &old, fx);
    b->scans++;
    if (b->scans == 1)
        bus_uevent(b, "INITSCAN=done", NULL, fx);
    ap_bus_settle(b, fx);
    bindings_check(b, fx);
}

void ap_bus_scan(struct ap_bus *b, struct effects *fx)
{
    struct mask256 all = mask256_ones();

    ap_bus_scan_adapters(b, &all, fx);
}

void ap_bus_boot(struct ap_bus *b, const struct ap_bus_params *params, struct effects *fx)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        card_unregister(b, apid, fx);
    bus_defaults(b, params);
    effects_changed(fx, STATE_BUS, 0);
    ap_bus_scan(b, fx);
}
