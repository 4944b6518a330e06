/* SPDX-License-Identifier: MIT */
#ifndef APUS_IMPORT_BUILDING_H
#define APUS_IMPORT_BUILDING_H

#include "import/known.h"
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

/* building.c */
struct setup_object *building_add(struct building *b, enum state_kind kind, uint32_t id);
/* Of the section the key is given. */
void building_give(struct setup_object *o, unsigned key);
/* A core of the sections so far, in place of the one before. */
int building_rebuild(struct building *b);

/* build_devices.c */
void devices_make(struct building *b);
/* A guest may have what an earlier state gave it. To be called when all is in the core. */
int devices_keep_earlier(struct building *b);
/* The section of a device; NULL: there is none. */
const struct setup_object *building_device(const struct building *b, const struct uuid *uuid);

/* build_guests.c */
void guests_make(struct building *b);

#endif
