/* SPDX-License-Identifier: MIT */
#ifndef APUS_NOMOUNT_SHADOW_H
#define APUS_NOMOUNT_SHADOW_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"

/*
 * Directories that programs can hold open, change into and list. Only names and kinds count in
 * them: whatever is opened below is opened by its name. A directory is made when it is first
 * opened, filled when it is opened for reading, and brought up to date if something has changed
 * since. The time of its last modification holds the version that it has.
 */
struct shadow {
    int root; /* descriptor of the directory */
    char path[PATH_MAX];
    size_t len;   /* of path */
    dev_t device; /* of the file system */
    uint64_t version;
};

/* The entries that a directory is to have: for each its kind ('d', 'l', 'f') and its name, with a
 * terminator. */
struct shadow_listing {
    struct text entries;
    unsigned count;
    uint64_t version;
};

/* Makes a directory with mode 0755. 0 or -errno. */
int shadow_make(int parent, const char *name);
/* 0 or -errno. */
int shadow_open(const char *path, struct shadow *out);
void shadow_close(struct shadow *s);

/* A descriptor of the directory that programs know by this absolute path, or -errno. */
int shadow_directory(const struct shadow *s, const char *path);
/* Whether it has this version. */
bool shadow_is_current(const struct shadow *s, int directory);
/* Brings it to what is listed; on any thread. 0 or -errno. */
int shadow_fill(int directory, const struct shadow_listing *listing);
void shadow_list(struct shadow_listing *l, char kind, const char *name);

/* A file in a directory, as one that no other name in it is for, open for reading; or -errno. */
int shadow_file(const struct shadow *s, const char *path, const char *name);
/* Who watches it sees that it was written to, or only its inode was. */
void shadow_touch(const struct shadow *s, const char *path, const char *name, bool written);

/* The entry has gone. */
void shadow_remove(const struct shadow *s, const char *path, const char *name);

#endif
