/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_SHRINK_H
#define APUS_TESTS_SHRINK_H

#include "play.h"

/* A whole play: the number of the machine, and the steps. */
struct script {
    uint64_t seed;
    enum abi_profile abi;
    bool faulty; /* it has faults */
    struct step *steps;
    size_t count;
};

struct verdict {
    bool failed;
    size_t step; /* the one that failed; count: before the first step */
    uint64_t refusals, digest;
    uint64_t accepted, calls; /* messages of clients, requests of programs */
    struct text why;
};

/* Plays in this process. digest: the same play has the same effects each time. */
void script_play(const struct script *s, struct verdict *out);

/*
 * Reduces a failing play: removes steps, first many at once, then one by one, and simplifies the
 * values of the others. Each attempt runs in a process of its own.
 */
void script_shrink(struct script *s);

/* Prints the form that --replay reads, with equivalent shell commands as comments, and the failure.
 */
void script_print(const struct script *s, FILE *out);

/* 0, or -errno with a message on stderr. */
int script_load(const char *path, struct script *out);

#endif
