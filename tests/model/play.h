/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_PLAY_H
#define APUS_TESTS_PLAY_H

#include "core/query.h"
#include "machine/fault.h"
#include "model.h"
#include "requests.h"

/* The core and the model side by side. */

#define NOTED 24 /* inodes kept open */

struct note {
    sysfs_ino ino;
    enum sysfs_kind kind; /* card, queue or mediated device */
    unsigned ai, di;      /* of a card or queue; ai: number of the device */
    unsigned life;
};

/* Who may have left data in a queue since it was last zeroized: 0 nobody, 1 the host, then guests.
 */
struct hand {
    unsigned holder, left_by;
    uint32_t zeroized;
};

struct play {
    struct core *core;
    struct effects fx;
    struct reply reply;
    struct model model, before;
    struct m_outcome wanted;
    struct hand hands[APIDS][APQIS];
    struct note notes[NOTED];
    unsigned note_count;
    uint64_t now, steps, refusals;
    bool file_found; /* the last step wrote to an existing file */
    struct requests requests;
    bool lpar_connected;
    bool fault_changed; /* this rule was added or removed in this step */
    struct fault fault;
    uint64_t expect_token; /* the reply that is expected in this step */
    int64_t expect_value;
    int expect_qn;
    struct text file; /* the state file of a daemon (keep.h) */
    uint64_t digest;  /* of all effects and replies so far */
    struct text why;  /* the first difference; empty: none so far */
};

void play_init(struct play *p, uint64_t seed, enum abi_profile abi, bool faulty);
void play_done(struct play *p);

/* false: p->why describes the difference. */
bool play_step(struct play *p, const struct step *s);

/* The end of a play: all pending operations end. */
bool play_end(struct play *p);

/* Executes one command; its effects and reply are p->fx and p->reply. */
int play_execute(struct play *p, const struct command *cmd);

/* Records the first difference and returns false. */
bool play_fail(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A digest of all visible state: all trees that were built, and the queries. */
uint64_t dump_digest(struct play *p);

/* Adds the effects and the reply of the last step to p->digest. */
void dump_effects(struct play *p);

/* compare.c: compares the visible state with the model. */
bool compare_all(struct play *p);

/* rules.c: rules that hold independently of the model. */
bool rules_check(struct play *p);
bool rules_effects(struct play *p);

#endif
