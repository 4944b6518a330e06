/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_STEP_H
#define APUS_TESTS_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "machine/config.h"

/*
 * The little world in which the test plays, and one step of a play. A step holds plain values, so
 * that it can be written down, read back, left out and made simpler.
 */

#define APIDS  7 /* adapters there may be */
#define APQIS  6 /* usage domains there may be */
#define MDEVS  4
#define GUESTS 4
#define NODES  256
#define NOBODY 9 /* an index behind all of those: a name that nothing has */

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
    STEP_LOOK, /* somebody looks at a guest's /sys */
    /* What follows goes to queues (requests.h). */
    STEP_CONNECT,   /* a client becomes the CPUs of guest object, or of the LPAR (GUESTS) */
    STEP_CPU_RESET, /* likewise */
    STEP_INSN,      /* it executes an AP instruction: insn.c */
    STEP_ZCRYPT,    /* a program makes a request: model_want */
    STEP_GIVEUP,    /* and goes away before the answer */
    STEP_JOB,       /* an adapter answers: answer.c */
    STEP_FAULT,     /* data: a rule */
    STEP_UNFAULT,   /* value: which one */
    STEP_TIME,      /* value: so many ns pass */
    STEP_KINDS
};

/* Where a store goes; object says which one of them. */
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
#define LPAR      GUESTS /* as an index of a guest: the system of the LPAR */

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

/* Indices into apids and apqis; -1 for a number that is not among them. */
int world_apid(uint64_t apid);
int world_apqi(uint64_t apqi);

/* The machine that belongs to a number, and the one a run starts with. */
void world_machine(uint64_t seed, bool apxa, struct machine_config *config,
                   struct mask256 *checkstopped);
void world_start(uint64_t seed, enum abi_profile abi, struct machine_config *config);

/* What a play is mostly about. Faults come only in plays of their own: with them, what drivers find
 * is not foretold. */
enum style { STYLE_ADMIN, STYLE_REQUESTS, STYLE_FAULTS, STYLE_LPAR, STYLE_LPAR_FAULTS, STYLES };

/* A random step, number index of its play; state is the generator's. */
struct step step_random(uint64_t *state, unsigned index, enum style style);
uint64_t random_next(uint64_t *state);

/* One line without newline, that step_parse reads; then, behind a #, what a person would type. */
void step_format(const struct step *s, FILE *out);
/* 0, or -EINVAL. */
int step_parse(const char *line, struct step *out);

void step_path(const struct step *s, char *out, size_t size);
void world_uuid(unsigned number, char out[37]);
const char *world_guest(unsigned number);
const char *node_name(unsigned number);

#endif
