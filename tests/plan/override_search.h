/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_PLAN_OVERRIDE_SEARCH_H
#define APUS_TESTS_PLAN_OVERRIDE_SEARCH_H

#include "small.h"

/* All states that a small machine with overrides can reach, and by hand-bound drivers, too. */

struct state {
    struct small s;
    enum driver driver[APIDS][APQIS];
};

/* What a core that has just started is. */
void state_fresh(const struct small *s, struct state *out);
void state_of(const struct core *c, struct state *out);
bool state_equal(const struct state *a, const struct state *b);

/* Whether each APQN has one owner, which is one that it has at the start or at the end, and devices
 * that stay as they are have their queues. */
bool state_fits(const struct search *w, const struct state *now);

/* The fewest writes, or -1: there is no way. Masks that are the same at both ends are not written.
 */
int override_search(const struct search *w);

#endif
