/* SPDX-License-Identifier: MIT */
#ifndef APUS_PRELOAD_LOOK_H
#define APUS_PRELOAD_LOOK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "preload/call.h"

/*
 * Where it is plain that the machine is not concerned a call is not reported: with NOMOUNT_PASS in
 * a last argument the filter lets it pass, which is several times as fast. Any program may say
 * that; it would only see the computer's files.
 *
 * The kernel is asked first, and by that learns what there is of path and buffer. Only then the
 * path is looked at, and the call made once more, and reported, if the machine might be concerned.
 */

/* A call of one of the numbers in nomount_passes. */
static inline long pass(long number, long a, long b, long c, long d)
{
    return call(number, a, b, c, d, 0, b ^ (long)NOMOUNT_PASS);
}

/* A file that is none of the machine's. */
bool look_is_plain(const struct stat *st);

/* rc: of a call with that path, which, if it has found a file, has found this one. */
bool look_concerns_nobody(long rc, int at, const char *path, const struct stat *found);

/* Opens it, and looks at what is open. A descriptor, or -errno; -ENOSYS: it may be of the machine,
 * and nothing is open. */
long look_open(int at, const char *path, int flags, struct stat *found);

static inline bool look_is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* The names that 32-bit programs have for what is the same here. */
#define ALIAS(name) __attribute__((visibility("default"), alias(#name)))

#endif
