/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_COMPOSE_H
#define APUS_RUN_COMPOSE_H

#include <stdbool.h>

/*
 * A /sys and a /dev in which our directories replace or join the real ones, in a mount namespace of
 * our own (namespace_enter).
 *
 * /sys stays the real sysfs. A tmpfs, read-only in the end, lies over those of its directories that
 * hold both kinds of entries (bus, class, devices; kernel if it has no iommu_groups; all of /sys if
 * it has not even these), and every real entry of them is bound back. These paths are ours alone:
 * they come from the file system, and one that it does not have is hidden, too.
 *   bus/ap bus/matrix bus/mdev class/mdev_bus class/zcrypt devices/ap devices/vfio_ap
 *   devices/virtual/zcrypt kernel/iommu_groups
 * A tmpfs lies over /dev in the same way. It has z90crypt, and in the directory zcrypt the nodes
 * that class/zcrypt/create makes: a node cannot appear in /dev itself, since only a directory that
 * is wholly ours can change.
 */
#define COMPOSE_LAYERS 5

/* A directory that a tmpfs is laid over. */
struct compose_layer {
    const char *path;
    int real; /* what is there now */
};

struct compose {
    struct compose_layer layers[COMPOSE_LAYERS];
    int count;
    int tree;       /* root of our file system */
    bool null_node; /* z90crypt is to be the real /dev/null, and not ours (seccomp/listener.h) */
};

/*
 * Mounts our file system where nobody sees it, and keeps hold of what is to be covered. Returns the
 * descriptor to serve (close-on-exec), or a negative errno after a sentence on standard error.
 */
int compose_prepare(struct compose *out);

/*
 * Lays /sys and /dev out, when somebody serves the file system. Ends c. 0, or a negative errno
 * after a sentence on standard error.
 */
int compose_finish(struct compose *c);

#endif
