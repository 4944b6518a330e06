/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_ALARM_H
#define APUS_MACHINE_ALARM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/apqn.h"

/* When something will change in a queue by itself, in the order of time; equal times in the order
 * in which they were added. All zero is empty. */
struct alarm {
    uint64_t at; /* ns */
    ap_qn qn;
};

struct alarms {
    struct alarm *v;
    size_t first, end, capacity;
};

void alarms_add(struct alarms *a, uint64_t at, ap_qn qn);

/* The time of the first; 0: there is none. */
uint64_t alarms_next(const struct alarms *a);

/* Takes out the first if its time has come. */
bool alarms_take(struct alarms *a, uint64_t now, ap_qn *qn);

void alarms_done(struct alarms *a);

#endif
