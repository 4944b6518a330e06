/* SPDX-License-Identifier: MIT */
#ifndef APUS_SYSFS_OWNER_H
#define APUS_SYSFS_OWNER_H

#include "sysfs/tree.h"

/*
 * Modes and owners that somebody has changed; private to src/sysfs. As in kernfs, memory is taken
 * for these nodes alone. target: of a dynamic link, the number of what it leads to, as its own does
 * not tell the generation; else 0.
 */

/* NULL: unchanged. */
const struct sysfs_owner *owner_find(const struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target);

/* Whether there are so many that those of vanished nodes should be dropped before the next one. */
bool owner_is_full(const struct sysfs_tree *t);
void owner_drop_dead(struct sysfs_tree *t,
                     bool (*lives)(const struct sysfs_tree *t, sysfs_ino ino));

void owner_put(struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target,
               const struct sysfs_owner *owner);
void owner_drop(struct sysfs_tree *t, sysfs_ino ino);

#endif
