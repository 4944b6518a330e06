/* SPDX-License-Identifier: MIT */
#include "vfio/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "vfio/abi.h"

void ranges_done(struct ranges *r)
{
    free(r->v);
    *r = (struct ranges){0};
}

/* The first range that ends at or behind the address: a place in v, perhaps count. */
static unsigned at_or_behind(const struct ranges *r, uint64_t address)
{
    unsigned low = 0, high = r->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (r->v[middle].last < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool ranges_overlap(const struct ranges *r, uint64_t first, uint64_t last)
{
    unsigned at = at_or_behind(r, first);

    return at < r->count && r->v[at].first <= last;
}

int ranges_add(struct ranges *r, const struct range *new)
{
    unsigned at = at_or_behind(r, new->first);

    if (ranges_overlap(r, new->first, new->last))
        return -EEXIST;
    if (r->count == RANGES_MAX)
        return -ENOSPC;
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 16;
        r->v = xrealloc(r->v, r->capacity * sizeof *r->v);
    }
    memmove(r->v + at + 1, r->v + at, (r->count - at) * sizeof *r->v);
    r->v[at] = *new;
    r->count++;
    return 0;
}

struct range *ranges_find(struct ranges *r, uint64_t address)
{
    return ranges_overlap(r, address, address) ? &r->v[at_or_behind(r, address)] : NULL;
}

bool ranges_begin_before(struct ranges *r, uint64_t address)
{
    const struct range *in = ranges_find(r, address);

    return in && in->first < address;
}

bool ranges_end_behind(struct ranges *r, uint64_t address)
{
    const struct range *in = ranges_find(r, address);

    return in && in->last > address;
}

uint64_t ranges_remove(struct ranges *r, uint64_t first, uint64_t last)
{
    unsigned from = at_or_behind(r, first), to;
    uint64_t sum = 0;

    if (from < r->count && r->v[from].first < first)
        from++;
    for (to = from; to < r->count && r->v[to].last <= last; to++)
        sum += r->v[to].last - r->v[to].first + 1;
    if (to > from)
        memmove(r->v + from, r->v + to, (r->count - to) * sizeof *r->v);
    r->count -= to - from;
    return sum;
}

int ranges_split(struct ranges *r, struct range *one, uint64_t last)
{
    struct range second = *one;

    if (r->count == RANGES_MAX)
        return -ENOSPC;
    second.first = last + 1;
    second.offset = (uint16_t)((one->offset + (second.first - one->first)) % VFIO_PAGE);
    one->last = last;
    return ranges_add(r, &second);
}

/* Whether so much fits between *from and last; if so, *from becomes where. */
static bool fits(uint64_t *from, uint64_t last, uint64_t length, uint64_t alignment,
                 uint64_t offset)
{
    uint64_t first = *from + (alignment - 1);

    if (first < *from)
        return false;
    first = (first & ~(alignment - 1)) | offset;
    if (first >= last || last - first < length - 1)
        return false;
    *from = first;
    return true;
}

bool ranges_free(const struct ranges *r, uint64_t length, uint64_t alignment, uint64_t offset,
                 uint64_t *first)
{
    uint64_t at = VFIO_PAGE, end = UINT64_MAX - VFIO_PAGE;

    if (!fits(&at, end, length, alignment, offset))
        return false;
    for (unsigned i = at_or_behind(r, at); i < r->count && r->v[i].first <= end; i++) {
        if (r->v[i].first > at && fits(&at, r->v[i].first - 1, length, alignment, offset))
            break;
        at = r->v[i].last + 1;
        if (r->v[i].last >= end || !fits(&at, end, length, alignment, offset))
            return false;
    }
    *first = at;
    return true;
}
