/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "vfio/container.h"
#include "vfio/iommufd.h"

/* An iommufd in place of a container [vfio-iommufd]. What is wrong with the argument comes first,
 * then that there is no address space. */

#define MAP_FLAGS 3u /* read, write; also none of them */

/* Unlike a container it always tells how much room all takes. */
static struct vfio_answer get_info(const struct ioas *s, const struct vfio_args *a)
{
    static const struct {
        struct vfio_dma_available available;
        struct vfio_iova_range range;
    } capabilities = {
        .available = {.header = {VFIO_DMA_AVAILABLE, 1,
                                 sizeof(struct vfio_iommu_info) +
                                     sizeof(struct vfio_dma_available)},
                      .mappings = UINT32_MAX},
        .range = {.header = {VFIO_IOVA_RANGES, 1, 0}, .count = 1, .last = UINT64_MAX},
    };
    const uint32_t all = sizeof(struct vfio_iommu_info) + sizeof capabilities;
    struct vfio_answer answer = mappings_info(a, &capabilities, sizeof capabilities);

    if (answer.result < 0)
        return answer;
    memcpy(answer.bytes, &all, sizeof all);
    return s ? answer : vfio_result(-ENODEV);
}

static int map_dma(struct ioas *s, const struct vfio_args *a)
{
    struct vfio_dma_map map;

    if (!vfio_abi_struct(a, &map, sizeof map))
        return -EFAULT;
    if (map.argsz < sizeof map || map.flags & ~MAP_FLAGS)
        return -EINVAL;
    return s ? ioas_map(s, &(struct ioas_memory){map.vaddr, map.size}, &map.iova) : -ENODEV;
}

/* What was mapped in one piece goes in pieces where huge pages are off. */
static int cut(struct ioas *s, const struct vfio_dma_unmap *unmap)
{
    int rc = s->small_pages ? ioas_cut(s, unmap->iova + unmap->size - 1) : 0;

    return rc == 0 && s->small_pages && unmap->iova ? ioas_cut(s, unmap->iova - 1) : rc;
}

static struct vfio_answer unmap_dma(struct ioas *s, const struct vfio_args *a)
{
    struct vfio_dma_unmap unmap;
    struct vfio_answer answer;
    uint64_t unmapped;
    int rc;

    if (!vfio_abi_struct(a, &unmap, sizeof unmap))
        return vfio_result(-EFAULT);
    if (unmap.argsz < sizeof unmap || unmap.flags & ~VFIO_UNMAP_FLAG_ALL)
        return vfio_result(-EINVAL);
    if (!s)
        return vfio_result(-ENODEV);
    if (unmap.flags && (unmap.iova || unmap.size))
        return vfio_result(-EINVAL);
    rc = unmap.flags ? 0 : cut(s, &unmap);
    if (rc < 0)
        return vfio_result(rc);
    if (unmap.flags)
        unmapped = ioas_unmap_all(s);
    else
        rc = ioas_unmap(s, unmap.iova, unmap.size, &unmapped);
    unmap.size = unmapped;
    answer = vfio_give(&unmap, sizeof unmap);
    answer.result = rc;
    return answer;
}

/* The first version of the type unmaps in the middle of a mapping. */
static int set_iommu(struct ioas *s, uint64_t type)
{
    if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
        return -EINVAL;
    if (!s)
        return -ENODEV;
    return type == VFIO_TYPE1_IOMMU ? ioas_use_small_pages(s) : 0;
}

static int check_extension(const struct ioas *s, uint64_t extension)
{
    if (extension == VFIO_DMA_CC_IOMMU)
        return s ? 1 : -ENODEV;
    return extension == VFIO_TYPE1_IOMMU || extension == VFIO_TYPE1v2_IOMMU ||
           extension == VFIO_UNMAP_ALL;
}

struct vfio_answer iommufd_compat_ioctl(struct ioas *s, const struct vfio_args *a)
{
    switch (a->number) {
    case VFIO_GET_API_VERSION:
        return vfio_result(0);
    case VFIO_CHECK_EXTENSION:
        return vfio_result(check_extension(s, a->argument));
    case VFIO_SET_IOMMU:
        return vfio_result(set_iommu(s, a->argument));
    case VFIO_IOMMU_GET_INFO:
        return get_info(s, a);
    case VFIO_IOMMU_MAP_DMA:
        return vfio_result(map_dma(s, a));
    case VFIO_IOMMU_UNMAP_DMA:
        return unmap_dma(s, a);
    default:
        return vfio_result(-ENOTTY);
    }
}
