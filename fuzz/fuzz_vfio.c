/* SPDX-License-Identifier: MIT */
/* ioctls of a container and of an iommufd that keep their state: each is a byte for the kind, one
 * for the number, one for the argument's alignment, one for the length of the memory that can be
 * read. */
#include <errno.h>
#include <string.h>

#include "vfio/container.h"
#include "vfio/iommufd.h"

#include "fuzz.h"

#define ADDRESS 0x10000u

/* What the daemon does with memory: pieces, until all is read or nothing more is there. */
static void take(struct vfio_args *a, const uint8_t *memory, size_t len)
{
    static const uint8_t zero[VFIO_PAGE];
    struct vfio_piece next;
    unsigned pieces = 0;

    while (vfio_abi_wants(a, &next)) {
        size_t at = (size_t)(next.address - a->argument);

        fuzz_check(next.len > 0 && next.len <= VFIO_PAGE && ++pieces < 64);
        fuzz_check(next.zero || a->len + next.len <= sizeof a->bytes);
        if (next.zero && at >= len)
            vfio_abi_take(a, &next, zero);
        else if (at > len || next.len > len - at)
            a->fault = true;
        else
            vfio_abi_take(a, &next, memory + at);
    }
}

/* Two errors come with an answer: ranges do not all fit, so much was unmapped before. */
static bool may_come_with_error(const struct vfio_args *a, int64_t result)
{
    return result == -EMSGSIZE || (a->kind == VFIO_IOMMUFD && a->number == VFIO_IOMMU_UNMAP_DMA);
}

static void check_answer(const struct vfio_args *a, const struct vfio_answer *answer)
{
    fuzz_check(answer->result >= -4095);
    fuzz_check(answer->len <= sizeof answer->bytes);
    fuzz_check(answer->result >= 0 || !answer->len || may_come_with_error(a, answer->result));
}

static void check_order(const struct ranges *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        fuzz_check(r->v[i].first <= r->v[i].last);
        fuzz_check(i == 0 || r->v[i - 1].last < r->v[i].first);
    }
}

static void ask(struct container *c, struct iommufd *f, struct vfio_args *a)
{
    struct vfio_answer answer = {0};
    const char *name;

    if (a->kind == VFIO_CONTAINER)
        answer = container_ioctl(c, a);
    else if (a->kind == VFIO_IOMMUFD)
        answer = iommufd_ioctl(f, a);
    else
        vfio_abi_name(a, &name);
    check_answer(a, &answer);
    check_order(&c->mappings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct container c = {.users = 1};
    struct iommufd f = {.users = 1};
    struct vfio_args *a = malloc(sizeof *a);

    container_join(&c);
    while (size >= 4) {
        size_t len = data[3] < size - 4 ? data[3] : size - 4;

        memset(a, 0, sizeof *a);
        a->kind = data[0] % VFIO_KINDS;
        a->number = 0x3b00u | data[1];
        a->argument = data[2] & 0x80 ? data[2] & 0x7f : ADDRESS + data[2];
        take(a, data + 4, len);
        ask(&c, &f, a);
        data += 4 + len;
        size -= 4 + len;
    }
    container_leave(&c);
    ranges_done(&c.mappings);
    iommufd_done(&f);
    free(a);
    return 0;
}
