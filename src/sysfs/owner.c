/* SPDX-License-Identifier: MIT */
#include "sysfs/owner.h"

#include <stdlib.h>

/* Out of memory aborts, as everywhere else (base/text.h). */
#define uthash_fatal(message) abort()
#include <uthash.h>

struct sysfs_owned {
    sysfs_ino ino, target;
    struct sysfs_owner owner;
    UT_hash_handle hh;
};

#define LIMIT_MIN 64

static struct sysfs_owned *find(const struct sysfs_tree *t, sysfs_ino ino)
{
    struct sysfs_owned *found;

    HASH_FIND(hh, t->owned, &ino, sizeof ino, found);
    return found;
}

static void drop(struct sysfs_tree *t, struct sysfs_owned *owned)
{
    HASH_DEL(t->owned, owned);
    free(owned);
}

const struct sysfs_owner *owner_find(const struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target)
{
    const struct sysfs_owned *owned = find(t, ino);

    return owned && owned->target == target ? &owned->owner : NULL;
}

bool owner_is_full(const struct sysfs_tree *t)
{
    return HASH_COUNT(t->owned) >= t->owned_limit;
}

void owner_drop_dead(struct sysfs_tree *t, bool (*lives)(const struct sysfs_tree *t, sysfs_ino ino))
{
    struct sysfs_owned *owned, *next;
    unsigned count;

    HASH_ITER (hh, t->owned, owned, next) {
        if (!lives(t, owned->ino))
            drop(t, owned);
    }
    count = HASH_COUNT(t->owned);
    t->owned_limit = 2 * count < LIMIT_MIN ? LIMIT_MIN : 2 * count;
}

void owner_put(struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target,
               const struct sysfs_owner *owner)
{
    struct sysfs_owned *owned = find(t, ino);

    if (!owned) {
        owned = xcalloc(1, sizeof *owned);
        owned->ino = ino;
        HASH_ADD(hh, t->owned, ino, sizeof ino, owned);
    }
    owned->target = target;
    owned->owner = *owner;
}

void owner_drop(struct sysfs_tree *t, sysfs_ino ino)
{
    struct sysfs_owned *owned = find(t, ino);

    if (owned)
        drop(t, owned);
}

void sysfs_tree_done(struct sysfs_tree *t)
{
    struct sysfs_owned *owned, *next;

    HASH_ITER (hh, t->owned, owned, next)
        drop(t, owned);
}
