/* SPDX-License-Identifier: MIT */
#ifndef APUS_SYSFS_TREE_H
#define APUS_SYSFS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "base/text.h"

/*
 * A sysfs tree, independent of any file system.
 *
 * A tree consists of kinds of directories. All cards are one kind, all queues another. A kind
 * defines the attributes, links and subdirectories of its directories, and knows which objects
 * exist at the moment. Nothing is stored per node: an inode number encodes kind, member, generation
 * and object. So a million files cost no memory, and the number of a vanished device stays
 * recognizable, because its generation is stale.
 */

enum sysfs_kind {
    SYSFS_ROOT,
    /* Directories without devices: bus/, class/, bus/ap/drivers/ ... object: index in a table. */
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
    SYSFS_VFIO_CLASS,     /* class/vfio */
    SYSFS_VFIO_DEV_CLASS, /* class/vfio-dev */
    SYSFS_VFIO_PARENT,    /* devices/virtual/vfio */
    SYSFS_VFIO_GROUP,     /* devices/virtual/vfio/<group>; object: slot */
    SYSFS_MISC_CLASS,     /* class/misc */
    SYSFS_MISC_PARENT,    /* devices/virtual/misc */
    SYSFS_MISC,           /* devices/virtual/misc/<name>; object: index in the tree's table */
    SYSFS_MODULES,        /* module */
    SYSFS_MODULE,         /* module/<name>; object: index in the tree's table */
    SYSFS_MODULE_PARAMETERS,
    SYSFS_MODULE_DRIVERS,
    SYSFS_MODULE_HOLDERS,
    SYSFS_NUMBERS,      /* sysdev: what is called dev in sysfs, where dev has device nodes here */
    SYSFS_CHAR_NUMBERS, /* sysdev/char */
    SYSFS_PROC,         /* proc: what programs read in /proc, not in /sys */
    /* Device nodes of VFIO, where the tree has them. */
    SYSFS_VFIO_NODES,          /* vfio */
    SYSFS_VFIO_CONTAINER_NODE, /* vfio/vfio */
    SYSFS_VFIO_GROUP_NODE,     /* vfio/<group>; object: slot */
    SYSFS_VFIO_CDEV_NODES,     /* vfio/devices */
    SYSFS_VFIO_CDEV_NODE,      /* vfio/devices/vfio<group>; object: slot */
    SYSFS_IOMMU_NODE,          /* iommu */
    SYSFS_KINDS
};

/* kind 8 bits | member 8 bits | generation 16 bits | object 32 bits. The root is 1, as in FUSE. */
typedef uint64_t sysfs_ino;

#define SYSFS_ROOT_INO UINT64_C(1)
#define SYSFS_NAME_MAX 64

/* A directory: its kind and its object. */
struct sysfs_dir {
    enum sysfs_kind kind;
    uint32_t object;
};

enum sysfs_type { SYSFS_TYPE_DIR, SYSFS_TYPE_FILE, SYSFS_TYPE_LINK };

/* What stat and readdir need to know about a node. */
struct sysfs_entry {
    sysfs_ino ino;
    enum sysfs_type type;
    uint16_t mode;     /* permission bits */
    uint32_t uid, gid; /* 0, as long as nobody has changed them */
    /*
     * The name refers to this node until an EFFECT_GONE, so it may be cached. Links, and attributes
     * that come and go with a driver, are not stable and must be looked up each time.
     */
    bool stable;
    bool device; /* a device node, not an attribute; core_open opens one of zcrypt */
    char name[SYSFS_NAME_MAX];
};

struct effects;

/*
 * An attribute of a kind. ctx is the one the kind was registered with. show appends the text, which
 * is discarded on failure. store gets one write(2) and returns 0 (all of it was consumed), -errno,
 * or -EINPROGRESS if the reply follows as EFFECT_REPLY. visible NULL means always.
 */
struct sysfs_attr {
    const char *name;
    uint16_t mode;
    bool (*visible)(void *ctx, uint32_t object);
    int (*show)(void *ctx, uint32_t object, struct text *out);
    int (*store)(void *ctx, uint32_t object, const char *data, size_t len, struct effects *effects);
    bool told;    /* visible from the start; EFFECT_GONE tells when it is not any more */
    bool counted; /* what is written is not cut at its first NUL */
};

/* A link with a fixed name, or a fixed subdirectory. target returns false while it does not
 * exist. */
struct sysfs_member {
    const char *name;
    bool is_link;
    bool (*target)(void *ctx, uint32_t object, struct sysfs_dir *out);
};

/* A dynamic member: a directory, or a link, which has an inode number of the parent's kind. */
struct sysfs_child {
    struct sysfs_dir dir;
    bool is_link;
};

