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
    unsigned overrides; /* queues that have one at the same time, at most */
    bool lpar;          /* the Support Element changes the LPAR, too */
    bool waits;         /* the removal of a device waits for its guest */
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
    bool overrides;     /* makes an override */
    struct command cmd; /* without a path, but for its token */
};

enum user { USER_NONE, USER_HOST, USER_GUEST };

/* What counts of a state. Adapters and domains of the small machine are a product: bits 0 and 1, 2
 * and 3. */
struct facts {
    uint8_t masks, lpar;
    uint8_t adapters[SIZE_MAX_IDS]; /* online, in the LPAR, device */
    struct queue_facts {
        uint8_t device, driver, override; /* of the last two the first letter, or 0 */
        bool due;                         /* to be zeroized */
        uint32_t zeroized;                /* how often it was; counts for no state */
    } queues[QUEUES_MAX];
    struct device_facts {
        bool there, removing, stale;
        uint8_t assigned, effective;
        uint8_t guest; /* number plus 1 */
    } devices[SIZE_MAX_IDS];
    struct guest_facts {
        bool there;
        uint8_t device; /* number plus 1 */
        uint8_t product;
    } guests[SIZE_MAX_IDS];
};

/* A core, and what the search remembers beside it. It lies in the arena, with all that it has. */
struct run {
    const struct world_size *size;
    struct core *core;
    struct effects fx;
    struct reply reply;
    struct facts facts;
};

/* What is compared: small enough to be kept for each state. */
#define EXPORT_MAX 28
struct export
{
    uint8_t bytes[EXPORT_MAX];
};

unsigned ops_make(const struct world_size *size, struct op *ops);

/* The only one, in its first state. */
struct run *run_start(const struct world_size *size);
/* Whether the operation belongs to what is searched in this state. */
bool run_allows(const struct run *r, const struct op *op);
/* The result of the operation. */
int run_do(struct run *r, const struct op *op);
/* NULL, or what is wrong with the state the run is in now. Always to be called after run_do. */
const char *run_check(struct run *r);
/* The state, the same for worlds that differ only by the names of alike things. */
struct export run_export(const struct run *r);
/* The same with the names as they are. */
struct export run_export_exact(const struct run *r);

#endif
