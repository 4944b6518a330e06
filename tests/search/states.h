/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_SEARCH_STATES_H
#define APUS_TESTS_SEARCH_STATES_H

#include "search.h"

/*
 * Visits every state that a small machine can reach, breadth first, in the real core. A state is
 * kept as its export and the operation that led to it; to go on from it, its operations are done
 * again from where its way leaves that of the state before, and its memory is kept while all is
 * tried (arena.h). Prints the number of states and of steps; at a violation the operations that
 * lead to it, which are as few as there can be.
 *
 * The states are tried by workers, processes with a core of their own; what they find is entered
 * in the order of the states, so that the result does not depend on their number.
 */

#define WORKERS_MAX 16u

/* The exit status: 1 at a violation. */
int search_states(const struct world_size *size, unsigned workers);

struct node {
    struct export export;
    uint32_t parent, op;
};

/* What is known to all processes. */
struct known {
    struct node *nodes; /* shared */
    struct op ops[OPS_MAX];
    unsigned op_count;
    struct run *run;
};

/* What was found in one state. */
struct found {
    unsigned count, steps, refusals;
    bool reached; /* the state is that of the node */
    uint32_t op;  /* with wrong */
    const char *wrong;
    struct {
        struct export export;
        uint32_t op;
    } states[OPS_MAX]; /* not all are new */
};

/* Does all that can be done in the state of a node. */
void explore(const struct known *k, uint32_t node, struct found *out);

struct workers;
struct workers *workers_start(const struct known *k, unsigned count);
/* Every node once, in order. */
void workers_give(struct workers *w, uint32_t node);
/* What was found in the node; in the same order. */
void workers_take(struct workers *w, uint32_t node, struct found *out);
void workers_end(struct workers *w);

#endif
