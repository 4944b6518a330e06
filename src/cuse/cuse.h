/* SPDX-License-Identifier: MIT */
#ifndef APUS_CUSE_CUSE_H
#define APUS_CUSE_CUSE_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/effects.h"
#include "base/text.h"
#include "core/core.h"

/*
 * Device nodes with numbers of their own: character devices in user space (CUSE), which the kernel
 * shows in /dev of the whole computer. Each is a connection of its own through /dev/cuse, and goes
 * with its descriptor, whatever ends the daemon. Callers can be in any container: the kernel copies
 * what an ioctl refers to, in rounds (rounds.h), and checks mode and owner of the node.
 *
 * All functions must be called on the thread of the event loop.
 */
struct cuse;

#define CUSE_NAME_MAX 128
/* Of z90crypt; the others have the minors that they have in the tree. */
#define CUSE_Z90CRYPT 256

/*
 * prefix: what names in /dev have before the node's own; must outlive the result. Changes nothing
 * yet. -ENODEV: no CUSE in this kernel; -EACCES: no permission; with a remedy in why.
 */
int cuse_new(struct door *door, sd_event *event, const char *prefix, struct cuse **out,
             struct text *why);

/* Ends all calls with -ENODEV, and takes the nodes away. NULL is allowed. */
void cuse_free(struct cuse *c);

/*
 * Makes the nodes that the tree has, and takes away those that it has no longer. 0, or the errno of
 * the first one that could not be made, with a line in why for each; -EINVAL only if it was for
 * their names alone. May be called during a command.
 */
int cuse_follow(struct cuse *c, struct text *why);

/* The major number of all nodes, once there is one. */
unsigned cuse_major(const struct cuse *c);

/* The number of a node of the tree; 0: it was not made. */
dev_t cuse_number(const struct cuse *c, sysfs_ino ino);

/* Must be called for every command. */
void cuse_effects(struct cuse *c, const struct effects *effects);

#endif
