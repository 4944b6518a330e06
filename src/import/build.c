/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "import/building.h"
#include "import/hardware.h"
#include "import/import.h"

static const char *const bus_keys[] = {[BUS_DOMAIN] = "the default domain",
                                       [BUS_CONFIG_TIME] = "config_time",
                                       [BUS_POLL_THREAD] = "poll_thread",
                                       [BUS_POLL_TIMEOUT] = "poll_timeout",
                                       [BUS_AUTOPROBE] = "drivers_autoprobe"};

static bool host_take(struct building *b, struct setup_object *o, enum known_host from,
                      unsigned key, uint64_t max, uint64_t *out)
{
    const struct fact *f = &b->k->host[from];

    if (f->from && f->value > max)
        known_note(b->k, NOTE_MISSING, f->from, "%s is out of range and left out: %" PRIu64,
                   bus_keys[key], f->value);
    if (!f->from || f->value > max)
        return false;
    *out = f->value;
    building_give(o, key);
    return true;
}

static void bus_make(struct building *b)
{
    struct setup_object *o = building_add(b, STATE_BUS, 0);
    uint64_t value;

    masks_find(b->k, &b->setup.machine, &o->s.bus.masks.apmask, &o->s.bus.masks.aqmask);
    building_give(o, BUS_APMASK);
    building_give(o, BUS_AQMASK);
    if (host_take(b, o, HOST_DOMAIN, BUS_DOMAIN, AP_IDS - 1, &value))
        o->s.bus.domain = (uint32_t)value;
    if (host_take(b, o, HOST_CONFIG_TIME, BUS_CONFIG_TIME, 120, &value))
        o->s.bus.config_time = (uint32_t)value;
    if (host_take(b, o, HOST_POLL_TIMEOUT, BUS_POLL_TIMEOUT, INT64_MAX, &value))
        o->s.bus.poll_timeout = value;
    if (host_take(b, o, HOST_POLL_THREAD, BUS_POLL_THREAD, 1, &value))
        o->s.bus.poll_thread = value;
    if (host_take(b, o, HOST_AUTOPROBE, BUS_AUTOPROBE, 1, &value))
        o->s.bus.autoprobe = value;
}

static void checkstops_make(struct building *b)
{
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct fact *f = &b->k->adapters[apid][ADAPTER_CHECKSTOPPED];
        struct setup_object *o;

        if (!f->from || !f->value || !b->setup.machine.adapters[apid].type)
            continue;
        o = building_add(b, STATE_ADAPTER, apid);
        o->s.adapter.checkstopped = true;
        o->s.adapter.zeroized = "0*256";
    }
}

static bool masks_are_all(const struct building *b)
{
    struct host_info host;
    struct mask256 ones = mask256_ones();

    core_host_info(b->core, &host);
    return mask256_equal(&host.apmask, &ones) && mask256_equal(&host.aqmask, &ones);
}

/* Of queues that are there; overrides and masks exclude each other. */
static int overrides_make(struct building *b)
{
    bool possible = masks_are_all(b), any = false;

    for (unsigned qn = 0; qn < AP_APQNS; qn++) {
        const char *name = b->k->overrides[qn];

        if (!name)
            continue;
        if (!possible || !core_has_queue(b->core, CORE_HOST_TREE, (ap_qn)qn))
            known_note(b->k, NOTE_CONTRADICTION, 0,
                       "%02x.%04x: the driver override %.40s is left out, since %s", AP_QN_APID(qn),
                       AP_QN_APQI(qn), name,
                       possible ? "there is no such queue"
                                : "masks and overrides exclude each other");
        else
            building_add(b, STATE_OVERRIDE, qn)->name = xstrdup(name);
        any = true;
    }
    return any && possible ? building_rebuild(b) : 0;
}

/* The drivers of a card's queues, of those that are known and there. */
struct row {
    struct mask256 by[3], offline;
};

/* In standby or check-stopped the card and its queues read as offline. */
static bool shows_online(const struct building *b, unsigned apid)
{
    const struct fact *stopped = &b->k->adapters[apid][ADAPTER_CHECKSTOPPED];

    return b->setup.machine.adapters[apid].configured && !(stopped->from && stopped->value);
}

