/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_RUNTIME_H
#define APUS_RUN_RUNTIME_H

#include <sys/types.h>

/*
 * Where running machines are found. $APUS_RUNTIME_DIR, by default
 * ${XDG_RUNTIME_DIR:-/tmp}/apus-UID, is of mode 0700 and holds one directory per `apus run`, named
 * after its process id:
 *
 *   control   the control socket of its daemon
 *   lock      a file under flock(2) for as long as that `apus run` lives
 *
 * `apus run` sets the variable for its program, which may see itself under another uid.
 */
#define RUNTIME_PATH_MAX 108 /* a Unix socket's path is no longer */

/* Ends what belongs to the machine whose control socket this is, before its directory goes. May run
 * in another process than the one that created the directory. */
typedef void runtime_ending_fn(const char *socket);

struct runtime {
    char dir[RUNTIME_PATH_MAX];
    char socket[RUNTIME_PATH_MAX];
    int lock;    /* keeps the directory from being swept; close-on-exec */
    int guarded; /* while this descriptor is open, the guard waits; close-on-exec */
    pid_t guard; /* a process that removes the directory if we are killed */
    runtime_ending_fn *ending;
};

/*
 * The directory that holds all others, without creating it. 0, or -ENAMETOOLONG after a sentence on
 * standard error.
 */
int runtime_base(char out[RUNTIME_PATH_MAX]);

/*
 * Creates the directory for this process, and removes those whose owner is gone. 0, or a negative
 * errno after a sentence on standard error.
 */
int runtime_create(struct runtime *out, runtime_ending_fn *ending);

/* Removes the directory and what it holds, and ends the guard. */
void runtime_remove(struct runtime *r);

/*
 * The socket of the only running machine. 0, or a negative errno after a sentence on standard
 * error: -ENOENT none runs, -EEXIST several do (they are listed), -ENAMETOOLONG.
 */
int runtime_find_socket(char out[RUNTIME_PATH_MAX]);

#endif
