/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_VFIO_RIG_H
#define APUS_TESTS_VFIO_RIG_H

#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "vfio/container.h"
#include "vfio/iommufd.h"

/* A container and an iommufd, and ioctls on them. */

static struct container *container;
static struct iommufd *iommufd;

static inline int set_up(void **state)
{
    container = calloc(1, sizeof *container);
    iommufd = calloc(1, sizeof *iommufd);
    container->users = 1;
    return 0;
}

static inline int tear_down(void **state)
{
    ranges_done(&container->mappings);
    free(container);
    iommufd_done(iommufd);
    free(iommufd);
    return 0;
}

/* The argument's memory holds len bytes and no more. */
static inline void read_for(struct vfio_args *a, const void *memory, size_t len)
{
    struct vfio_piece next;

    while (vfio_abi_wants(a, &next)) {
        size_t at = (size_t)(next.address - a->argument);

        if (at > len || next.len > len - at)
            a->fault = true;
        else
            vfio_abi_take(a, &next, (const uint8_t *)memory + at);
    }
}

static inline struct vfio_answer ask(enum vfio_kind kind, uint32_t number, uint64_t argument,
                                     const void *memory, size_t len)
{
    struct vfio_args a = {.kind = kind, .number = number, .argument = argument};

    read_for(&a, memory, len);
    return kind == VFIO_CONTAINER ? container_ioctl(container, &a) : iommufd_ioctl(iommufd, &a);
}

static inline int64_t value(enum vfio_kind kind, uint32_t number, uint64_t argument)
{
    return ask(kind, number, argument, NULL, 0).result;
}

#endif
