/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_IOMMUFD_H
#define APUS_VFIO_IOMMUFD_H

#include <sys/queue.h>

#include "vfio/abi.h"
#include "vfio/ioas.h"

/* What /dev/iommu opens [vfio-iommufd]: I/O address spaces (IOAS) and devices bound to it, which
 * share one count of numbers. */
struct iommu_object {
    LIST_ENTRY(iommu_object) link;
    uint32_t id;
    bool is_device;
    struct ioas space; /* otherwise */
};

#define IOMMUFD_OBJECTS_MAX 1024u

struct iommufd {
    unsigned users; /* its descriptor, devices, groups */
    LIST_HEAD(, iommu_object) objects;
    unsigned count;
    uint32_t last_id;
    uint32_t compat; /* the IOAS of the numbers of VFIO's container; 0: none */
    bool by_process; /* memory is charged to processes, not to users */
};

void iommufd_done(struct iommufd *f);
/* Frees it if nobody uses it. */
void iommufd_put(struct iommufd *f);

/* A device is bound: its number, or 0: there are too many objects. unbind: no more. */
uint32_t iommufd_bind(struct iommufd *f);
void iommufd_unbind(struct iommufd *f, uint32_t id);

/* A device that is attached to IOAS old (0: none) gets another: 0, -ENOENT: there is no such IOAS,
 * or -EADDRINUSE: its mappings do not suit. */
int iommufd_attach(struct iommufd *f, uint32_t old, uint32_t id);
void iommufd_detach(struct iommufd *f, uint32_t id);

/* A group is set to it in place of a container, which makes an IOAS for that. 0 or -ENOMEM. */
int iommufd_use_as_container(struct iommufd *f);
/* A device of that group is attached to that IOAS: 0 and its number, -ENODEV: nobody wants one any
 * more, or the errno of iommufd_attach. */
int iommufd_attach_compat(struct iommufd *f, uint32_t *ioas);

struct vfio_answer iommufd_ioctl(struct iommufd *f, const struct vfio_args *a);
/* Of them: the numbers of a container, for programs that know no other ones; s: the IOAS for these,
 * or NULL. And what needs hardware behind a device, which none of ours has. */
struct vfio_answer iommufd_compat_ioctl(struct ioas *s, const struct vfio_args *a);
int iommufd_without_hardware(const struct vfio_args *a);

#endif
