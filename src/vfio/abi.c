/* SPDX-License-Identifier: MIT */
#include "vfio/abi.h"

#include <errno.h>
#include <string.h>

#define AT(number) ((number)-IOMMU_DESTROY)

/* How much iommufd's ioctls take [vfio-iommufd]: what the oldest caller has, and all that this
 * kernel knows of. The older one leaves the rest 0. */
static const struct sizes {
    uint8_t least, all;
} iommufd_sizes[] = {
    [AT(IOMMU_DESTROY)] = {8, 8},
    [AT(IOMMU_IOAS_ALLOC)] = {12, 12},
    [AT(IOMMU_IOAS_ALLOW_IOVAS)] = {24, 24},
    [AT(IOMMU_IOAS_COPY)] = {40, 40},
    [AT(IOMMU_IOAS_IOVA_RANGES)] = {32, 32},
    [AT(IOMMU_IOAS_MAP)] = {40, 40},
    [AT(IOMMU_IOAS_UNMAP)] = {24, 24},
    [AT(IOMMU_OPTION)] = {24, 24},
    [AT(IOMMU_VFIO_IOAS)] = {12, 12},
    [AT(IOMMU_HWPT_ALLOC)] = {24, 48},
    [AT(IOMMU_GET_HW_INFO)] = {32, 40},
    [AT(IOMMU_HWPT_SET_DIRTY)] = {16, 16},
    [AT(IOMMU_HWPT_GET_DIRTY)] = {48, 48},
    [AT(IOMMU_HWPT_INVALIDATE)] = {32, 32},
    [AT(IOMMU_FAULT_QUEUE_ALLOC)] = {16, 16},
    [AT(IOMMU_IOAS_MAP_FILE)] = {40, 40},
    [AT(IOMMU_VIOMMU_ALLOC)] = {24, 40},
    [AT(IOMMU_VDEVICE_ALLOC)] = {24, 24},
    [AT(IOMMU_IOAS_CHANGE_PROCESS)] = {8, 8},
    [AT(IOMMU_VEVENTQ_ALLOC)] = {28, 32},
    [AT(IOMMU_HW_QUEUE_ALLOC)] = {40, 40},
};

static size_t compat_len(uint32_t number)
{
    switch (number) {
    case VFIO_IOMMU_GET_INFO:
        return 16;
    case VFIO_IOMMU_MAP_DMA:
        return sizeof(struct vfio_dma_map);
    case VFIO_IOMMU_UNMAP_DMA:
        return sizeof(struct vfio_dma_unmap);
    default:
        return 0;
    }
}

/* A structure that may grow with the kernel: 0 if it cannot. */
static struct sizes sizes_of(const struct vfio_args *a)
{
    if (a->kind == VFIO_IOMMUFD && a->number >= IOMMU_DESTROY && a->number <= IOMMU_HW_QUEUE_ALLOC)
        return iommufd_sizes[AT(a->number)];
    if ((a->kind == VFIO_CDEV || a->kind == VFIO_DEVICE) && a->number == VFIO_DEVICE_BIND_IOMMUFD)
        return (struct sizes){sizeof(struct vfio_bind), 24};
    return (struct sizes){0};
}

static size_t device_len(uint32_t number)
{
    switch (number) {
    case VFIO_DEVICE_GET_INFO:
    case VFIO_DEVICE_GET_IRQ_INFO:
        return 16;
    case VFIO_DEVICE_SET_IRQS:
        return VFIO_IRQ_SET_HEADER;
    case VFIO_DEVICE_FEATURE:
    case VFIO_DEVICE_DETACH_PT:
        return 8;
    case VFIO_DEVICE_ATTACH_PT:
        return sizeof(struct vfio_attach);
    default:
        return 0;
    }
}

static size_t container_len(uint32_t number)
{
    return number == VFIO_IOMMU_DIRTY_PAGES ? sizeof(struct vfio_dirty) : compat_len(number);
}

static size_t group_len(uint32_t number)
{
    if (number == VFIO_GROUP_GET_STATUS)
        return sizeof(struct vfio_group_status);
    return number == VFIO_GROUP_SET_CONTAINER ? sizeof(int32_t) : 0;
}

/* Of the fixed part. */
static size_t struct_len(const struct vfio_args *a)
{
    switch (a->kind) {
    case VFIO_CONTAINER:
        return container_len(a->number);
    case VFIO_GROUP:
        return group_len(a->number);
    case VFIO_CDEV:
        return 0;
    case VFIO_DEVICE:
        return device_len(a->number);
    default:
        return compat_len(a->number);
    }
}

