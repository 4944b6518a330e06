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
    uint16_t offset; /* of its memory within a page */
    bool file;       /* its memory is a file's */
};

struct ranges {
    struct range *v;
    unsigned count, capacity;
};

void ranges_done(struct ranges *r);

/* -EEXIST: it overlaps another one; -ENOSPC: there are RANGES_MAX of them. */
int ranges_add(struct ranges *r, const struct range *new);

/* The range that the address is in, or NULL. */
struct range *ranges_find(struct ranges *r, uint64_t address);

/* Whether the address is within a range, and is not its first. */
bool ranges_begin_before(struct ranges *r, uint64_t address);
/* Whether the address is within a range, and is not its last. */
bool ranges_end_behind(struct ranges *r, uint64_t address);
/* Whether something is in [first, last]. */
bool ranges_overlap(const struct ranges *r, uint64_t first, uint64_t last);

/* Removes the ranges within [first, last]; the sum of their lengths, which 2^64 makes 0. */
uint64_t ranges_remove(struct ranges *r, uint64_t first, uint64_t last);

/* Makes one of r two: the first of them ends with last. 0 or -ENOSPC. */
int ranges_split(struct ranges *r, struct range *one, uint64_t last);

/* The lowest free range of that length, from the second page on, that begins at a multiple of
 * alignment plus the offset in a page. False: there is none. */
bool ranges_free(const struct ranges *r, uint64_t length, uint64_t alignment, uint64_t offset,
                 uint64_t *first);

#endif
