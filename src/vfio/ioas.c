/* SPDX-License-Identifier: MIT */
#include "vfio/ioas.h"

#include <errno.h>

#include "vfio/abi.h"

#define HUGE_PAGE UINT64_C(0x100000)

uint64_t ioas_alignment(const struct ioas *s)
{
    return s->attached || s->small_pages ? VFIO_PAGE : 1;
}

static uint64_t power_of_two_from(uint64_t value)
{
    uint64_t power = 1;

    while (power < value)
        power *= 2;
    return power;
}

/* That of the memory, so that huge pages stay such. */
static uint64_t alignment_for(const struct ioas_memory *memory)
{
    uint64_t alignment = power_of_two_from(memory->length);
    uint64_t lowest_bit = memory->address & -memory->address;

    if (lowest_bit && lowest_bit < alignment)
        alignment = lowest_bit;
    return alignment < HUGE_PAGE ? alignment : HUGE_PAGE;
}

static int choose(const struct ioas *s, const struct ioas_memory *memory, uint64_t *iova)
{
    uint64_t alignment;

    if (memory->length >= UINT64_MAX / 2)
        return -EOVERFLOW;
    alignment = alignment_for(memory);
    if (alignment < ioas_alignment(s))
        return -EINVAL;
    return ranges_free(&s->mappings, memory->length, alignment, memory->address % VFIO_PAGE, iova)
               ? 0
               : -ENOSPC;
}

static int check_memory(const struct ioas *s, const struct ioas_memory *memory)
{
    uint64_t end = memory->address + memory->length - memory->file;

    if (memory->length && end < memory->address)
        return -EOVERFLOW;
    if (!memory->length || memory->length > UINT64_MAX - VFIO_PAGE ||
        memory->length % ioas_alignment(s))
        return -EINVAL;
    return 0;
}

int ioas_map(struct ioas *s, const struct ioas_memory *memory, uint64_t *iova)
{
    struct range new = {.offset = memory->address % VFIO_PAGE, .file = memory->file};
    int rc = check_memory(s, memory);

    if (rc == 0 && memory->choose)
        rc = choose(s, memory, iova);
    if (rc < 0)
        return rc;
    new.first = *iova;
    new.last = *iova + memory->length - 1;
    if (new.first % ioas_alignment(s))
        return -EINVAL;
    if (new.last < new.first)
        return -EOVERFLOW;
    if (ranges_overlap(&s->mappings, new.first, new.last))
        return -EEXIST;
    return new.offset % ioas_alignment(s) ? -EINVAL : ranges_add(&s->mappings, &new);
}

int ioas_unmap(struct ioas *s, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
    uint64_t last = iova + length - 1;

    *unmapped = 0;
    if (!length)
        return -EINVAL;
    if (last < iova)
        return -EOVERFLOW;
    if (ranges_begin_before(&s->mappings, iova))
        return -ENOENT;
    *unmapped = ranges_remove(&s->mappings, iova, last);
    /* What would be cut is left of all that was there. */
    return ranges_overlap(&s->mappings, iova, last) ? -ENOENT : 0;
}

uint64_t ioas_unmap_all(struct ioas *s)
{
    return ranges_remove(&s->mappings, 0, UINT64_MAX);
}

int ioas_cut(struct ioas *s, uint64_t last)
{
    struct range *r = ranges_find(&s->mappings, last);

    if (!r || last == r->first || last == r->last)
        return 0;
    if ((last + 1) % ioas_alignment(s) || r->offset % ioas_alignment(s))
        return -EINVAL;
    return ranges_split(&s->mappings, r, last);
}

static bool has_whole_pages(const struct ioas *s)
{
    for (unsigned i = 0; i < s->mappings.count; i++) {
        const struct range *r = &s->mappings.v[i];

        if (r->first % VFIO_PAGE || (r->last + 1) % VFIO_PAGE || r->offset)
            return false;
    }
    return true;
}

int ioas_attach(struct ioas *s)
{
    if (!has_whole_pages(s))
        return -EADDRINUSE;
    s->attached++;
    return 0;
}

int ioas_use_small_pages(struct ioas *s)
{
    if (!has_whole_pages(s))
        return -EADDRINUSE;
    s->small_pages = true;
    return 0;
}
