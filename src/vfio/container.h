/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_CONTAINER_H
#define APUS_VFIO_CONTAINER_H

#include "vfio/abi.h"
#include "vfio/ranges.h"

/* What /dev/vfio/vfio opens [vfio-container]: groups, and an IOMMU from SET_IOMMU until the last
 * group leaves. */
struct container {
    unsigned users;  /* its descriptor, and groups */
    unsigned groups; /* that are set to it */
    uint64_t type;   /* of the IOMMU; 0: none yet */
    bool dirty_tracking;
    struct ranges mappings;
};

void container_join(struct container *c);
void container_leave(struct container *c);
/* Frees it if nobody uses it. */
void container_put(struct container *c);
struct vfio_answer container_ioctl(struct container *c, const struct vfio_args *a);

/* The answer to IOMMU_GET_INFO, which iommufd has, too. capabilities: len bytes behind the
 * structure. */
struct vfio_answer mappings_info(const struct vfio_args *a, const void *capabilities, size_t len);

#endif
