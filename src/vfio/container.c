/* SPDX-License-Identifier: MIT */
#include "vfio/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAP_READ    1u
#define MAP_WRITE   2u
#define UNMAP_VADDR 4u
#define DIRTY_START 1u
#define DIRTY_STOP  2u
#define INFO_FLAGS  3u /* page sizes, capabilities */
#define PAGE_SIZES  UINT64_C(0xfffffffffffff000)

void container_join(struct container *c)
{
    c->users++;
    c->groups++;
}

void container_leave(struct container *c)
{
    c->users--;
    if (--c->groups)
        return;
    c->type = 0;
    c->dirty_tracking = false;
    ranges_done(&c->mappings);
}

void container_put(struct container *c)
{
    if (c->users)
        return;
    ranges_done(&c->mappings);
    free(c);
}

/* The caller learns how much room it takes before it gets everything. */
struct vfio_answer mappings_info(const struct vfio_args *a, const void *capabilities, size_t len)
{
    struct vfio_iommu_info info = {.flags = INFO_FLAGS, .page_sizes = PAGE_SIZES};
    struct vfio_answer answer;
    uint32_t argsz;

    if (!vfio_abi_struct(a, &argsz, sizeof argsz))
        return vfio_result(-EFAULT);
    if (argsz < offsetof(struct vfio_iommu_info, capabilities))
        return vfio_result(-EINVAL);
    info.argsz = argsz < sizeof info + len ? (uint32_t)(sizeof info + len) : argsz;
    info.capabilities = argsz < info.argsz ? 0 : sizeof info;
    answer = vfio_give(&info, argsz < sizeof info ? argsz : sizeof info);
    if (info.capabilities) {
        memcpy(answer.bytes + sizeof info, capabilities, len);
        answer.len = sizeof info + len;
    }
    return answer;
}

static struct vfio_answer get_info(const struct container *c, const struct vfio_args *a)
{
    const struct {
        struct vfio_migration migration;
        struct vfio_dma_available available;
    } capabilities = {
        .migration = {.header = {VFIO_MIGRATION, 1,
                                 sizeof(struct vfio_iommu_info) + sizeof(struct vfio_migration)},
                      .page_size = VFIO_PAGE,
                      .bitmap_max = 0x10000000},
        .available = {.header = {VFIO_DMA_AVAILABLE, 1, 0},
                      .mappings = RANGES_MAX - c->mappings.count},
    };

    return mappings_info(a, &capabilities, sizeof capabilities);
}

static bool is_aligned(uint64_t value)
{
    return value % VFIO_PAGE == 0;
}

static struct vfio_answer map_dma(struct container *c, const struct vfio_args *a)
{
    struct vfio_dma_map map;

    if (!vfio_abi_struct(a, &map, sizeof map))
        return vfio_result(-EFAULT);
    if (map.argsz < sizeof map || map.flags & ~(MAP_READ | MAP_WRITE) || !map.flags || !map.size ||
        !is_aligned(map.size) || !is_aligned(map.iova) || !is_aligned(map.vaddr))
        return vfio_result(-EINVAL);
    if (map.iova + map.size - 1 < map.iova || map.vaddr + map.size - 1 < map.vaddr)
        return vfio_result(-EOVERFLOW);
    return vfio_result(
        ranges_add(&c->mappings, &(struct range){map.iova, map.iova + map.size - 1}));
}

/* Version 1 removes what begins in the range, nothing if something is there that begins before;
 * version 2 cuts nothing. */
static struct vfio_answer unmap_range(struct container *c, struct vfio_dma_unmap *unmap)
{
    uint64_t last = unmap->iova + unmap->size - 1;
    bool begins_before = ranges_begin_before(&c->mappings, unmap->iova);
    bool ends_behind = ranges_end_behind(&c->mappings, last);

    if (c->type == VFIO_TYPE1v2_IOMMU && (begins_before || ends_behind))
        return vfio_result(-EINVAL);
    if (ends_behind)
        last = ranges_find(&c->mappings, last)->last;
    unmap->size = begins_before ? 0 : ranges_remove(&c->mappings, unmap->iova, last);
    return vfio_give(unmap, sizeof *unmap);
}

static struct vfio_answer unmap_dma(struct container *c, const struct vfio_args *a)
{
    struct vfio_dma_unmap unmap;

    if (!vfio_abi_struct(a, &unmap, sizeof unmap))
        return vfio_result(-EFAULT);
    /* No page is pinned and none is dirty: who asks for a bitmap gets none. */
    if (unmap.argsz < sizeof unmap || unmap.flags & ~(VFIO_UNMAP_FLAG_ALL | UNMAP_VADDR))
        return vfio_result(-EINVAL);
    if (unmap.flags & UNMAP_VADDR)
        return vfio_result(-EBUSY);
    if (unmap.flags & VFIO_UNMAP_FLAG_ALL) {
        if (unmap.iova || unmap.size)
            return vfio_result(-EINVAL);
        unmap.size = ranges_remove(&c->mappings, 0, UINT64_MAX);
        return vfio_give(&unmap, sizeof unmap);
    }
    if (!unmap.size || !is_aligned(unmap.size) || !is_aligned(unmap.iova))
        return vfio_result(-EINVAL);
    if (unmap.iova + unmap.size - 1 < unmap.iova)
        return vfio_result(-EOVERFLOW);
    return unmap_range(c, &unmap);
}

static struct vfio_answer dirty_pages(struct container *c, const struct vfio_args *a)
{
    struct vfio_dirty dirty;

    if (!vfio_abi_struct(a, &dirty, sizeof dirty))
        return vfio_result(-EFAULT);
    if (dirty.argsz < sizeof dirty || (dirty.flags != DIRTY_START && dirty.flags != DIRTY_STOP))
        return vfio_result(-EINVAL);
    c->dirty_tracking = dirty.flags == DIRTY_START;
    return vfio_result(0);
}

static bool has_extension(const struct container *c, uint64_t extension)
{
    return extension == VFIO_TYPE1_IOMMU || extension == VFIO_TYPE1v2_IOMMU ||
           extension == VFIO_UNMAP_ALL || (c->type && extension == VFIO_DMA_CC_IOMMU);
}

static struct vfio_answer set_iommu(struct container *c, uint64_t type)
{
    if (!c->groups || c->type)
        return vfio_result(-EINVAL);
    if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
        return vfio_result(-ENODEV);
    c->type = type;
    return vfio_result(0);
}

struct vfio_answer container_ioctl(struct container *c, const struct vfio_args *a)
{
    switch (a->number) {
    case VFIO_GET_API_VERSION:
        return vfio_result(0);
    case VFIO_CHECK_EXTENSION:
        return vfio_result(has_extension(c, a->argument));
    case VFIO_SET_IOMMU:
        return set_iommu(c, a->argument);
    }
    if (!c->type)
        return vfio_result(-EINVAL);
    switch (a->number) {
    case VFIO_IOMMU_GET_INFO:
        return get_info(c, a);
    case VFIO_IOMMU_MAP_DMA:
        return map_dma(c, a);
    case VFIO_IOMMU_UNMAP_DMA:
        return unmap_dma(c, a);
    case VFIO_IOMMU_DIRTY_PAGES:
        return dirty_pages(c, a);
    default:
        return vfio_result(-ENOTTY);
    }
}
