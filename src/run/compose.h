/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_COMPOSE_H
#define APUS_RUN_COMPOSE_H

#include <stdbool.h>

#include "run/dev.h"

/*
 * Composes /sys and /dev from the machine's tree and the real directories, in a private mount
 * namespace (namespace_enter). dev.h describes /dev, rundir.h /run, and etc.h /etc.
 *
 * /sys remains the real sysfs. A read-only tmpfs covers those of its directories that contain both
 * kinds of entries (bus, class, dev/char, devices, module; kernel if it has no iommu_groups; all of
 * /sys if one of these is missing), with bind mounts of all real entries. The following paths show
 * only the machine: they come from its tree, and if the tree does not have one, it is hidden.
 *   bus/ap bus/matrix bus/mdev class/mdev_bus class/vfio class/vfio-dev class/zcrypt devices/ap
 *   devices/vfio_ap devices/virtual/vfio devices/virtual/zcrypt kernel/iommu_groups
 *   module/ap module/vfio_ap module/zcrypt module/zcrypt_cex*
 *   iommu, vfio and z90crypt in class/misc, devices/virtual/misc and, by number, in dev/char
 * A program inside that makes a user namespace may mount a sysfs of its own there, if it may
 * outside.
 */
#define COMPOSE_LAYERS 6

/* A directory that is covered by a tmpfs. */
struct compose_layer {
    const char *path;
    int real; /* descriptor of the real directory */
    int new;  /* of the tmpfs, from compose_cover to compose_finish; -1: there is none */
};

struct compose {
    struct compose_layer layers[COMPOSE_LAYERS];
    int count;
    int tree; /* descriptor of the root of the machine's tree */
    enum dev_z90crypt z90crypt;
    bool host_etc;        /* /etc remains the computer's (etc.h) */
    const char *keep_etc; /* directory of the machine's part of /etc, or NULL */
};

/*
 * Mounts the machine's tree at a place that will be covered, and opens the directories that will be
 * covered; source: its device in lists of mounts. Returns the descriptor to serve (close-on-exec),
 * or -errno after an error message.
 */
int compose_prepare(const char *source, struct compose *out);

/* Covers them, with what is real. Needs no tree that is served. 0, or -errno after an error
 * message: then c is released. */
int compose_cover(struct compose *c);

/*
 * Completes /sys, /dev, /run and /etc, once the tree is served. Releases c. 0, or -errno after an
 * error message.
 */
int compose_finish(struct compose *c);

#endif
