/* SPDX-License-Identifier: MIT */
#ifndef APUS_NOMOUNT_WALK_H
#define APUS_NOMOUNT_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/places.h"
#include "sysfs/tree.h"

/*
 * From a path to what it names, over the border between the machine's tree and the computer's /sys
 * and /dev in both directions. Links and ".." are followed as the kernel does. Outside of /sys and
 * /dev nothing is looked at, nor in what is mounted there, which may be a file system that does not
 * answer: where links there lead to is found before (outside.h).
 */
enum walk_kind {
    WALK_OURS,  /* ino, of the machine's tree */
    WALK_UNION, /* a directory with entries of both */
    WALK_REAL,  /* the computer's, or nothing of us at least */
};

struct walk_result {
    enum walk_kind kind;
    sysfs_ino ino;
    bool exists;  /* false: only the directory that it would be in does */
    bool assumed; /* that it exists: nobody has looked */
    bool real;    /* the computer has something of that name */
    bool crossed; /* the kernel cannot come there by that path: it led through what is ours */
    bool slash;   /* the path ended with one: it has to be a directory */
    bool link;    /* of WALK_OURS and WALK_REAL */
    bool dot, up; /* the path ended with "." or ".." */
    char path[PATH_MAX]; /* absolute, without links but perhaps the last one */
};

/* A file of the computer's. */
struct walk_look {
    mode_t mode;  /* its type */
    dev_t device; /* of its file system */
};

struct walk_world {
    const struct sysfs_tree *tree; /* NULL: it does not answer any more: -ENOTCONN */
    /* 0 or -errno. readlink as readlink(2), or -errno. */
    int (*look)(void *data, const char *path, struct walk_look *out);
    ssize_t (*readlink)(void *data, const char *path, char *out, size_t size);
    void *data;
    bool entry; /* a link at the end is kept even with a slash behind it */
    /* RESOLVE_* of openat2(2): none, or how the path may not leave base, an absolute path without
     * links and a slash at its end, with which it begins. */
    uint64_t resolve;
    const char *base;
};

/* The machine's files outside of /sys: as base/places.h, for programs without a mount alone. Ends
 * with a NULL path. */
extern const struct place walk_places[];

/* The place with this path, of both tables, or NULL. */
const struct place *walk_place(const char *path);

/* Whether an absolute path leads to /sys, /dev or /proc/sysinfo, or by way of the first two, as its
 * text says. */
bool walk_may_concern(const char *path);

/* path is absolute. 0; -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG. */
int walk(const struct walk_world *world, const char *path, bool follow, struct walk_result *out);

/* The path by which programs know a node of the tree: below /sys or /dev. */
void walk_path_of(const struct sysfs_tree *tree, sysfs_ino ino, struct text *out);

#endif
