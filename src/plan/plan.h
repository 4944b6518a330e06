/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_PLAN_H
#define APUS_PLAN_PLAN_H

#include "core/query.h"

/*
 * The way from one state of a machine to another, as an administrator can go it: steps in an order
 * in which each is allowed when it comes. No APQN has on the way an owner (zcrypt, or a mediated
 * device) that it has neither at the start nor at the end, and a guest that has the same at the
 * start and at the end keeps it all the time.
 */
enum plan_kind {
    PLAN_WRITE,
    PLAN_GUEST_START,
    PLAN_GUEST_STOP,
    PLAN_GUEST_ATTACH,
    PLAN_GUEST_DETACH
};

struct plan_step {
    enum plan_kind kind;
    char path[128];  /* PLAN_WRITE: below /sys */
    char value[208]; /* PLAN_WRITE */
    char guest[CORE_GUEST_NAME];
    unsigned features;  /* PLAN_GUEST_START */
    bool has_mdev;      /* likewise; PLAN_GUEST_ATTACH: always */
    struct uuid mdev;   /* of the guest, or the device that the write is about */
    struct text what;   /* a sentence */
    struct text effect; /* what guests and zcrypt gain and lose by it; empty: nothing */
};

struct plan {
    struct plan_step *steps;
    size_t count;
    bool fewest;       /* no order with fewer steps exists, as far as the order of writes goes */
    struct text gains; /* lines: what each guest and the host gain and lose, and for how long */
    struct text notes; /* lines: what the plan leaves as it is, and what to know */
};

/*
 * Makes the plan by trying it on a copy of from. 0, or -EINVAL: there is none; why has a sentence
 * with the demands that exclude each other, and, if there is one, the nearest state that can be
 * had. *out is to be freed with plan_done in any case.
 */
int plan_make(const struct core *from, const struct core *to, struct plan *out, struct text *why);
void plan_done(struct plan *p);

/* Executes a step. 0, or -errno with a sentence in why. fx gets its effects. */
int plan_step_execute(struct core *c, const struct plan_step *s, struct effects *fx,
                      struct text *why);

/* Whether the two states are the same as far as a plan goes. Else what gets the first difference.
 */
bool plan_same(const struct core *a, const struct core *b, struct text *what);

/* Lines for the sections of a machine file of one state that another one lacks, or has otherwise.
 */
void plan_differences(const struct core *before, const struct core *after, struct text *out);

/* plan_format.c: each appends the whole plan: for people; as a script that checks that all is as in
 * from and stops at the first surprise; and with the definitions of to for the next boot. */
void plan_text(const struct plan *p, struct text *out);
void plan_sh(const struct plan *p, const struct core *from, struct text *out);
void plan_mdevctl(const struct plan *p, const struct core *from, const struct core *to,
                  struct text *out);
void plan_virsh(const struct plan *p, const struct core *from, const struct core *to,
                struct text *out);

#endif
