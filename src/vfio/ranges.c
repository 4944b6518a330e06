/* SPDX-License-Identifier: MIT */
#include "vfio/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void ranges_done(struct ranges *r)
{
    free(r->v);
    *r = (struct ranges){0};
}

unsigned ranges_at(const struct ranges *r, uint64_t address)
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

int ranges_add(struct ranges *r, uint64_t first, uint64_t last)
{
    unsigned at = ranges_at(r, first);

    if (at < r->count && r->v[at].first <= last)
        return -EEXIST;
    if (r->count == RANGES_MAX)
        return -ENOSPC;
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 16;
        r->v = xrealloc(r->v, r->capacity * sizeof *r->v);
    }
    memmove(r->v + at + 1, r->v + at, (r->count - at) * sizeof *r->v);
    r->v[at] = (struct range){first, last};
    r->count++;
    return 0;
}

bool ranges_cut(const struct ranges *r, uint64_t first, uint64_t last)
{
    unsigned at = ranges_at(r, first), end = ranges_at(r, last);

    return (at < r->count && r->v[at].first < first) ||
           (end < r->count && r->v[end].first <= last && r->v[end].last > last);
}

uint64_t ranges_remove(struct ranges *r, uint64_t first, uint64_t last)
{
    unsigned from = ranges_at(r, first), to;
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

static uint64_t align_up(uint64_t address, uint64_t alignment)
{
    return (address + alignment - 1) / alignment * alignment;
}

bool ranges_free(const struct ranges *r, uint64_t length, uint64_t alignment, uint64_t *first)
{
    uint64_t at = 0;

    for (unsigned i = 0; i < r->count; i++) {
        if (at < r->v[i].first && r->v[i].first - at >= length)
            break;
        if (r->v[i].last > UINT64_MAX - alignment)
            return false;
        at = align_up(r->v[i].last + 1, alignment);
    }
    *first = at;
    return length - 1 <= UINT64_MAX - at;
}
