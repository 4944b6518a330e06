/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_SEARCH_H
#define APUS_TESTS_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"

/*
 * A machine so small that all its states can be visited: some adapters, domains, mediated devices
 * and guests, and whatever an administrator can do to them.
 */
struct world_size {
    unsigned adapters, domains, devices, guests;
    bool overrides, lpar;
    enum abi_profile abi;
};

#define SIZE_MAX_IDS 2u
#define QUEUES_MAX   (SIZE_MAX_IDS * SIZE_MAX_IDS)
#define OPS_MAX      128u

extern const uint8_t search_apids[SIZE_MAX_IDS], search_apqis[SIZE_MAX_IDS];
extern const char *const search_uuids[SIZE_MAX_IDS], *const search_guests[SIZE_MAX_IDS];

/* One thing to do: a write to an attribute below /sys, or a command. */
struct op {
    char text[160]; /* for people */
    char path[96], value[40];
    struct command cmd; /* without a path */
};

/* Whoever had a queue since it was last zeroized. */
enum user { USER_NONE, USER_HOST, USER_GUEST };

/* A core, and what the search remembers beside it. */
struct run {
    const struct world_size *size;
    struct core *core;
    struct effects fx;
    struct reply reply;
    uint8_t user[QUEUES_MAX]; /* enum user plus the number of the guest */
    uint32_t zeroized[QUEUES_MAX];
};

/* What is compared: small enough to be kept for each state. */
#define EXPORT_MAX 64
struct export
{
    uint8_t bytes[EXPORT_MAX];
};

unsigned ops_make(const struct world_size *size, struct op *ops);

void run_start(struct run *r, const struct world_size *size);
void run_end(struct run *r);
/* The result of the operation. */
int run_do(struct run *r, const struct op *op);
/* The state, the same for worlds that differ only by the names of alike things. */
struct export run_export(const struct run *r);
/* The same with the names as they are. */
struct export run_export_exact(const struct run *r);
/* NULL, or what is wrong with the state the run is in. */
const char *run_check(struct run *r);

#endif
