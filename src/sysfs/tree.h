/* SPDX-License-Identifier: MIT */
#ifndef APUS_SYSFS_TREE_H
#define APUS_SYSFS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/*
 * What a sysfs tree is, without any file system behind it.
 *
 * A tree is made of kinds of directories. All cards share one kind, all queues another; a kind says
 * which attributes, links and directories its directories have, and knows the objects that exist at
 * the moment. Nothing is stored per node: an inode number names kind, member, generation and
 * object, so a million files cost no memory, and the number of a vanished device is recognised for
 * ever (its generation is gone).
 */

enum sysfs_kind {
    SYSFS_ROOT,
    /* Directories without objects: bus/, class/, bus/ap/drivers/ ... Their object is their index in
       a table. */
    SYSFS_STATIC,
    SYSFS_BUS,           /* bus/ap */
    SYSFS_BUS_DEVICES,   /* bus/ap/devices: a link per card and queue */
    SYSFS_BUS_DRIVERS,   /* bus/ap/drivers */
    SYSFS_BUS_DRIVER,    /* bus/ap/drivers/<driver>; object: driver index */
    SYSFS_BUS_ROOT,      /* devices/ap */
    SYSFS_CARD,          /* devices/ap/cardXX; object: APID */
    SYSFS_QUEUE,         /* devices/ap/cardXX/XX.YYYY; object: APQN */
    SYSFS_ZCRYPT_CLASS,  /* class/zcrypt */
    SYSFS_ZCRYPT_PARENT, /* devices/virtual/zcrypt */
    SYSFS_ZCRYPT_NODE,   /* devices/virtual/zcrypt/<name>; object: minor */
    SYSFS_DEV,           /* dev: z90crypt and the zcrypt nodes, to be bound into /dev */
    SYSFS_DEV_NODE,      /* dev/z90crypt, dev/<name>; object: minor */
    SYSFS_MATRIX_ROOT,   /* devices/vfio_ap */
    SYSFS_MATRIX,        /* devices/vfio_ap/matrix */
    SYSFS_MDEV_TYPES,    /* .../mdev_supported_types */
    SYSFS_MDEV_TYPE,     /* .../vfio_ap-passthrough */
    SYSFS_MDEV_TYPE_DEVICES,
    SYSFS_MDEV,      /* devices/vfio_ap/matrix/<uuid>; object: slot */
    SYSFS_MDEV_VFIO, /* .../<uuid>/vfio-dev and below */
    SYSFS_MDEV_VFIO_DEV,
    SYSFS_MDEV_BUS, /* bus/mdev and below */
    SYSFS_MDEV_BUS_DEVICES,
    SYSFS_MDEV_BUS_DRIVERS,
    SYSFS_MDEV_BUS_DRIVER,
    SYSFS_MATRIX_BUS, /* bus/matrix and below */
    SYSFS_MATRIX_BUS_DEVICES,
    SYSFS_MATRIX_BUS_DRIVERS,
    SYSFS_MATRIX_BUS_DRIVER,
    SYSFS_CLASS_MDEV_BUS,
    SYSFS_IOMMU_GROUPS, /* kernel/iommu_groups */
    SYSFS_IOMMU_GROUP,
    SYSFS_IOMMU_GROUP_DEVICES,
    SYSFS_KINDS
};

/* kind 8 bits | member 8 bits | generation 16 bits | object 32 bits; the root is 1, as FUSE wants
 * it. */
typedef uint64_t sysfs_ino;

#define SYSFS_ROOT_INO UINT64_C(1)
#define SYSFS_NAME_MAX 64

/* One directory: its kind and the object it shows. */
struct sysfs_dir {
    enum sysfs_kind kind;
    uint32_t object;
};

enum sysfs_type { SYSFS_TYPE_DIR, SYSFS_TYPE_FILE, SYSFS_TYPE_LINK };

/* What stat and readdir need to know about a node. */
struct sysfs_entry {
    sysfs_ino ino;
    enum sysfs_type type;
    uint16_t mode; /* permission bits */
    /*
     * The name leads to this node until an EFFECT_GONE says otherwise, so it may be cached. Links
     * and attributes that come and go with a driver are not stable; they are to be looked up each
     * time.
     */
    bool stable;
    bool device; /* a device node such as z90crypt: no attribute, open() asks core_open */
    char name[SYSFS_NAME_MAX];
};

struct effects;

/*
 * One attribute of a kind. ctx is what the kind was registered with. show appends the text; a
 * failure's text is discarded. store gets one write(2) and returns 0 (all of it was taken), -errno,
 * or -EINPROGRESS when the reply comes later as EFFECT_REPLY. visible: NULL means always.
 */
struct sysfs_attr {
    const char *name;
    uint16_t mode;
    bool (*visible)(void *ctx, uint32_t object);
    int (*show)(void *ctx, uint32_t object, struct text *out);
    int (*store)(void *ctx, uint32_t object, const char *data, size_t len, struct effects *effects);
};

/* A link with a fixed name, or a fixed subdirectory. target returns false while there is none. */
struct sysfs_member {
    const char *name;
    bool is_link;
    bool (*target)(void *ctx, uint32_t object, struct sysfs_dir *out);
};

