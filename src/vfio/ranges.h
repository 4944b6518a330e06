/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_RANGES_H
#define APUS_VFIO_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The mappings of an IOMMU: ranges of I/O addresses that do not overlap, in order. Nothing is
 * pinned or translated: an adapter of a mediated matrix device has no DMA of the host's kind. */
#define RANGES_MAX 65535u

struct range {
    uint64_t first, last;
};

struct ranges {
    struct range *v;
    unsigned count, capacity;
};

void ranges_done(struct ranges *r);

/* The first range that ends at or behind the address: a place in v, perhaps count. */
unsigned ranges_at(const struct ranges *r, uint64_t address);

/* -EEXIST: it overlaps another one; -ENOSPC: there are RANGES_MAX of them. */
int ranges_add(struct ranges *r, uint64_t first, uint64_t last);

/* Whether first or last lies within a range that does not begin or end there. */
bool ranges_cut(const struct ranges *r, uint64_t first, uint64_t last);

/* Removes the ranges within [first, last]; the sum of their lengths, which 2^64 makes 0. */
uint64_t ranges_remove(struct ranges *r, uint64_t first, uint64_t last);

/* The lowest free range of that length with first % alignment == 0. False: there is none. */
bool ranges_free(const struct ranges *r, uint64_t length, uint64_t alignment, uint64_t *first);

#endif
