/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_INTERNAL_H
#define APUS_VFIO_INTERNAL_H

#include <sys/queue.h>

#include "base/uuid.h"
#include "ioctl/transfer.h"
#include "vfio/container.h"
#include "vfio/iommufd.h"
#include "vfio/vfio.h"

/* Private to src/vfio. */

#define VFIO_FILES_MAX 4096u

struct late_signal;

/* How iommufd knows a device that is open by it. */
struct vfio_access {
    struct iommufd *iommufd; /* NULL: it is open by a container, or not at all */
    uint32_t id, ioas;       /* ioas 0: not attached */
};

/* An eventfd of a program. */
struct eventfd {
    int fd;           /* -1: none */
    uid_t uid;        /* of the program */
    unsigned pending; /* signals that wait for the end of late */
    struct late_signal *late;
};

/* A mediated device and its IOMMU group. The eventfds stay until the device is removed, as with the
 * real driver [vfio-irqs]. */
struct vfio_device {
    LIST_ENTRY(vfio_device) link;
    uint32_t group;
    struct uuid uuid;
    bool gone;        /* removed; a file still names it */
    unsigned files;   /* that name it */
    bool group_open;  /* a file of the group is open */
    unsigned opened;  /* files of the device */
    bool by_cdev;     /* these are bound to an iommufd */
    uint32_t process; /* that opened it */
    uint32_t guest;   /* its number, while opened */
    struct vfio_access access;
    struct container *container; /* of the group; NULL: none, or: */
    struct iommufd *iommufd;
    struct eventfd irqs[VFIO_IRQS];
};

/* A descriptor of ours in a program. */
struct vfio_file {
    LIST_ENTRY(vfio_file) link;
    struct vfio *v;
    enum vfio_kind kind;
    int ours; /* the end that tells when the last copy is closed */
    uint64_t device, ino;
    struct container *container; /* VFIO_CONTAINER */
    struct iommufd *iommufd;     /* VFIO_IOMMUFD */
    struct vfio_device *of;      /* VFIO_GROUP, VFIO_DEVICE */
};

/* An ioctl that is being served. */
struct vfio_call {
    struct transfer transfer; /* first */
    LIST_ENTRY(vfio_call) link;
    struct vfio *v;
    struct vfio_caller caller;
    struct vfio_target target;
    struct vfio_args args;
    struct vfio_answer answer;
    bool writing, answered;
};

LIST_HEAD(vfio_calls, vfio_call);
LIST_HEAD(vfio_files, vfio_file);
LIST_HEAD(vfio_devices, vfio_device);

struct vfio {
    struct door *door;
    sd_event *event;
    struct vfio_way way;
    struct copier *copier;
    struct caller_seen seen[CALLER_SEEN_SIZE];
    uint64_t serial;
    struct vfio_calls calls;
    struct vfio_files files;
    struct vfio_devices devices;
    unsigned file_count;
    int ends; /* an epoll descriptor of the ends of all files; -1: there was none yet */
    sd_event_source *closed;
};

/* file.c */
struct vfio_file *vfio_file_find(const struct vfio *v, uint64_t device, uint64_t ino);
/* A new descriptor; *theirs is the end for the program, to be closed when it has it. -ENFILE: there
 * are VFIO_FILES_MAX; or -errno of the system. */
int vfio_file_new(struct vfio *v, enum vfio_kind kind, struct vfio_file **out, int *theirs);
/* Forgets it and what it stands for, as if its last copy were closed. */
void vfio_file_release(struct vfio_file *f);
void vfio_file_drop(struct vfio_file *f); /* the same without commands: the core is about to end */

/* device.c */
/* The device of a group, which is made known at its first use. NULL: there is none. */
struct vfio_device *vfio_device_get(struct vfio *v, uint32_t group);
void vfio_device_name(struct vfio_device *d, struct vfio_file *f);
void vfio_device_unname(struct vfio *v, struct vfio_file *f);
/* Another descriptor of the device for the caller, the first one by that iommufd unless it is NULL:
 * 0, or the errno of GET_DEVICE_FD. */
int vfio_device_open(struct vfio *v, struct vfio_device *d, const struct vfio_caller *c,
                     struct iommufd *iommufd);
void vfio_device_close(struct vfio *v, struct vfio_device *d);
/* Whether the group stays open by its device, which is open by a container. */
bool vfio_group_held(const struct vfio_device *d);
void vfio_access_end(struct vfio_device *d);
/* The group leaves its container. */
void vfio_group_unset(struct vfio_device *d);
struct vfio_answer vfio_device_ioctl(struct vfio_call *c, struct vfio_file *f);
bool vfio_device_removed(const struct vfio *v, const struct vfio_device *d);

/* group.c */
struct vfio_answer vfio_group_ioctl(struct vfio_call *c, struct vfio_file *f);

/* eventfd.c */
/* Takes over the caller's descriptor: 0, -EBADF, -EINVAL: it is no eventfd, or -errno. */
int eventfd_take(struct eventfd *e, const struct vfio_caller *c, int fd);
void eventfd_close(struct eventfd *e);
void eventfd_signal(struct vfio *v, struct eventfd *e, pid_t process);

/* open.c: from a node to a descriptor of ours */
/* The file behind the call's descriptor, which is replaced if it is a node. NULL, and *rc. */
struct vfio_file *vfio_call_file(struct vfio_call *c, int *rc);
/* The file behind another descriptor of the caller, likewise. -EBADF, or -EBADFD: none of kinds
 * (bits). */
int vfio_other_file(struct vfio_call *c, int fd, unsigned kinds, struct vfio_file **out);
/* Whether the caller has a file by that number. */
bool vfio_has_file(const struct vfio_call *c, int fd);
struct vfio_answer vfio_cdev_ioctl(struct vfio_call *c);

#endif
