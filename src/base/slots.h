/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_SLOTS_H
#define APUS_BASE_SLOTS_H

#include <stdint.h>

/*
 * Objects by a number that goes stale with them: generation 32 bits | slot 32 bits. The number of
 * an object that was removed names nothing; it comes back after 2^32 more objects in the same slot.
 * No number is 0.
 *
 * An object always gets the lowest free slot, so the numbers depend on nothing but the order of
 * calls: recordings hold them.
 */
struct slots {
    struct slot *v;
    uint64_t *free; /* a bit for each slot */
    uint32_t words; /* of free */
    uint32_t full;  /* words at the start without a free slot; there may be more */
    uint32_t count; /* objects */
};

/* All zero is an empty table; this frees it, and not the objects. */
void slots_done(struct slots *s);

/* object: not NULL. Returns its number. */
uint64_t slots_add(struct slots *s, void *object);

/* NULL: no such object, or none any more. */
void *slots_get(const struct slots *s, uint64_t id);

/* What is in a slot, of whichever generation. */
void *slots_at(const struct slots *s, uint32_t slot);

/* A stale number is ignored. */
void slots_remove(struct slots *s, uint64_t id);

/* The next object from slot *at on, which moves behind it; NULL: that was the last one. Objects may
 * be removed and added meanwhile. */
void *slots_next(const struct slots *s, uint32_t *at);

/* Usage: slots_foreach (&table, object) ... */
#define slots_foreach(s, object)                                                                   \
    for (uint32_t slots_at = 0; ((object) = slots_next((s), &slots_at));)

#endif
