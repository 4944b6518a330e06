/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_COPY_H
#define APUS_RUN_COPY_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Copies of directories, with owner, mode, times and extended attributes. Directories, regular
 * files and symbolic links are copied; rest says what becomes of all else: sockets and other
 * special files, what cannot be read, files above the limit or that of the process and, unless
 * across, what is mounted there (a tmpfs is copied as the directory that it looks like).
 */
struct copy_plan {
    off_t limit; /* bytes of a file */
    bool across;
    /* name in the directories real and new, path for messages. 0 or -errno. */
    int (*rest)(int real, int new, const char *path, const char *name, const struct stat *st);
};

/* A rest: it is the real one, read-only. */
int copy_bind_rest(int real, int new, const char *path, const char *name, const struct stat *st);

/*
 * Copies the entry name of the directory real, whose file system has the number device, to new. 0,
 * also if it has vanished meanwhile, or -errno after a sentence.
 */
int copy_entry(const struct copy_plan *plan, int real, int new, const char *path, const char *name,
               dev_t device);

/* Copies all entries. path is that of real. */
int copy_dir(const struct copy_plan *plan, int real, int new, const char *path);

#endif
