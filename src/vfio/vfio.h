/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_VFIO_H
#define APUS_VFIO_VFIO_H

#include <systemd/sd-event.h>

#include "core/core.h"
#include "ioctl/caller.h"
#include "vfio/abi.h"

/*
 * VFIO and iommufd for programs: /dev/vfio/vfio, /dev/vfio/N, /dev/vfio/devices/vfioN, /dev/iommu,
 * and what these hand out [vfio-descriptors]. All functions are for the thread of the event loop.
 *
 * The nodes are character devices that do nothing; nobody sees them opened. At the first ioctl on a
 * descriptor of one, it is replaced by an end of a socket of ours, as the device's descriptor is
 * one from the beginning. By its inode it is recognised from then on, and the other end tells when
 * its last copy is closed: by close(2), exec, exit or SIGKILL.
 *
 *   node opened -- first ioctl --> descriptor of ours -- last copy closed --> object released
 */
struct vfio;
struct copier;

/* What a descriptor of a program is. */
struct vfio_target {
    bool known; /* it is one of VFIO's: */
    bool node;  /* of a node, not yet replaced; otherwise by device and ino */
    enum vfio_kind kind;
    uint32_t group;
    uint64_t device, ino;
};

/* A program that waits in an ioctl, as who serves it knows it. */
struct vfio_caller {
    pid_t thread;
    uid_t uid;
    int fd;      /* the ioctl's */
    int line;    /* for the guard (ioctl/caller.h); open until the answer */
    uint64_t id; /* likewise */
};

struct vfio_way {
    void *data;
    caller_guard waits;
    void (*answer)(void *data, const struct vfio_caller *c, int64_t result);
    /* Gives the caller a copy of fd. at < 0: as the lowest free number, which is the ioctl's
     * result: the caller is answered unless it fails. Otherwise in place of descriptor at. 0 or
     * -errno. */
    int (*give)(void *data, const struct vfio_caller *c, int fd, int at);
    /* What another descriptor of the caller is. -EBADF: nothing. */
    int (*look)(void *data, const struct vfio_caller *c, int fd, struct vfio_target *out);
};

/* The copier must outlive the result. */
struct vfio *vfio_new(struct door *door, sd_event *event, struct copier *copier,
                      const struct vfio_way *way);
/* Answers all that wait with -ENODEV; executes nothing. NULL is allowed. */
void vfio_free(struct vfio *v);

/* Whether the file with this number is a descriptor of ours. */
bool vfio_find(const struct vfio *v, uint64_t device, uint64_t ino, struct vfio_target *out);

/* Serves an ioctl: way->answer or way->give is called once, perhaps later. */
void vfio_ioctl(struct vfio *v, const struct vfio_caller *c, const struct vfio_target *target,
                uint32_t number, uint64_t argument);

/* Releases what has been closed and the event loop has not heard of yet: close(2) of the kernel's
 * has released it when it returns. To be called before what it might stand in the way of. */
void vfio_files_sweep(struct vfio *v);

/* For every executed command: signals eventfds, forgets devices that are gone. */
void vfio_effects(struct vfio *v, const struct effects *effects);

#endif
