/* SPDX-License-Identifier: MIT */
#include "sysfs/owner.h"

#include <stdlib.h>

/* Out of memory aborts, as everywhere else (base/text.h). */
#define uthash_fatal(message) abort()
#include <uthash.h>

struct sysfs_owned {
    sysfs_ino ino, target;
    struct sysfs_owner owner;
    uint64_t id; /* in owned_by_number */
    UT_hash_handle hh;
};

static struct sysfs_owned *find(const struct sysfs_tree *t, sysfs_ino ino)
{
    struct sysfs_owned *found;

    HASH_FIND(hh, t->owned, &ino, sizeof ino, found);
    return found;
}

static void note(struct sysfs_tree *t, uint32_t number)
{
    t->owners_touched =
        xrealloc(t->owners_touched, (t->owners_touched_count + 1) * sizeof *t->owners_touched);
    t->owners_touched[t->owners_touched_count++] = number;
}

static void drop(struct sysfs_tree *t, struct sysfs_owned *owned)
{
    note(t, (uint32_t)owned->id);
    slots_remove(&t->owned_by_number, owned->id);
    HASH_DEL(t->owned, owned);
    free(owned);
}

const struct sysfs_owner *owner_find(const struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target)
{
    const struct sysfs_owned *owned = find(t, ino);

    return owned && owned->target == target ? &owned->owner : NULL;
}

void owner_drop_dead(struct sysfs_tree *t,
                     bool (*lives)(const struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target))
{
    struct sysfs_owned *owned, *next;

    HASH_ITER (hh, t->owned, owned, next) {
        if (!lives(t, owned->ino, owned->target))
            drop(t, owned);
    }
}

static struct sysfs_owned *add(struct sysfs_tree *t, sysfs_ino ino)
{
    struct sysfs_owned *owned = xcalloc(1, sizeof *owned);

    owned->ino = ino;
    HASH_ADD(hh, t->owned, ino, sizeof ino, owned);
    return owned;
}

void owner_put(struct sysfs_tree *t, sysfs_ino ino, sysfs_ino target,
               const struct sysfs_owner *owner)
{
    struct sysfs_owned *owned = find(t, ino);

    if (!owned) {
        owned = add(t, ino);
        owned->id = slots_add(&t->owned_by_number, owned);
    }
    owned->target = target;
    owned->owner = *owner;
    note(t, (uint32_t)owned->id);
}

void owner_put_at(struct sysfs_tree *t, uint32_t number, sysfs_ino ino, sysfs_ino target,
                  const struct sysfs_owner *owner)
{
    struct sysfs_owned *owned = add(t, ino);

    owned->id = slots_add_at(&t->owned_by_number, number, owned);
    owned->target = target;
    owned->owner = *owner;
}

void owner_drop(struct sysfs_tree *t, sysfs_ino ino)
{
    struct sysfs_owned *owned = find(t, ino);

    if (owned)
        drop(t, owned);
}

bool sysfs_owner_at(const struct sysfs_tree *t, uint32_t number, sysfs_ino *ino,
                    struct sysfs_owner *out)
{
    const struct sysfs_owned *owned = slots_at(&t->owned_by_number, number);

    if (!owned)
        return false;
    *ino = owned->ino;
    *out = owned->owner;
    return true;
}

bool sysfs_owner_next(const struct sysfs_tree *t, uint32_t *cursor, uint32_t *number)
{
    if (!slots_next(&t->owned_by_number, cursor))
        return false;
    *number = *cursor - 1;
    return true;
}

bool sysfs_owner_touched(struct sysfs_tree *t, uint32_t *number)
{
    if (t->owners_touched_count) {
        *number = t->owners_touched[--t->owners_touched_count];
        return true;
    }
    free(t->owners_touched);
    t->owners_touched = NULL;
    return false;
}

void sysfs_owners_forget(struct sysfs_tree *t)
{
    struct sysfs_owned *owned, *next;

    HASH_ITER (hh, t->owned, owned, next)
        drop(t, owned);
}

void sysfs_tree_done(struct sysfs_tree *t)
{
    sysfs_owners_forget(t);
    slots_done(&t->owned_by_number);
    free(t->owners_touched);
}
