/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_TRIAL_H
#define APUS_PLAN_TRIAL_H

#include "core/core.h"
#include "plan/internal.h"

/* The steps of a plan, each tried on a copy of the core before the next one is made, and what
 * guests and zcrypt lose and get by them. */

/* What zcrypt has, by adapter. */
struct trial_rows {
    struct mask256 row[AP_IDS];
};

struct guest_track {
    struct guest_info start, end; /* end.name NULL: there is none then; likewise start */
    struct apcb had, gets, now;   /* that it can use: at the start, at the end, now */
    struct apcb may[2];           /* if the LPAR changes: assigned and in it, at start and end */
    size_t missing_since; /* step at which it lost something that it has at the end, too; 0: none */
};

struct trial {
    const struct core *from, *to;
    bool interrupt; /* guests may lose what they keep for a while */
    bool lpar;      /* the LPAR changes */
    struct core *core;
    struct trial_rows start, end, now;
    struct trial_rows may;     /* reserved for zcrypt at the start or at the end, also in standby */
    size_t host_missing_since; /* as missing_since, of zcrypt */
    struct scene scene;
    struct guest_track *guests;
    size_t guest_count;
    struct plan *out;
    struct text *why;
};

/* A trial of the way between two cores, with the present as it is at the start. */
void trial_begin(struct trial *t);
void trial_end(struct trial *t);

/* Adds a step, which is executed at once. -EINVAL with why: it would be refused, or takes something
 * from a guest that the change does not concern. */
int trial_step(struct trial *t, struct plan_step step, const char *what);
__attribute__((format(printf, 4, 5))) int trial_write(struct trial *t, const char *path,
                                                      const char *value, const char *format, ...);

/* override.c: takes the queue from a driver that does not have it in the end, and gives it to the
 * one that does. */
int plan_unbind(struct trial *t, ap_qn qn);
int plan_bind(struct trial *t, ap_qn qn);
/* Takes the queue from whichever driver has it now. */
int plan_loosen(struct trial *t, ap_qn qn);
/* The overrides of an event, with the drivers that they ask for; and settings of the bus. */
int plan_overrides(struct trial *t, enum event_kind event);
int plan_settings(struct trial *t);

/* The lines that say what each guest and zcrypt have lost and got in the end. */
void trial_summarize(struct trial *t);

#endif
