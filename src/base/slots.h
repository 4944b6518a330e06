/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_SLOTS_H
#define APUS_BASE_SLOTS_H

#include <stdint.h>

/*
 * A table of objects by id: generation 32 bits | slot 32 bits. The id of a removed object is stale
 * and refers to nothing, until its slot was reused 2^32 times. No id is 0.
 *
 * An object always gets the lowest free slot. So ids depend only on the order of calls, which
 * matters because recordings contain them.
 */
struct slots {
    struct slot *v;
    uint64_t *free; /* bitmap: free slots */
    uint32_t words; /* length of free */
    uint32_t full;  /* leading words known to have no free slot */
    uint32_t count; /* objects */
};

/* All zero is an empty table. Frees the table, not the objects. */
void slots_done(struct slots *s);

/* object must not be NULL. Returns its id. */
uint64_t slots_add(struct slots *s, void *object);

/* The same for a slot that has to be free. */
uint64_t slots_add_at(struct slots *s, uint32_t slot, void *object);

/* NULL: no such object, or a stale id. */
void *slots_get(const struct slots *s, uint64_t id);

/* The object in a slot, of any generation; NULL: none. */
void *slots_at(const struct slots *s, uint32_t slot);

/* A stale id is ignored. */
void slots_remove(struct slots *s, uint64_t id);

/* The next object at or after slot *at, which is advanced past it; NULL: no more. Objects may be
 * added and removed during the iteration. */
void *slots_next(const struct slots *s, uint32_t *at);

/* Usage: slots_foreach (&table, object) ... */
#define slots_foreach(s, object)                                                                   \
    for (uint32_t slots_at = 0; ((object) = slots_next((s), &slots_at));)

#endif
