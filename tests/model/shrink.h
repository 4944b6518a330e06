/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_SHRINK_H
#define APUS_TESTS_SHRINK_H

#include "play.h"

/* A play as a whole: the machine by its number, and the steps. */
struct script {
    uint64_t seed;
    enum abi_profile abi;
    bool faulty; /* it has faults */
    struct step *steps;
    size_t count;
};

struct verdict {
    bool failed;
    size_t step; /* the one that failed; count: not a step, but what was before the first */
    uint64_t refusals, digest;
    uint64_t accepted, calls; /* messages of clients, requests of programs */
    struct text why;
};

/* In this process. digest: the same play has the same effects each time. */
void script_play(const struct script *s, struct verdict *out);

/*
 * Leaves out steps, first many at once, then one by one, and makes the values of the rest simpler,
 * as long as the play fails in a process of its own.
 */
void script_shrink(struct script *s);

/* The form that --replay reads, with what a person would type as comments, and the failure. */
void script_print(const struct script *s, FILE *out);

/* 0, or -errno with a message on stderr. */
int script_load(const char *path, struct script *out);

#endif
