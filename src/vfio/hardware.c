/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "vfio/iommufd.h"

/*
 * Page tables and what else an IOMMU of hardware has [vfio-iommufd]. A mediated device is not
 * behind one, so whatever number such an ioctl names does not exist; a malformed one hears of that
 * first. Fields are words of the structure, 0 where the caller's one ends.
 */

#define WORDS       12
#define DEPTH_MAX   (UINT32_C(1) << 19)
#define ENTRIES_MAX (UINT32_C(1) << 19)

static int invalidate(const uint32_t w[WORDS])
{
    bool bad = !(w[2] | w[3]) || !w[5] || w[5] > VFIO_PAGE || w[6] > ENTRIES_MAX;

    if (w[7])
        return -EOPNOTSUPP;
    return w[6] && bad ? -EINVAL : -ENOENT;
}

static int hw_queue(const uint32_t w[WORDS])
{
    uint64_t address, length;

    memcpy(&address, w + 6, sizeof address);
    memcpy(&length, w + 8, sizeof length);
    if (w[1] || !w[3])
        return -EOPNOTSUPP;
    if (!length)
        return -EINVAL;
    return address + length - 1 < address ? -EOVERFLOW : -ENOENT;
}

int iommufd_without_hardware(const struct vfio_args *a)
{
    uint32_t w[WORDS];

    memcpy(w, a->bytes, sizeof w);
    switch (a->number) {
    case IOMMU_HWPT_ALLOC: /* 5 reserved, 6 type of data, 7 length of data */
        if (w[5])
            return -EOPNOTSUPP;
        return !w[6] == !w[7] ? -ENOENT : -EINVAL;
    case IOMMU_GET_HW_INFO: /* 1 flags, bytes 29 to 31 reserved */
        return w[1] & ~1u || a->bytes[29] || a->bytes[30] || a->bytes[31] ? -EOPNOTSUPP : -ENOENT;
    case IOMMU_HWPT_SET_DIRTY: /* 1 flags */
        return w[1] & ~1u ? -EOPNOTSUPP : -ENOENT;
    case IOMMU_HWPT_GET_DIRTY: /* 2 flags, 3 reserved */
        return w[2] & ~1u || w[3] ? -EOPNOTSUPP : -ENOENT;
    case IOMMU_HWPT_INVALIDATE: /* 2 and 3 address, 5 length, 6 count of entries, 7 reserved */
        return invalidate(w);
    case IOMMU_VIOMMU_ALLOC: /* 1 flags, 2 type */
        return w[1] || !w[2] ? -EOPNOTSUPP : -ENOENT;
    case IOMMU_VDEVICE_ALLOC:
        return -ENOENT;
    case IOMMU_VEVENTQ_ALLOC: /* 1 flags, 3 type, 4 depth, 7 reserved */
        if (w[1] || !w[3] || w[7])
            return -EOPNOTSUPP;
        return w[4] && w[4] <= DEPTH_MAX ? -ENOENT : -EINVAL;
    case IOMMU_HW_QUEUE_ALLOC: /* 1 flags, 3 type, 6 address, 8 length */
        return hw_queue(w);
    default:
        return -EOPNOTSUPP; /* not in the model: COPY, ALLOW_IOVAS, queues of faults */
    }
}
