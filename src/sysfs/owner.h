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

void owner_put(struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target,
               const struct sysfs_owner *owner);
/* The same under a number that has to be free. */
void owner_put_at(struct sysfs_tree *t, uint32_t number, sysfs_ino ino, sysfs_ino target,
                  const struct sysfs_owner *owner);
void owner_drop(struct sysfs_tree *t, sysfs_ino ino);
/* Those that are not there any more. */
void owner_drop_dead(struct sysfs_tree *t,
                     bool (*lives)(const struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target));

#endif