bool vfio_irq_set_valid(const struct vfio_irq_set *set)
{
    return !(set->flags & ~VFIO_IRQ_SET_FLAGS) && set->flags & VFIO_IRQ_SET_TRIGGER &&
           (set->flags & 7u) == VFIO_IRQ_SET_EVENTFD && set->index < VFIO_IRQS && set->start == 0 &&
           set->count <= 1 && set->argsz >= VFIO_IRQ_SET_HEADER + sizeof set->fd * set->count;
}

/* The header of SET_IRQS allows a descriptor behind it: the kernel reads it in spite of count 0. */
static bool irq_set_has_fd(const struct vfio_args *a)
{
    struct vfio_irq_set set;

    memcpy(&set, a->bytes, VFIO_IRQ_SET_HEADER);
    return vfio_irq_set_valid(&set);
}

/* To the end of a page at most: a name that ends before it need not have another one behind it. */
static bool wants_name(const struct vfio_args *a, struct vfio_piece *next)
{
    size_t to_end = VFIO_PAGE - (size_t)((a->argument + a->len) % VFIO_PAGE);

    if (a->len == VFIO_NAME_MAX || memchr(a->bytes, '\0', a->len))
        return false;
    next->len = VFIO_NAME_MAX - a->len < to_end ? VFIO_NAME_MAX - a->len : to_end;
    return true;
}

/* First the size, then as much of the structure as there is, then what is behind it. */
static bool wants_sized(const struct vfio_args *a, struct sizes sizes, struct vfio_piece *next)
{
    size_t all = sizes.all;
    uint32_t size;

    next->len = sizeof size;
    if (a->len < sizeof size)
        return true;
    memcpy(&size, a->bytes, sizeof size);
    if (size < sizes.least || size > VFIO_EXCESS_MAX || a->excess)
        return false;
    if (size < all)
        all = size;
    if (a->len < all) {
        next->len = all - a->len;
        return true;
    }
    next->address += a->checked;
    next->len = size - all - a->checked;
    if (next->len > VFIO_PAGE)
        next->len = VFIO_PAGE;
    next->zero = true;
    return next->len > 0;
}

bool vfio_abi_wants(const struct vfio_args *a, struct vfio_piece *next)
{
    size_t fixed = struct_len(a);

    *next = (struct vfio_piece){.address = a->argument + a->len};
    if (a->fault)
        return false;
    if (a->kind == VFIO_GROUP && a->number == VFIO_GROUP_GET_DEVICE_FD)
        return wants_name(a, next);
    if (sizes_of(a).all)
        return wants_sized(a, sizes_of(a), next);
    if (a->len < fixed) {
        next->len = fixed;
        return true;
    }
    next->len = sizeof(int32_t);
    return a->kind == VFIO_DEVICE && a->number == VFIO_DEVICE_SET_IRQS && a->len == fixed &&
           irq_set_has_fd(a);
}

void vfio_abi_take(struct vfio_args *a, const struct vfio_piece *piece, const uint8_t *bytes)
{
    if (!piece->zero) {
        memcpy(a->bytes + a->len, bytes, piece->len);
        a->len += piece->len;
        return;
    }
    for (size_t i = 0; i < piece->len; i++)
        a->excess |= bytes[i] != 0;
    a->checked += piece->len;
}

bool vfio_abi_struct(const struct vfio_args *a, void *out, size_t len)
{
    if (a->len < len)
        return false;
    memcpy(out, a->bytes, len);
    return true;
}

int vfio_abi_bind(const struct vfio_args *a, struct vfio_bind *out)
{
    uint32_t size;

    if (!vfio_abi_struct(a, &size, sizeof size) || a->fault)
        return -EFAULT;
    if (size < sizeof *out)
        return -EINVAL;
    if (a->excess || size > VFIO_EXCESS_MAX)
        return -E2BIG;
    vfio_abi_struct(a, out, sizeof *out);
    return 0;
}

int vfio_abi_name(const struct vfio_args *a, const char **out)
{
    *out = (const char *)a->bytes;
    if (memchr(a->bytes, '\0', a->len))
        return 0;
    return a->len == VFIO_NAME_MAX ? -EINVAL : -EFAULT;
}

struct vfio_answer vfio_result(int64_t result)
{
    return (struct vfio_answer){.result = result};
}

struct vfio_answer vfio_give(const void *bytes, size_t len)
{
    struct vfio_answer a = {.len = len};

    memcpy(a.bytes, bytes, len);
    return a;
}
