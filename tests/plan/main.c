/* SPDX-License-Identifier: MIT */
/*
 * Plans between random states of small machines. Each step is allowed when it comes; no APQN has on
 * the way an owner that it has at neither end; guests that the change does not concern keep what
 * they have; the end is the wanted state. Whether there is a plan, and how many writes it takes, is
 * checked by a search through all states, which has the rules in a second form. And for a random
 * write that is refused there are alternatives, each of which is accepted.
 */
#include <stdio.h>

#include "small.h"

struct counts counts;

int main(int argc, char **argv)
{
    unsigned pairs = small_options(argc, argv, 300);

    for (unsigned n = 0; n < pairs; n++) {
        struct search w = {.upstream = n & 1};

        small_random_pair(&w.start, &w.end);
        for (int i = 0; i < MDEVS; i++)
            w.frozen[i] = w.start.guest[i] && w.end.guest[i] && w.start.exists[i] &&
                          w.end.exists[i] && w.start.mdev_a[i] == w.end.mdev_a[i] &&
                          w.start.mdev_q[i] == w.end.mdev_q[i];
        if (pair(&w) || undo(&w) || random_lpar_pair(&w) || refused_write(&w.start, w.upstream)) {
            fprintf(stderr, "pair %u fails\n", n);
            return 1;
        }
    }
    printf("%u plans (%u may not be the shortest), %u refusals, %u tasks at the Support Element, "
           "%u refused writes\n",
           counts.plans, counts.inexact, counts.refusals, counts.tasks, counts.refused_writes);
    return counts.inexact > 4 + counts.plans / 50; /* they are rare */
}
