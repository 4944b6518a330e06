/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_ALARM_H
#define APUS_MACHINE_ALARM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/apqn.h"

/* Times at which a queue changes state without an instruction, in order; equal times in the order
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

/* The time of the first alarm; 0: none. */
uint64_t alarms_next(const struct alarms *a);

/* Removes the first alarm if it is due. */
bool alarms_take(struct alarms *a, uint64_t now, ap_qn *qn);

void alarms_done(struct alarms *a);

#endif
