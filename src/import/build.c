/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "import/hardware.h"
#include "import/import.h"
#include "store/setup_keys.h"

/*
 * From what is known to a core, by way of the sections of a machine file. A core of the hardware
 * and the masks comes first: what it makes of the queues is compared with their drivers.
 */

struct building {
    struct known *k;
    struct setup setup;
    struct core *core;
    struct text *why;
    struct mask256 taken[AP_IDS]; /* the domains of each adapter that a device has */
    bool *groups;                 /* the numbers of IOMMU groups that are used */
};

static struct setup_object *add(struct building *b, enum state_kind kind, uint32_t id)
{
    struct setup_object *o;

    b->setup.v = xrealloc(b->setup.v, (b->setup.count + 1) * sizeof *b->setup.v);
    o = &b->setup.v[b->setup.count++];
    *o = (struct setup_object){.s.of = {.kind = (uint8_t)kind, .id = id},
                               .features = GUEST_FEATURES_ALL,
                               .left = UINT64_MAX};
    return o;
}

static void give(struct setup_object *o, unsigned key)
{
    o->given |= 1u << key;
}

/* A core of the sections so far, in place of the one before. */
static int rebuild(struct building *b)
{
    struct effects unheard = {0};
    text_auto clause = {0};
    int rc;

    core_free(b->core);
    b->core = NULL;
    rc = setup_core(&b->setup, &b->core, &unheard, &clause);
    effects_done(&unheard);
    if (rc < 0)
        text_addf(b->why, "the sources do not make a machine: %s", clause.data);
    return rc;
}

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
    give(o, key);
    return true;
}