struct sysfs_kind_ops {
    /* Its objects are device nodes (sysfs_entry.device), not directories: their mode. */
    uint16_t device;
    const struct sysfs_attr *attrs;     /* ends with a NULL name; at most 100 */
    const struct sysfs_member *members; /* ends with a NULL name; at most 100 */
    /* The generation of an object (never 0), or 0 if it does not exist. NULL: it always exists. A
     * unique directory below a static one may have it, too. */
    uint16_t (*generation)(void *ctx, uint32_t object);
    /* Name and parent of an object's directory. Must work for an object that is being removed,
     * too. */
    void (*name)(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX]);
    struct sysfs_dir (*parent)(void *ctx, uint32_t object);
    /* Dynamic members; both NULL if there are none. child_find returns 0 or -ENOENT. child_next
     * advances *cursor (0 at first, but it may be any number) and returns whether there was a
     * member. */
    int (*child_find)(void *ctx, uint32_t object, const char *name, struct sysfs_child *out);
    bool (*child_next)(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                       char name[SYSFS_NAME_MAX]);
};

/*
 * Further attributes of a kind, which a driver adds to the devices bound to it. visible says for
 * which devices they exist; their functions get the group's own ctx.
 */
struct sysfs_group {
    const struct sysfs_attr *attrs; /* ends with a NULL name */
    void *ctx;
    bool (*visible)(void *visible_ctx, uint32_t object);
    void *visible_ctx;
};

struct sysfs_owned;

#define SYSFS_GROUPS_MAX 16u /* of one tree */

/* A miscellaneous device: /sys/class/misc/NAME [files-misc]. */
struct sysfs_misc {
    const char *name, *node; /* node: its file below /dev */
    const char *mode;        /* of that file; NULL: the kernel's default */
    unsigned minor;
};

/*
 * A module of the kernel: /sys/module/NAME [files-modules]. built_in: it has parameters alone.
 * parameters may be NULL; their functions get ctx. uses: the module whose functions it calls, or
 * NULL. users: references by others than modules, or NULL.
 */
struct sysfs_module {
    const char *name, *uses;
    bool built_in;
    unsigned size; /* bytes */
    const struct sysfs_attr *parameters;
    unsigned (*users)(void *ctx);
    void *ctx;
    uint32_t number; /* set by sysfs_module_add */
};

/* Devices with a major number: the links in /sys/dev/char. find: 0 or -ENOENT; next as
 * child_next. */
struct sysfs_major {
    unsigned major;
    int (*find)(void *ctx, unsigned minor, struct sysfs_dir *out);
    bool (*next)(void *ctx, uint32_t *cursor, unsigned *minor, struct sysfs_dir *out);
    void *ctx;
};

#define SYSFS_MISCS_MAX          4u
#define SYSFS_MODULES_MAX        8u
#define SYSFS_MODULE_DRIVERS_MAX 16u
#define SYSFS_MAJORS_MAX         4u

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
    struct sysfs_misc miscs[SYSFS_MISCS_MAX];
    unsigned misc_count;
    struct sysfs_module modules[SYSFS_MODULES_MAX];
    unsigned module_count;
    struct sysfs_module_driver {
        unsigned module;
        const char *bus;
        struct sysfs_dir dir;
    } module_drivers[SYSFS_MODULE_DRIVERS_MAX];
    unsigned module_driver_count;
    struct sysfs_major majors[SYSFS_MAJORS_MAX];
    unsigned major_count;
    /* Unique directories that come and go with what is in them stay when they are empty: parts of
     * the tree are mounted somewhere else, and need a mount point. */
    bool keeps_dirs;
    bool has_vfio_nodes; /* vfio and iommu are there, for programs whose /dev is the computer's */
    uint64_t grouped;    /* bit k: kind k has groups */
    /* Nodes whose mode or owner was changed: by inode and by number; numbers of those that were
     * changed or dropped since the core asked last. owner.c */
    struct sysfs_owned *owned;
    struct slots owned_by_number;
    uint32_t *owners_touched;
    size_t owners_touched_count;
};

/* A tree with only bus/, class/, devices/, devices/virtual/ and kernel/. It must not be moved
 * afterwards. */
void sysfs_tree_init(struct sysfs_tree *t);
void sysfs_tree_done(struct sysfs_tree *t);

/* A static directory, by its path. */
struct sysfs_dir sysfs_static_dir(const char *path);

void sysfs_register(struct sysfs_tree *t, enum sysfs_kind kind, const struct sysfs_kind_ops *ops,
                    void *ctx);

/* Adds a group to a registered kind. A kind has at most 100 attributes, groups included. */
void sysfs_add_group(struct sysfs_tree *t, enum sysfs_kind kind, const struct sysfs_group *group);

/* Whether the directory exists now. */
bool sysfs_exists(const struct sysfs_tree *t, struct sysfs_dir dir);

/* misc.c, module.c, major.c: what belongs to no bus or class of ours alone. Names are kept by
 * reference. */
