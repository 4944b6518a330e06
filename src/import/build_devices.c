/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "import/building.h"

/* The mediated devices of a core that is made of what is known. */

static bool runs(const struct building *b, const struct known_device *d)
{
    if (b->k->lists_devices)
        return d->runs;
    return d->listed || d->autostart.value;
}

/* The first page has all domains: it lists those of one adapter after the other. */
static bool begins_like(const struct known_matrix *cut, const struct known_matrix *m)
{
    return mask256_subset(&cut->apm, &m->apm) && mask256_equal(&cut->aqm, &m->aqm);
}

static unsigned highest(const struct mask256 *m)
{
    unsigned last = 0;

    mask256_for_each (id, m)
        last = id;
    return last;
}

static bool differs(const struct known_matrix *m, const struct known_matrix *other)
{
    return !mask256_equal(&m->apm, &other->apm) || !mask256_equal(&m->aqm, &other->aqm) ||
           !mask256_equal(&m->adm, &other->adm);
}

static const struct known_matrix *matrix_of(struct building *b, const struct known_device *d,
                                            const char *uuid)
{
    if (!d->assigned.from)
        return &d->defined;
    if (d->is_cut && !d->has_config) {
        if (d->defined.from && begins_like(&d->assigned, &d->defined))
            return &d->defined;
        known_note(b->k, NOTE_MISSING, d->assigned.from,
                   "%s: matrix has more than a page; whether it has adapters above 0x%02x is not "
                   "known, and it has none here",
                   uuid, highest(&d->assigned.apm));
    }
    if (d->defined.from && differs(&d->assigned, &d->defined))
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
    building_give(o, MDEV_GROUP);
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
    o = building_add(b, STATE_MDEV, 0);
    device_fill(b, o, d, m);
    o->unchecked = refused(b, m, uuid);
}

const struct setup_object *building_device(const struct building *b, const struct uuid *uuid)
{
    for (size_t i = 0; i < b->setup.count; i++)
        if (b->setup.v[i].s.of.kind == STATE_MDEV && uuid_equal(&b->setup.v[i].s.mdev.uuid, uuid))
            return &b->setup.v[i];
    return NULL;
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

static bool keep_earlier(struct building *b, const struct mdev_info *is)
{
    const struct known_device *d = known_device(b->k, &is->uuid);
    struct setup_object *o = (struct setup_object *)building_device(b, &is->uuid);
    struct apcb guest;
    char uuid[UUID_TEXT];
    unsigned qn;

    if (!d || !o || !d->guest.from || same_queues(&d->guest, is))
        return false;
    guest = (struct apcb){d->guest.apm, d->guest.aqm, is->guest_adm};
    qn = core_mdev_misfit(b->core, &o->s.mdev.assigned, &guest);
    if (qn < AP_APQNS) {
        uuid_format(&is->uuid, uuid);
        known_note(b->k, NOTE_CONTRADICTION, d->guest.from,
                   "%s: guest_matrix has %02x.%04x, which %s; guest_matrix is left out", uuid,
                   AP_QN_APID(qn), AP_QN_APQI(qn),
                   apcb_has(&o->s.mdev.assigned, (ap_qn)qn) ? "another driver than vfio_ap has"
                                                            : "is not assigned to the device");
        return false;
    }
    o->s.mdev.effective = guest;
    building_give(o, MDEV_GUEST_ADAPTERS);
    return true;
}

int devices_keep_earlier(struct building *b)
{
    struct mdev_info is;
    uint32_t cursor = 0;
    bool any = false;

    while (core_mdev_next(b->core, &cursor, &is))
        any |= keep_earlier(b, &is);
    return any ? building_rebuild(b) : 0;
}

static int by_uuid(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

/* Whatever the order of the files in a directory is, the machine file is the same. */
void devices_make(struct building *b)
{
    static_assert(offsetof(struct known_device, uuid) == 0, "devices are sorted by their UUID");
    if (b->k->device_count)
        qsort(b->k->devices, b->k->device_count, sizeof *b->k->devices, by_uuid);
    for (size_t i = 0; i < b->k->device_count; i++)
        device_make(b, &b->k->devices[i]);
    unnamed_devices(b);
}
