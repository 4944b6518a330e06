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
    bool deprived;          /* a queue that it keeps is without a driver for a while */
    const char *guest_before, *guest_after;
};

/* What changes whose the queues are: a write of apmask or aqmask, or of overrides. */
enum event_kind {
    EVENT_APMASK,
    EVENT_AQMASK,
    EVENT_OVERRIDES,         /* all of them are set, or cleared, beside masks that change */
    EVENT_OVERRIDES_RESERVE, /* where masks stay: those that take no queue from vfio_ap, */
    EVENT_OVERRIDES_RELEASE  /* and those that do */
};

struct event {
    enum event_kind kind;
    struct mask256 mask; /* EVENT_APMASK, EVENT_AQMASK: its value afterwards */
};

#define EVENTS_MAX 8

/* Linux has either masks or overrides. Overrides, where they differ: */
enum overrides {
    OVERRIDES_NONE,  /* there are none at either end */
    OVERRIDES_ALONE, /* the masks do not change */
    OVERRIDES_COME,  /* in place of masks */
    OVERRIDES_GO     /* masks come in their place */
};

struct scene {
    const struct core *from, *to;
    bool new_bits; /* the profile's veto looks at newly set bits alone */
    /* A mask that gives zcrypt a queue that has no driver leaves it without one. */
    bool loose_stays;
    struct ap_masks start, end;
    struct mask256 adapters, domains; /* that the LPAR has at the start or at the end */
    struct item *v;
    size_t count;
    struct event events[EVENTS_MAX];
    size_t event_count;
    enum overrides overrides;
    struct mask256 *owned[2]; /* with overrides: what zcrypt has, by adapter, at start and end */
    struct mask256 *loose;    /* likewise: that have no driver while a mask gives them to zcrypt */
    ap_qn exposed;            /* if there is no way: zcrypt would get it on the way */
    bool exact;               /* the number of split devices is the least possible */
};

void scene_read(struct scene *s, const struct core *from, const struct core *to);
void scene_done(struct scene *s);
bool scene_same_masks(const struct scene *s);

/* Nodes of the order: the events come first, then two for each device: its first write, or
 * its only one, and its second. */
struct order {
    uint32_t *v; /* nodes */
    size_t count;
};

#define NODE_FIRST(s, i)  ((uint32_t)((s)->event_count + 2 * (i)))
#define NODE_SECOND(s, i) (NODE_FIRST(s, i) + 1)

/* Decides which devices are split, and the order of writes. -EINVAL: a guest that should lose
 * nothing would be interrupted; why says by what, and blocked gets the bits of apmask and aqmask
 * that do so. With interrupt no guest should lose nothing. */
int order_find(struct scene *s, bool interrupt, struct order *out, struct mask256 blocked[2],
               struct text *why);

/* shell.c: as one word for a shell. The second one is for bash alone, and keeps also characters
 * that cannot be seen. */
void plan_quote(const char *text, struct text *out);
void plan_word(const char *text, struct text *out);

/* script.c: program: that is needed in the end; NULL: none. */
void plan_script(const struct plan *p, const struct core *from, const char *program,
                 struct text *out);

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
 * the end: "[queue 05.0004], [fault 1]"; and what of the kernel's start does. */
void plan_rest(const struct core *end, const struct core *to, struct text *out);

#endif
