/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_RUNTIME_H
#define APUS_RUN_RUNTIME_H

#include <sys/types.h>

/*
 * The directory of running machines. $APUS_RUNTIME_DIR, by default
 * ${XDG_RUNTIME_DIR:-/tmp}/apus-UID, has mode 0700 and contains a directory for each `apus run`,
 * named after its process id:
 *
 *   control   the control socket of its daemon
 *   lock      locked by flock(2) as long as that `apus run` is running
 *
 * `apus run` sets the variable for its program, whose uid may differ in a user namespace.
 */
#define RUNTIME_PATH_MAX 108 /* limit of the path of a Unix socket */

/* Ends everything that belongs to the machine with that control socket, before its directory is
 * removed. May run in another process than the one that created the directory. */
typedef void runtime_ending_fn(const char *socket);

struct runtime {
    char dir[RUNTIME_PATH_MAX];
    char socket[RUNTIME_PATH_MAX];
    int lock;    /* descriptor of the locked file; close-on-exec */
    int guarded; /* the guard waits until this descriptor is closed; close-on-exec */
    pid_t guard; /* process that removes the directory if this one is killed */
    runtime_ending_fn *ending;
};

/*
 * The path of the directory of all machines, which is not created. 0, or -ENAMETOOLONG after an
 * error message.
 */
int runtime_base(char out[RUNTIME_PATH_MAX]);

/*
 * Creates the directory for this process, and removes those whose `apus run` has ended. 0, or
 * -errno after an error message.
 */
int runtime_create(struct runtime *out, runtime_ending_fn *ending);

/* Removes the directory and its contents, and ends the guard. */
void runtime_remove(struct runtime *r);

/*
 * The control socket of the only running machine. 0, or -errno after an error message: -ENOENT:
 * none is running; -EEXIST: several are (they are listed); -ENAMETOOLONG.
 */
int runtime_find_socket(char out[RUNTIME_PATH_MAX]);

#endif
