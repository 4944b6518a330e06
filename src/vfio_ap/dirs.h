/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_AP_DIRS_H
#define APUS_VFIO_AP_DIRS_H

#include "vfio_ap/internal.h"

/* What the tables of directories in dirs.c and dirs_vfio.c have in common. */

/* A kind of which there is one directory. */
struct fixed_kind {
    enum sysfs_kind kind;
    const char *name;
    enum sysfs_kind parent; /* SYSFS_STATIC: the directory named in path */
    const char *path;
    struct sysfs_kind_ops ops;
};

/* A kind of which each mediated device has one directory. */
struct mdev_kind {
    enum sysfs_kind kind;
    struct sysfs_kind_ops ops;
};

#define FIXED         .name = fixed_name, .parent = fixed_parent
#define CHILDREN(dir) .child_find = dir##_find, .child_next = dir##_next

void fixed_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX]);
struct sysfs_dir fixed_parent(void *ctx, uint32_t object);

/* Of the device in that slot, in the 16 bits that an inode number has; 0: there is no device. */
uint16_t mdev_generation(void *ctx, uint32_t slot);

/* An attribute without content. */
int empty_show(void *ctx, uint32_t object, struct text *out);

void dirs_register_fixed(struct vfio_ap *v, const struct fixed_kind *kinds, size_t count);
void dirs_register_mdev(struct vfio_ap *v, const struct mdev_kind *kinds, size_t count);

#endif
