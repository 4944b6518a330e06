/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "core/query.h"
#include "import/building.h"

/* The guests of a core that is made of what is known. */

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
    struct setup_object *o = building_add(b, STATE_GUEST, 0);

    o->name = xstrdup(name);
    if (!mdev)
        return;
    o->uuid = *mdev;
    building_give(o, GUEST_MDEV);
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

static void guest_make(struct building *b, const struct known_guest *g)
{
    const struct setup_object *device = g->has_mdev ? building_device(b, &g->mdev) : NULL;
    text_auto name = {0};

    if (!g->has_mdev && !(g->running.from && g->running.value))
        return;
    if (!core_guest_name_fits(g->name)) {
        text_add_quoted(&name, g->name, strlen(g->name));
        known_note(b->k, NOTE_MISSING, g->from,
                   "guest %.200s is left out: a name has up to %d bytes of UTF-8 without control "
                   "characters, no slash, and does not begin with - or .",
                   name.data, CORE_GUEST_NAME - 1);
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
        const struct setup_object *o = building_device(b, &b->k->devices[i].uuid);
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

void guests_make(struct building *b)
{
    for (size_t i = 0; i < b->k->guest_count; i++)
        guest_make(b, &b->k->guests[i]);
    unnamed_guests(b);
}
