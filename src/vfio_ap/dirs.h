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

/* Groups of VFIO and of the IOMMU: their number is the slot. group_find: 0 or -ENOENT. */
uint16_t group_generation(void *ctx, uint32_t slot);
void group_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX]);
int group_find(struct vfio_ap *v, const char *name, uint32_t *out);
bool group_next(void *ctx, uint32_t *cursor, uint32_t *slot, char name[SYSFS_NAME_MAX]);

/* A directory with the groups, as directories of a kind or links to them. */
#define DEFINE_GROUPS(where, kind, is_link)                                                        \
    static int where##_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out) \
    {                                                                                              \
        *out = (struct sysfs_child){{kind, 0}, is_link};                                           \
        return group_find(vfio_ap_of(ctx), name, &out->dir.object);                                \
    }                                                                                              \
    static bool where##_next(void *ctx, uint32_t object, uint32_t *cursor,                         \
                             struct sysfs_child *out, char name[SYSFS_NAME_MAX])                   \
    {                                                                                              \
        *out = (struct sysfs_child){{kind, 0}, is_link};                                           \
        return group_next(vfio_ap_of(ctx), cursor, &out->dir.object, name);                        \
    }

void dirs_register_fixed(struct vfio_ap *v, const struct fixed_kind *kinds, size_t count);
void dirs_register_mdev(struct vfio_ap *v, const struct mdev_kind *kinds, size_t count);

#endif
