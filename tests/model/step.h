/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_STEP_H
#define APUS_TESTS_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "machine/config.h"

/*
 * The small world of the test, and one step of a play. A step holds plain values, so that it can be
 * written, read back, removed and simplified.
 */

#define APIDS  7 /* possible adapters */
#define APQIS  6 /* possible usage domains */
#define MDEVS  4
#define GUESTS 4
#define NODES  256
#define NOBODY 9 /* an index beyond all of those, for names that nothing has */

extern const uint8_t apids[APIDS], apqis[APQIS];
extern const char *const driver_names[], *const node_masks[];
#define DRIVER_NAMES 7
#define NODE_MASKS   4

enum step_kind {
    STEP_STORE,
    STEP_SE_ADAPTER,
    STEP_SE_LPAR,
    STEP_SCLP,
    STEP_CHECKSTOP,
    STEP_MACHINE,
    STEP_START,
    STEP_STOP,
    STEP_ATTACH,
    STEP_DETACH,
    STEP_MIGRATE,
    STEP_TIMER,
    STEP_CANCEL,
    STEP_LOOK, /* a guest's tree is looked at */
    /* The following concern queues (requests.h). */
    STEP_CONNECT,   /* a client connects as the CPUs of guest object, or of the LPAR (GUESTS) */
    STEP_CPU_RESET, /* likewise */
    STEP_INSN,      /* it executes an AP instruction: insn.c */
    STEP_ZCRYPT,    /* a program makes a request: model_want */
    STEP_GIVEUP,    /* its caller is gone before the reply */
    STEP_JOB,       /* an adapter replies: answer.c */
    STEP_FAULT,     /* data: a fault rule */
    STEP_UNFAULT,   /* value: the number of the rule */
    STEP_TIME,      /* value: how many ns pass */
    STEP_KINDS
};

/* The target of a store; object selects one of a kind. */
enum target {
    AT_BUS,
    AT_CARD,   /* object: index into apids */
    AT_QUEUE,  /* object: 16 * index into apids + index into apqis */
    AT_DRIVER, /* object: index into driver_names */
    AT_MDEV,   /* object: number of the device */
    AT_TYPE,
    AT_CLASS, /* class/zcrypt */
    AT_NODE,  /* object: number of the name, see node_name */
    TARGETS
};

#define STEP_DATA 208
#define LPAR      GUESTS /* used as the index of a guest: the system of the LPAR */

struct step {
    enum step_kind kind;
    unsigned tree; /* 0: the host, else 1 + index of a guest */
    enum target target;
    unsigned object; /* also: guest of the guest steps, adapter or kind of the others */
    char attr[24];
    char data[STEP_DATA];
    uint64_t token; /* the command's, or the one to cancel */
    uint64_t value; /* features, SCLP word, identifier, mediated device, seed of a machine */
    bool on, force;
};

/* Indices into apids and apqis; -1 for a number that is not in there. */
int world_apid(uint64_t apid);
int world_apqi(uint64_t apqi);

/* The machine of a number, and the one with which a run starts. */
void world_machine(uint64_t seed, bool apxa, struct machine_config *config,
                   struct mask256 *checkstopped);
void world_start(uint64_t seed, enum abi_profile abi, struct machine_config *config);

/* The focus of a play. Faults occur only in plays of their own, since with them what drivers meet
 * is not predicted. */
enum style { STYLE_ADMIN, STYLE_REQUESTS, STYLE_FAULTS, STYLE_LPAR, STYLE_LPAR_FAULTS, STYLES };

/* A random step; number is its index in the play, state the generator's. */
struct step step_random(uint64_t *state, unsigned index, enum style style);
uint64_t random_next(uint64_t *state);

/* One line without newline that step_parse reads, with the equivalent shell command after a #. */
void step_format(const struct step *s, FILE *out);
/* 0, or -EINVAL. */
int step_parse(const char *line, struct step *out);

void step_path(const struct step *s, char *out, size_t size);
void world_uuid(unsigned number, char out[37]);
const char *world_guest(unsigned number);
const char *node_name(unsigned number);

#endif