static void row_get(const struct building *b, unsigned apid, struct row *out)
{
    bool shows = shows_online(b, apid);

    *out = (struct row){0};
    for (unsigned apqi = 0; apqi < AP_IDS; apqi++) {
        const struct fact *f = b->k->queues[AP_QN(apid, apqi)];

        if (!core_has_queue(b->core, CORE_HOST_TREE, AP_QN(apid, apqi)))
            continue;
        if (f[QUEUE_DRIVER].from)
            mask256_set(&out->by[f[QUEUE_DRIVER].value], apqi);
        if (shows && f[QUEUE_ONLINE].from && !f[QUEUE_ONLINE].value)
            mask256_set(&out->offline, apqi);
    }
}

static void card_make(struct building *b, unsigned apid)
{
    const struct fact *bound = &b->k->adapters[apid][ADAPTER_BOUND],
                      *online = &b->k->adapters[apid][ADAPTER_ONLINE];
    struct ap_bindings scan = core_expected_bindings(b->core, CORE_HOST_TREE, apid);
    struct mask256 any = mask256_or(scan.by_default, scan.by_other), driven;
    struct setup_object *o = building_add(b, STATE_CARD, apid);
    struct row is;

    row_get(b, apid, &is);
    o->zcrypt = mask256_andnot(is.by[DRIVER_ZCRYPT], scan.by_default);
    o->vfio_ap = mask256_andnot(is.by[DRIVER_VFIO_AP], scan.by_other);
    o->unbound = mask256_and(is.by[DRIVER_NONE], any);
    driven =
        mask256_andnot(mask256_or(scan.by_default, o->zcrypt), mask256_or(o->unbound, o->vfio_ap));
    o->s.card.queues_offline = mask256_and(is.offline, driven);
    building_give(o, CARD_QUEUES_OFFLINE);
    if (shows_online(b, apid) && online->from && !online->value) {
        o->s.card.offline = true;
        building_give(o, CARD_OFFLINE);
    }
    if (bound->from && !bound->value) {
        o->s.card.bindings.card = false;
        building_give(o, CARD_BOUND);
    }
}

/* Queues that a source lists and the machine cannot have. */
static void check_queues(struct building *b)
{
    for (unsigned qn = 0; qn < AP_APQNS; qn++) {
        known_from from = b->k->queues[qn][QUEUE_EXISTS].from;

        if (from && !core_has_queue(b->core, CORE_HOST_TREE, (ap_qn)qn))
            known_note(
                b->k, NOTE_CONTRADICTION, from,
                "%02x.%04x is listed, but is not among the LPAR's adapters and domains, and is "
                "left out",
                AP_QN_APID(qn), AP_QN_APQI(qn));
    }
}

static void cards_make(struct building *b)
{
    struct saved card;

    check_queues(b);
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        if (saved_get_card(b->core, CORE_HOST_TREE, apid, &card)) {
            saved_done(&card);
            card_make(b, apid);
        }
    }
}

static int build(struct building *b)
{
    int rc;

    bus_make(b);
    checkstops_make(b);
    rc = building_rebuild(b);
    if (rc == 0)
        rc = overrides_make(b);
    if (rc < 0)
        return rc;
    cards_make(b);
    devices_make(b);
    guests_make(b);
    rc = building_rebuild(b);
    return rc == 0 ? devices_keep_earlier(b) : rc;
}

int import_build(struct known *k, enum abi_profile abi, struct core **out, struct text *why)
{
    struct building *b = xcalloc(1, sizeof *b);
    int rc = hardware_make(k, abi, &b->setup.machine, why);

    b->k = k;
    b->why = why;
    b->setup.name = xstrdup("import");
    b->groups = xcalloc(UINT16_MAX + 1, sizeof *b->groups);
    if (rc == 0)
        rc = build(b);
    if (rc < 0)
        core_free(b->core);
    *out = rc < 0 ? NULL : b->core;
    setup_done(&b->setup);
    free(b->groups);
    free(b);
    return rc;
}
