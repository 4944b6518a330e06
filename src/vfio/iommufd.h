/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_IOMMUFD_H
#define APUS_VFIO_IOMMUFD_H

#include <sys/queue.h>

#include "vfio/abi.h"
#include "vfio/ranges.h"

/* What /dev/iommu opens [vfio-iommufd]: I/O address spaces (IOAS) and devices bound to it, which
 * share one count of numbers. */
struct iommu_object {
    LIST_ENTRY(iommu_object) link;
    uint32_t id;
    bool is_device;
    unsigned attached; /* devices, to an IOAS */
    struct ranges mappings;
};

#define IOMMUFD_OBJECTS_MAX 1024u

struct iommufd {
    unsigned users; /* its descriptor, devices, groups */
    LIST_HEAD(, iommu_object) objects;
    unsigned count;
    uint32_t last_id;
    uint32_t compat; /* the IOAS of the numbers of VFIO's container; 0: none */
    bool huge_pages;
};

void iommufd_done(struct iommufd *f);
/* Frees it if nobody uses it. */
void iommufd_put(struct iommufd *f);

/* NULL: there is no such IOAS. */
struct iommu_object *iommufd_ioas(const struct iommufd *f, uint32_t id);

/* A device is bound: its number, or 0: there are too many objects. unbind: no more. */
uint32_t iommufd_bind(struct iommufd *f);
void iommufd_unbind(struct iommufd *f, uint32_t id);

/* A group is set to it in place of a container, which makes an IOAS for that. 0 or -ENOMEM. */
int iommufd_use_as_container(struct iommufd *f);

struct vfio_answer iommufd_ioctl(struct iommufd *f, const struct vfio_args *a);

#endif
