/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_COMPOSE_H
#define APUS_RUN_COMPOSE_H

#include <stdbool.h>

/*
 * A /sys and a /dev in which our directories replace or join the real ones, in a mount namespace of
 * our own (namespace_enter). dev.h says what /dev is; rundir.h and etc.h say the same of /run and
 * /etc.
 *
 * /sys stays the real sysfs. A tmpfs, read-only in the end, lies over those of its directories that
 * hold both kinds of entries (bus, class, devices; kernel if it has no iommu_groups; all of /sys if
 * it has not even these), and every real entry of them is bound back. These paths are ours alone:
 * they come from the file system, and one that it does not have is hidden, too.
 *   bus/ap bus/matrix bus/mdev class/mdev_bus class/zcrypt devices/ap devices/vfio_ap
 *   devices/virtual/zcrypt kernel/iommu_groups
 * A program inside that makes a user namespace may mount a sysfs of its own there, if it may
 * outside.
 */
#define COMPOSE_LAYERS 4

/* A directory that a tmpfs is laid over. */
struct compose_layer {
    const char *path;
    int real; /* what is there now */
};

struct compose {
    struct compose_layer layers[COMPOSE_LAYERS];
    int count;
    int tree;             /* root of our file system */
    bool own_node;        /* z90crypt is to be a character device (seccomp/listener.h) */
    bool host_etc;        /* /etc stays the computer's (etc.h) */
    const char *keep_etc; /* directory where the machine's part of /etc lives, or NULL */
};

/*
 * Mounts our file system where nobody sees it, and keeps hold of what is to be covered. Returns the
 * descriptor to serve (close-on-exec), or a negative errno after a sentence on standard error.
 */
int compose_prepare(struct compose *out);

/*
 * Lays /sys, /dev, /run and /etc out, when somebody serves the file system. Ends c. 0, or a
 * negative errno after a sentence on standard error.
 */
int compose_finish(struct compose *c);

#endif