static void bus_make(struct building *b)
{
    struct setup_object *o = add(b, STATE_BUS, 0);
    uint64_t value;

    masks_find(b->k, &b->setup.machine, &o->s.bus.masks.apmask, &o->s.bus.masks.aqmask);
    give(o, BUS_APMASK);
    give(o, BUS_AQMASK);
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
        o = add(b, STATE_ADAPTER, apid);
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
            add(b, STATE_OVERRIDE, qn)->name = xstrdup(name);
        any = true;
    }
    return any && possible ? rebuild(b) : 0;
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
    struct setup_object *o = add(b, STATE_CARD, apid);
    struct row is;

    row_get(b, apid, &is);
    o->zcrypt = mask256_andnot(is.by[DRIVER_ZCRYPT], scan.by_default);
    o->vfio_ap = mask256_andnot(is.by[DRIVER_VFIO_AP], scan.by_other);
    o->unbound = mask256_and(is.by[DRIVER_NONE], any);
    driven =
        mask256_andnot(mask256_or(scan.by_default, o->zcrypt), mask256_or(o->unbound, o->vfio_ap));
    o->s.card.queues_offline = mask256_and(is.offline, driven);
    give(o, CARD_QUEUES_OFFLINE);
    if (shows_online(b, apid) && online->from && !online->value) {
        o->s.card.offline = true;
        give(o, CARD_OFFLINE);
    }
    if (bound->from && !bound->value) {
        o->s.card.bindings.card = false;
        give(o, CARD_BOUND);
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

static bool runs(const struct building *b, const struct known_device *d)
{
    if (b->k->lists_devices)
        return d->runs;
    return d->listed || d->autostart.value;
}

static bool has_queue(const struct known_matrix *m, const struct known_matrix *other)
{
    return !mask256_equal(&m->apm, &other->apm) || !mask256_equal(&m->aqm, &other->aqm) ||
           !mask256_equal(&m->adm, &other->adm);
}

static const struct known_matrix *matrix_of(struct building *b, const struct known_device *d,
                                            const char *uuid)
{
    if (!d->assigned.from)
        return &d->defined;
    if (d->defined.from && has_queue(&d->assigned, &d->defined))
        known_note(b->k, NOTE_CONTRADICTION, d->defined.from,
                   "%s: the definition is not what the device has in %s; the latter is taken", uuid,
                   known_name(b->k, d->assigned.from));
    return &d->assigned;
}

/* The first queue of both; AP_APQNS: none. */
static unsigned shared(const struct building *b, const struct known_matrix *m)
{
    mask256_for_each (apid, &m->apm) {
        struct mask256 both = mask256_and(b->taken[apid], m->aqm);

        if (!mask256_empty(&both))
            return AP_QN(apid, mask256_next(&both, 0));
    }
    return AP_APQNS;
}

/* What no assignment would allow. */
static bool refused(struct building *b, const struct known_matrix *m, const char *uuid)
{
    struct host_info host;

    core_host_info(b->core, &host);
    if (mask256_next(&m->apm, host.max_adapter + 1) < MASK256_BITS ||
        mask256_next(&m->aqm, host.max_domain + 1) < MASK256_BITS ||
        mask256_next(&m->adm, host.max_domain + 1) < MASK256_BITS) {
        known_note(b->k, NOTE_CONTRADICTION, m->from, "%s: has numbers above the machine's highest",
                   uuid);
        return true;
    }
    mask256_for_each (apid, &m->apm) {
        struct mask256 row = core_default_row(b->core, apid);

        row = mask256_and(row, m->aqm);
        if (!mask256_empty(&row)) {
            known_note(b->k, NOTE_CONTRADICTION, m->from,
                       "%s: %02x.%04x is assigned to it, but the masks give it to zcrypt", uuid,
                       apid, mask256_next(&row, 0));
            return true;
        }
    }
    return false;
}

static void device_fill(struct building *b, struct setup_object *o, const struct known_device *d,
                        const struct known_matrix *m)
{
    o->s.mdev.uuid = d->uuid;
    o->s.mdev.has_uuid = true;
    o->s.mdev.autostart = d->autostart.value != 0;
    o->s.mdev.assigned = (struct apcb){m->apm, m->aqm, m->adm};
    o->s.mdev.unbound = d->unbound.value && mask256_empty(&m->apm) && mask256_empty(&m->aqm) &&
                        mask256_empty(&m->adm);
    if (!d->group.from || b->groups[d->group.value])
        return;
    b->groups[d->group.value] = true;
    o->s.of.id = (uint32_t)d->group.value;
    give(o, MDEV_GROUP);
}

static void device_make(struct building *b, const struct known_device *d)
{
    const struct known_matrix *m;
    struct setup_object *o;
    char uuid[UUID_TEXT];

    uuid_format(&d->uuid, uuid);
    if (!runs(b, d)) {
        known_note(b->k, NOTE_MISSING, d->defined.from,
                   "%s is defined, but does not run, and is left out", uuid);
        return;
    }
    if (!b->k->lists_devices)
        known_note(b->k, NOTE_ASSUMED, d->defined.from,
                   "%s runs, since no copy of /sys says otherwise", uuid);
    m = matrix_of(b, d, uuid);
    if (shared(b, m) < AP_APQNS) {
        known_note(b->k, NOTE_CONTRADICTION, m->from,
                   "%s is left out, since another device has %02x.%04x, too", uuid,
                   AP_QN_APID(shared(b, m)), AP_QN_APQI(shared(b, m)));
        return;
    }
    mask256_for_each (apid, &m->apm)
        b->taken[apid] = mask256_or(b->taken[apid], m->aqm);
    o = add(b, STATE_MDEV, 0);
    device_fill(b, o, d, m);
    o->unchecked = refused(b, m, uuid);
}

static const struct setup_object *find_object(const struct building *b, const struct uuid *uuid)
{
    for (size_t i = 0; i < b->setup.count; i++)
        if (b->setup.v[i].s.of.kind == STATE_MDEV && uuid_equal(&b->setup.v[i].s.mdev.uuid, uuid))
            return &b->setup.v[i];
    return NULL;
}

enum usage { USAGE_UNKNOWN, USAGE_NO, USAGE_YES };

/* What the status of the device's queues says. */
static enum usage in_use(const struct building *b, const struct apcb *a)
{
    enum usage found = USAGE_UNKNOWN;

    mask256_for_each (apid, &a->apm) {
        mask256_for_each (apqi, &a->aqm) {
            const struct fact *f = &b->k->queues[AP_QN(apid, apqi)][QUEUE_IN_USE];

            if (f->from && f->value)
                return USAGE_YES;
            if (f->from)
                found = USAGE_NO;
        }
    }
    return found;
}

static bool is_guest_of(const struct building *b, const struct uuid *uuid)
{
    for (size_t i = 0; i < b->setup.count; i++)
        if (b->setup.v[i].s.of.kind == STATE_GUEST && setup_given(&b->setup.v[i], GUEST_MDEV) &&
            uuid_equal(&b->setup.v[i].uuid, uuid))
            return true;
    return false;
}

static void guest_add(struct building *b, const char *name, const struct uuid *mdev)
{
    struct setup_object *o = add(b, STATE_GUEST, 0);

    o->name = xstrdup(name);
    if (!mdev)
        return;
    o->uuid = *mdev;
    give(o, GUEST_MDEV);
}

/* Whether it runs with its device; a note says so if that is assumed, or why not. */
static bool guest_runs(struct building *b, const struct known_guest *g,
                       const struct setup_object *device)
{
    enum usage usage = device ? in_use(b, &device->s.mdev.assigned) : USAGE_UNKNOWN;

    if (!device)
        known_note(b->k, NOTE_MISSING, g->from,
                   "guest %.80s is left out, since its mediated device does not run", g->name);
    else if (g->running.from)
        return g->running.value;
    else if (usage == USAGE_NO)
        known_note(b->k, NOTE_ASSUMED, g->from,
                   "guest %.80s does not run, since no queue of its device is in use", g->name);
    else if (usage == USAGE_UNKNOWN)
        known_note(b->k, NOTE_ASSUMED, g->from, "guest %.80s runs, since no source says otherwise",
                   g->name);
    return device && usage != USAGE_NO;
}

static bool name_fits(const char *name)
{
    return *name && strlen(name) < CORE_GUEST_NAME && !strchr(name, '/') && !strchr("-.", *name);
}

static void guest_make(struct building *b, const struct known_guest *g)
{
    const struct setup_object *device = g->has_mdev ? find_object(b, &g->mdev) : NULL;

    if (!g->has_mdev && !(g->running.from && g->running.value))
        return;
    if (!name_fits(g->name)) {
        known_note(
            b->k, NOTE_MISSING, g->from,
            "guest %.80s is left out: a name has up to %d characters, no slash, and does not "
            "begin with - or .",
            g->name, CORE_GUEST_NAME - 1);
        return;
    }
    if (!g->has_mdev) {
        guest_add(b, g->name, NULL);
    } else if (guest_runs(b, g, device)) {
        if (is_guest_of(b, &g->mdev))
            known_note(b->k, NOTE_CONTRADICTION, g->from,
                       "guest %.80s is left out, since another guest has its device", g->name);
        else
            guest_add(b, g->name, &g->mdev);
    }
}

/* A device is in use, and no source names the guest. */
static void unnamed_guests(struct building *b)
{
    for (size_t i = 0; i < b->k->device_count; i++) {
        const struct setup_object *o = find_object(b, &b->k->devices[i].uuid);
        char uuid[UUID_TEXT], name[48];

        if (!o || is_guest_of(b, &o->s.mdev.uuid) || in_use(b, &o->s.mdev.assigned) != USAGE_YES)
            continue;
        uuid_format(&o->s.mdev.uuid, uuid);
        snprintf(name, sizeof name, "guest-of-%s", uuid);
        known_note(b->k, NOTE_ASSUMED, b->k->lists_devices,
                   "a guest uses %s and no source names it; it is called %s", uuid, name);
        guest_add(b, name, &b->k->devices[i].uuid);
    }
}

/* Queues are in use, and no source describes the device that has them. */
static void unnamed_devices(struct building *b)
{
    unsigned count = 0, first = 0;

    for (unsigned qn = 0; qn < AP_APQNS; qn++) {
        const struct fact *f = &b->k->queues[qn][QUEUE_IN_USE];

        if (!f->from || !f->value || mask256_test(&b->taken[AP_QN_APID(qn)], AP_QN_APQI(qn)))
            continue;
        first = count++ ? first : qn;
    }
    if (count)
        known_note(b->k, NOTE_MISSING, 0,
                   "a guest uses %02x.%04x%s, but no source describes its mediated device; a copy "
                   "of /sys or 'mdevctl list --dumpjson' does",
                   AP_QN_APID(first), AP_QN_APQI(first), count > 1 ? " and other queues" : "");
}

static bool same_queues(const struct known_matrix *known, const struct mdev_info *is)
{
    bool none = mask256_empty(&known->apm) || mask256_empty(&known->aqm);

    if (none)
        return mask256_empty(&is->guest_apm) || mask256_empty(&is->guest_aqm);
    return mask256_equal(&known->apm, &is->guest_apm) && mask256_equal(&known->aqm, &is->guest_aqm);
}

/* A guest may have what an earlier state gave it. */
static bool keep_earlier(struct building *b, const struct mdev_info *is)
{
    const struct known_device *d = known_device(b->k, &is->uuid);
    struct setup_object *o = (struct setup_object *)find_object(b, &is->uuid);

    if (!d || !o || !d->guest.from || same_queues(&d->guest, is))
        return false;
    o->s.mdev.effective = (struct apcb){d->guest.apm, d->guest.aqm, is->guest_adm};
    give(o, MDEV_GUEST_ADAPTERS);
    return true;
}

static int earlier_make(struct building *b)
{
    struct mdev_info is;
    uint32_t cursor = 0;
    bool any = false;

    while (core_mdev_next(b->core, &cursor, &is))
        any |= keep_earlier(b, &is);
    return any ? rebuild(b) : 0;
}

static int by_uuid(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

/* Whatever the order of the files in a directory is, the machine file is the same. */
static void devices_make(struct building *b)
{
    static_assert(offsetof(struct known_device, uuid) == 0, "devices are sorted by their UUID");
    if (b->k->device_count)
        qsort(b->k->devices, b->k->device_count, sizeof *b->k->devices, by_uuid);
    for (size_t i = 0; i < b->k->device_count; i++)
        device_make(b, &b->k->devices[i]);
}

static int build(struct building *b)
{
    int rc;

    bus_make(b);
    checkstops_make(b);
    rc = rebuild(b);
    if (rc == 0)
        rc = overrides_make(b);
    if (rc < 0)
        return rc;
    cards_make(b);
    devices_make(b);
    for (size_t i = 0; i < b->k->guest_count; i++)
        guest_make(b, &b->k->guests[i]);
    unnamed_guests(b);
    unnamed_devices(b);
    rc = rebuild(b);
    return rc == 0 ? earlier_make(b) : rc;
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
