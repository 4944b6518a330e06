/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_INFO_H
#define APUS_RUN_INFO_H

#include <limits.h>
#include <stdbool.h>
#include <time.h>

/*
 * What others have to know of a machine: the file "machine" in its directory (runtime.h), lines of
 * a word and its value. It appears when all is laid out.
 */
struct run_info {
    char source[32];         /* of the mounts of its tree (members.h) */
    char ioctl[8];           /* "fuse" or "notify" */
    char uevents[4];         /* "yes": in a network namespace of its own; "": none are sent */
    char mount[4];           /* "no": programs see it without one; "" */
    char machine[PATH_MAX];  /* name of the machine file; "": the default machine */
    char state[PATH_MAX];    /* the state directory; "": none */
    struct timespec started; /* by the wall clock; read only */
};

/* A source that no other machine has. */
void run_info_source(char out[32]);

/* dir: the directory of the machine. 0 or -errno; read: -ENOENT: it is not laid out yet. */
int run_info_write(const char *dir, const struct run_info *info);
int run_info_read(const char *dir, struct run_info *out);

/* The file's name, and that of one that was not finished. */
#define RUN_INFO     "machine"
#define RUN_INFO_NEW "machine.new"

#endif
