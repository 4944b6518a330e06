/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "nomount/internal.h"

#define uthash_fatal(message) abort()
#include <uthash.h>

/*
 * The nodes of which programs have been given a file. A program can give a memfd of its own any
 * name; a number that was never given out stands for nothing, so the tree is never asked for what
 * it has not named itself.
 */
#define ISSUED_MIN 4096u

struct issued {
    sysfs_ino ino;
    UT_hash_handle hh;
};

bool issued_has(const struct nomount_view *v, sysfs_ino ino)
{
    struct issued *found;

    HASH_FIND(hh, v->issued, &ino, sizeof ino, found);
    return found;
}

/* Forgets those that have gone, each time that there are twice as many. */
static void tidy(struct nomount_view *v)
{
    struct issued *one, *next;
    struct sysfs_entry e;

    if (HASH_COUNT(v->issued) < v->issued_max)
        return;
    HASH_ITER (hh, v->issued, one, next)
        if (sysfs_stat(view_tree(v), one->ino, &e) < 0) {
            HASH_DELETE(hh, v->issued, one);
            free(one);
        }
    v->issued_max = 2 * HASH_COUNT(v->issued);
    if (v->issued_max < ISSUED_MIN)
        v->issued_max = ISSUED_MIN;
}

void issued_add(struct nomount_view *v, sysfs_ino ino)
{
    struct issued *one;

    if (issued_has(v, ino))
        return;
    tidy(v);
    one = xcalloc(1, sizeof *one);
    one->ino = ino;
    HASH_ADD(hh, v->issued, ino, sizeof one->ino, one);
}

void issued_free(struct nomount_view *v)
{
    struct issued *one, *next;

    HASH_ITER (hh, v->issued, one, next) {
        HASH_DELETE(hh, v->issued, one);
        free(one);
    }
}
