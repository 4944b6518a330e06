/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_PLAN_H
#define APUS_PLAN_PLAN_H

#include <stdatomic.h>

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
    PLAN_GUEST_DETACH,
    PLAN_SE_ADAPTER, /* Support Element: adapters are configured on or off */
    PLAN_SE_LPAR     /* Support Element: Change LPAR Cryptographic Controls, in one task */
};

/* By enum lpar_kind. after: what the LPAR has when the task is done. */
struct plan_lpar {
    struct mask256 removed[3], added[3], after[3];
};

/* In which order the Support Element's commands come: a usage domain goes before it can go as a
 * control domain. */
struct plan_lpar_part {
    bool add;
    enum lpar_kind what;
};

#define PLAN_LPAR_ORDER 6u
extern const struct plan_lpar_part plan_lpar_order[PLAN_LPAR_ORDER];

struct plan_step {
    enum plan_kind kind;
    char path[128];  /* PLAN_WRITE: below /sys */
    char value[208]; /* PLAN_WRITE */
    char guest[CORE_GUEST_NAME];
    unsigned features;     /* PLAN_GUEST_START */
    bool has_mdev;         /* likewise; PLAN_GUEST_ATTACH: always */
    struct uuid mdev;      /* of the guest, or the device that the write is about */
    struct mask256 ids;    /* PLAN_SE_ADAPTER: the adapters */
    bool on;               /* likewise */
    bool force;            /* PLAN_SE_LPAR: as a hardware event */
    struct plan_lpar lpar; /* PLAN_SE_LPAR */
    struct text what;      /* a sentence */
    struct text effect;    /* what guests and zcrypt gain and lose by it; empty: nothing */
};

struct plan {
    struct plan_step *steps;
    size_t count;
    bool fewest;       /* no order with fewer steps exists, as far as the order of writes goes */
    struct text gains; /* lines: what each guest and the host gain and lose, and for how long */
    struct text notes; /* lines: what the plan leaves as it is, and what to know */
    struct mask256 blocked[2]; /* after a refusal: bits that apmask and aqmask cannot get */
};

/*
 * Makes the plan by trying it on a copy of from. interrupt: a guest that the change does not
 * concern may be without its queues for a while. 0, or -EINVAL: there is none; why has a sentence
 * with the demands that exclude each other. *out is to be freed with plan_done in any case.
 */
int plan_make(const struct core *from, const struct core *to, bool interrupt, struct plan *out,
              struct text *why);
void plan_done(struct plan *p);

/*
 * After a refusal: the nearest state to the wanted one for which there is a plan. *nearest is to be
 * freed with core_free, *out is its plan; lines in given_up say what of the wanted state it lacks.
 * 0, or -EINVAL: there is none but the present state.
 */
int plan_nearest(const struct core *from, const struct core *to, bool interrupt,
                 struct core **nearest, struct plan *out, struct text *given_up);

/* Of PLAN_SE_LPAR: what part i of the order is about. */
const struct mask256 *plan_lpar_ids(const struct plan_step *s, unsigned i);

/*
 * From now on, what this thread plans or explains ends soon once the flag is set, with a result
 * that means nothing: -ECANCELED of each step. NULL: never.
 */
void plan_abandon_on(const atomic_bool *flag);
bool plan_is_abandoned(void);

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
 * from and stops at the first difference; and with the definitions of to for the next boot. */
void plan_text(const struct plan *p, struct text *out);
/* se.c: the steps at the Support Element, and what is to be done before, between and after them. */
void plan_se(const struct plan *p, struct text *out);
/* Whether it is one of these, and lines that say what somebody does there. */
bool plan_is_se(const struct plan_step *s);
void plan_clicks(const struct plan_step *s, struct text *out);
void plan_sh(const struct plan *p, const struct core *from, struct text *out);
void plan_mdevctl(const struct plan *p, const struct core *from, const struct core *to,
                  struct text *out);
void plan_virsh(const struct plan *p, const struct core *from, const struct core *to,
                struct text *out);

#endif
