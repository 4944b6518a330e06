/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_PLAN_SMALL_H
#define APUS_TESTS_PLAN_SMALL_H

#include <stdint.h>

#include "plan/plan.h"

/* Small machines, whose states can all be searched. */

#ifndef APIDS
#define APIDS 3
#endif
#ifndef APQIS
#define APQIS 2
#endif
#define MDEVS 2

/* Of a queue; as an override: NONE, there is none. */
enum driver { NONE, VFIO_AP, ZCRYPT };

/* Masks, and what each device is assigned, as bits. */
struct small {
    uint8_t a, q, mdev_a[MDEVS], mdev_q[MDEVS];
    uint8_t lpar_a, lpar_q; /* what the LPAR has */
    bool exists[MDEVS], guest[MDEVS];
    bool all; /* the masks have the other bits set, without which there are no overrides */
    enum driver override[APIDS][APQIS];
};

/* Random numbers from a seed. */
extern uint64_t small_seed;
unsigned below(unsigned n);
/* Takes --seed NUMBER|clock, and prints it; returns the number of --pairs, or this one. */
unsigned small_options(int argc, char **argv, unsigned pairs);

bool small_is_default(const struct small *s, unsigned a, unsigned q);
/* A device's number, 100: zcrypt, or -1. */
int small_owner(const struct small *s, unsigned a, unsigned q);
/* An APQN is zcrypt's and a device's, or two devices'. */
bool small_collides(const struct small *s);

void small_random(struct small *s);
/* One device often stays as it is, with its guest. */
void small_random_pair(struct small *s, struct small *t);

struct core *small_core(const struct small *s, bool upstream);
void small_of(const struct core *c, struct small *out);

/* search.c: the way from one state to another; frozen: devices that stay as they are. */
struct search {
    struct small start, end;
    bool upstream, frozen[MDEVS];
};

/* What the search knows of a state. */
unsigned small_pack(const struct small *s);

/* The fewest writes, or -1: there is no way. */
int search(const struct search *w);

/* How much was tried, and how much is worth less than it should be. */
struct counts {
    unsigned plans, refusals, tasks, refused_writes;
    unsigned inexact; /* plans that do not say that they are the shortest ones */
};
extern struct counts counts;

/* Each 0, or 1 after it has told what is wrong. */

/* small.c */
int fail(const struct search *w, const struct plan *p, const char *what);
bool keeps_guests(const struct search *w, const struct core *from, const struct core *core);

/* pair.c: the plan, or why there is none. */
int pair(const struct search *w);
int undo(const struct search *w);

/* lpar.c: the LPAR changes, too. */
int random_lpar_pair(const struct search *w);

/* refused.c: whatever is refused has alternatives. */
int refused_write(const struct small *small, bool upstream);

#endif