/* A dynamic member: directory or link. Its inode is that of the directory, or one in the parent's
 * kind for a link. */
struct sysfs_child {
    struct sysfs_dir dir;
    bool is_link;
};

struct sysfs_kind_ops {
    bool device; /* its objects are device nodes (sysfs_entry.device), not directories */
    const struct sysfs_attr *attrs;     /* ends with a NULL name; at most 100 */
    const struct sysfs_member *members; /* ends with a NULL name; at most 100 */
    /* The generation of an existing object (never 0), or 0 when there is none. NULL: always exists.
     */
    uint16_t (*generation)(void *ctx, uint32_t object);
    /* The name and parent of an object's directory; they must work for an object that is just
     * vanishing, too. */
    void (*name)(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX]);
    struct sysfs_dir (*parent)(void *ctx, uint32_t object);
    /* Dynamic members, both NULL if there are none. child_find: 0 or -ENOENT. child_next: advances
     * *cursor (0 at first, or any number) and returns whether there was one. */
    int (*child_find)(void *ctx, uint32_t object, const char *name, struct sysfs_child *out);
    bool (*child_next)(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                       char name[SYSFS_NAME_MAX]);
};

/*
 * Further attributes of a kind, as a driver brings them for the devices that are bound to it. They
 * come and go with visible, and their functions get the group's own ctx.
 */
struct sysfs_group {
    const struct sysfs_attr *attrs; /* ends with a NULL name */
    void *ctx;
    bool (*visible)(void *visible_ctx, uint32_t object);
    void *visible_ctx;
};

#define SYSFS_GROUPS_MAX 16u /* of one tree */

struct sysfs_tree {
    const struct sysfs_kind_ops *ops[SYSFS_KINDS];
    void *ctx[SYSFS_KINDS];
    uint8_t attr_count[SYSFS_KINDS]; /* of the kind and its groups */
    struct sysfs_kind_group {
        struct sysfs_group group;
        enum sysfs_kind kind;
        unsigned first, count; /* numbers of its attributes among those of the kind */
    } groups[SYSFS_GROUPS_MAX];
    unsigned group_count;
    uint64_t grouped; /* bit k: kind k has groups */
};

/* A tree with nothing but bus/, class/, devices/, devices/virtual/ and kernel/. It must not move in
 * memory afterwards. */
void sysfs_tree_init(struct sysfs_tree *t);

/* One of those, by its path. */
struct sysfs_dir sysfs_static_dir(const char *path);

void sysfs_register(struct sysfs_tree *t, enum sysfs_kind kind, const struct sysfs_kind_ops *ops,
                    void *ctx);

/* Adds a group to a kind that is registered. A kind has at most 100 attributes, groups included. */
void sysfs_add_group(struct sysfs_tree *t, enum sysfs_kind kind, const struct sysfs_group *group);

/* -ENOENT: no such name, or dir has vanished. -ENOTDIR. */
int sysfs_lookup(const struct sysfs_tree *t, sysfs_ino dir, const char *name,
                 struct sysfs_entry *out);

/* -ENODEV: the object has vanished. -ENOENT: the number was never a node. */
int sysfs_stat(const struct sysfs_tree *t, sysfs_ino ino, struct sysfs_entry *out);

/*
 * Walks a directory: *cursor is 0 at first. 1: out is the next entry; 0: end; -errno as for lookup.
 * Any other number is allowed, too, and starts somewhere: seekdir(3) takes what it is given.
 */
int sysfs_next(const struct sysfs_tree *t, sysfs_ino dir, uint64_t *cursor,
               struct sysfs_entry *out);

/* The directory that contains ino. */
sysfs_ino sysfs_parent(const struct sysfs_tree *t, sysfs_ino ino);

/* The relative target of a link. -ENODEV, -EINVAL if it is no link. */
int sysfs_readlink(const struct sysfs_tree *t, sysfs_ino ino, struct text *out);

/* -ENODEV: vanished; -EISDIR; -EACCES: the attribute is not readable; else what the attribute
 * answers. */
int sysfs_show(const struct sysfs_tree *t, sysfs_ino ino, struct text *out);

/* The same checks for a write, and then the attribute's store; an empty write does not get that
 * far, as in the kernel. Only the core calls this. */
int sysfs_store(const struct sysfs_tree *t, sysfs_ino ino, const char *data, size_t len,
                struct effects *effects);

/* The path below the tree's root without a leading slash, e.g. devices/ap/card05/05.0004. */
void sysfs_path(const struct sysfs_tree *t, sysfs_ino ino, struct text *out);
void sysfs_dir_path(const struct sysfs_tree *t, struct sysfs_dir dir, struct text *out);

/* Follows a path from the root, through links too. -ENOENT, -ENOTDIR, -ELOOP. */
int sysfs_resolve(const struct sysfs_tree *t, const char *path, sysfs_ino *out);

/* The kind and object that an inode number names. */
struct sysfs_dir sysfs_dir_of(sysfs_ino ino);

/* The inode of an object's directory, and of one of its attributes (0 if the kind has none of that
 * name). */
sysfs_ino sysfs_dir_ino(const struct sysfs_tree *t, struct sysfs_dir dir);
sysfs_ino sysfs_attr_ino(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name);

#endif
