/* SPDX-License-Identifier: MIT */
#ifndef APUS_PLAN_INTERNAL_H
#define APUS_PLAN_INTERNAL_H

#include "plan/plan.h"

/* Private to src/plan. */

/* A mediated device at the start and at the end. */
struct item {
    struct uuid uuid;
    bool before, after;     /* it exists */
    struct apcb start, end; /* what is assigned; nothing where it does not exist */
    struct apcb kept;       /* in between, if it is written twice */
    bool changed;           /* start and end differ, or an interruption is inevitable */
    bool split;             /* written twice: first kept, then end */
    bool interrupts;        /* kept lacks something that both start and end have */
    const char *guest_before, *guest_after;
};

/* One write of apmask or aqmask. */
struct mask_event {
    bool adapters;       /* apmask; else aqmask */
    struct mask256 mask; /* its value afterwards */
};

#define MASK_EVENTS_MAX 6

struct scene {
    const struct core *from, *to;
    bool new_bits; /* the profile's veto looks at newly set bits alone */
    struct ap_masks start, end;
    struct mask256 adapters, domains; /* that the LPAR has at the start or at the end */
    struct item *v;
    size_t count;
    struct mask_event masks[MASK_EVENTS_MAX];
    size_t mask_count;
    bool exact; /* the number of split devices is the least possible */
};

void scene_read(struct scene *s, const struct core *from, const struct core *to);
void scene_done(struct scene *s);

/* Nodes of the order: the writes of masks come first, then two for each device: its first write, or
 * its only one, and its second. */
struct order {
    uint32_t *v; /* nodes */
    size_t count;
};

#define NODE_FIRST(s, i)  ((uint32_t)((s)->mask_count + 2 * (i)))
#define NODE_SECOND(s, i) (NODE_FIRST(s, i) + 1)

/* Decides which devices are split, and the order of writes. -EINVAL: a guest that should lose
 * nothing would be interrupted; why says by what, and blocked gets the bits of apmask and aqmask
 * that do so. With interrupt no guest should lose nothing. */
int order_find(struct scene *s, bool interrupt, struct order *out, struct mask256 blocked[2],
               struct text *why);

/* plan_format.c: as one word for a shell. Names and sentences come from outside. */
void plan_quote(const char *text, struct text *out);

/* rest.c: sections of a machine file's text: a line "[name]" and what follows up to the next one;
 * len 0: the end of the file. */
struct plan_section {
    const char *at;
    size_t name, len;
};

struct plan_section plan_section_at(const char *at);
/* Of the same name; with the same content, too. */
bool plan_section_is(const struct plan_section *a, const struct plan_section *b);
bool plan_section_same(const struct plan_section *a, const struct plan_section *b);

/* rest.c: the names of sections of the machine file that steps do not change, and that differ at
 * the end: "[queue 05.0004], [fault 1]". */
void plan_rest(const struct core *end, const struct core *to, struct text *out);

#endif
