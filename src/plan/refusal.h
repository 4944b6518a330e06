/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_REFUSAL_H
#define APUS_PLAN_REFUSAL_H

#include "plan/plan.h"

/* A way to have a refused write accepted: steps, the last of which is that write, or as much of it
 * as is possible. */
struct alternative {
    struct plan_step *steps;
    size_t count;
    unsigned moved;      /* queues that are another's afterwards, or in another condition */
    struct text effects; /* lines: who loses and gets what */
};

struct alternatives {
    struct alternative *v; /* the nearest first */
    size_t count;
    bool accepted;         /* the write itself would be accepted now */
    struct text malformed; /* a clause: what is wrong with it whatever the state is */
};

/*
 * Looks for alternatives to a write to the host's attribute of that path below /sys: each was tried
 * on a copy of the core. There are some for writes to the masks, for assignments (ap_config, too),
 * for creating and removing devices, and for binding queues. To be freed with alternatives_done.
 */
void alternatives_find(const struct core *now, const char *path, const char *value,
                       struct alternatives *out);
/* The same for a command of the Support Element: "se lpar add domain 0x09". */
void alternatives_to_task(const struct core *now, const char *command, struct alternatives *out);
void alternatives_done(struct alternatives *a);

/* For people: the commands of each, with their effects. */
void alternatives_text(const struct alternatives *a, struct text *out);

#endif