void sysfs_misc_add(struct sysfs_tree *t, const struct sysfs_misc *misc);
void sysfs_module_add(struct sysfs_tree *t, const struct sysfs_module *module);
/* The directory of a module that was added; false: there is none of that name. */
bool sysfs_module_dir(const struct sysfs_tree *t, const char *name, struct sysfs_dir *out);
/* A driver of the module: its link BUS:NAME. */
void sysfs_module_add_driver(struct sysfs_tree *t, const char *module, const char *bus,
                             struct sysfs_dir driver);
void sysfs_major_add(struct sysfs_tree *t, const struct sysfs_major *major);

/* -ENOENT: no such name, or dir has vanished; -ENOTDIR. */
int sysfs_lookup(const struct sysfs_tree *t, sysfs_ino dir, const char *name,
                 struct sysfs_entry *out);

/* -ENODEV: the object has vanished; -ENOENT: the number was never valid. */
int sysfs_stat(const struct sysfs_tree *t, sysfs_ino ino, struct sysfs_entry *out);

/*
 * Iterates over a directory; *cursor is 0 at first. 1: out is the next entry; 0: end; -errno as for
 * sysfs_lookup. Any other *cursor is accepted as some position, as seekdir(3) needs.
 */
int sysfs_next(const struct sysfs_tree *t, sysfs_ino dir, uint64_t *cursor,
               struct sysfs_entry *out);

/* The directory that contains ino. */
sysfs_ino sysfs_parent(const struct sysfs_tree *t, sysfs_ino ino);

/* The relative target of a link. -ENODEV; -EINVAL: not a link. */
int sysfs_readlink(const struct sysfs_tree *t, sysfs_ino ino, struct text *out);

/* -ENODEV: vanished; -EISDIR; -EIO: it has no show; else the result of the attribute's show. */
int sysfs_show(const struct sysfs_tree *t, sysfs_ino ino, struct text *out);

/* The same checks, then the attribute's store. As in the kernel an empty write does not reach it.
 * Only the core calls this. */
int sysfs_store(const struct sysfs_tree *t, sysfs_ino ino, const char *data, size_t len,
                struct effects *effects);

/* Mode and owner of a node, as chmod(2) and chown(2) change them [files-owner]. */
struct sysfs_owner {
    uint16_t mode; /* at most 07777 */
    uint32_t uid, gid;
};

/* Kept as long as the node. -ENODEV, -ENOENT as sysfs_stat; -EINVAL: a mode with other bits. Only
 * the core calls this. */
int sysfs_set_owner(struct sysfs_tree *t, sysfs_ino ino, const struct sysfs_owner *owner);

/*
 * The nodes whose mode or owner was changed have numbers, so that they can be kept. at: false:
 * there is none of that number. next: the next one at or after *cursor. touched: one that was
 * changed, or has gone, since the last call; false: no more. restore: false: it is taken, or the
 * node has one.
 */
bool sysfs_owner_at(const struct sysfs_tree *t, uint32_t number, sysfs_ino *ino,
                    struct sysfs_owner *out);
bool sysfs_owner_next(const struct sysfs_tree *t, uint32_t *cursor, uint32_t *number);
bool sysfs_owner_touched(struct sysfs_tree *t, uint32_t *number);
bool sysfs_owner_restore(struct sysfs_tree *t, uint32_t number, sysfs_ino ino,
                         const struct sysfs_owner *owner);
/* Forgets those of nodes that have gone; all. */
void sysfs_owners_sweep(struct sysfs_tree *t);
void sysfs_owners_forget(struct sysfs_tree *t);

/* A driver has left the device: the attributes that it added are gone, and later ones are new. */
void sysfs_groups_gone(struct sysfs_tree *t, struct sysfs_dir dir);

/* The path below the tree's root without a leading slash, e.g. devices/ap/card05/05.0004. */
void sysfs_path(const struct sysfs_tree *t, sysfs_ino ino, struct text *out);
void sysfs_dir_path(const struct sysfs_tree *t, struct sysfs_dir dir, struct text *out);

/* Resolves a path from the root, following links. -ENOENT, -ENOTDIR, -ELOOP. */
int sysfs_resolve(const struct sysfs_tree *t, const char *path, sysfs_ino *out);
/* The same; if the last component is a link, out is the link itself. */
int sysfs_resolve_nofollow(const struct sysfs_tree *t, const char *path, sysfs_ino *out);

/* Whether the number is or was that of a directory (or device node) itself. */
bool sysfs_is_dir(sysfs_ino ino);

/* The kind and object of an inode number. */
struct sysfs_dir sysfs_dir_of(sysfs_ino ino);

/* The inode number of an object's directory, and of one of its attributes (0: the kind has none of
 * that name). */
sysfs_ino sysfs_dir_ino(const struct sysfs_tree *t, struct sysfs_dir dir);
sysfs_ino sysfs_attr_ino(const struct sysfs_tree *t, struct sysfs_dir dir, const char *name);

#endif
