/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_RUNTIME_H
#define APUS_RUN_RUNTIME_H

#include <stdbool.h>
#include <sys/types.h>

#include "run/info.h"

/*
 * The directory of running machines. $APUS_RUNTIME_DIR; by default /run/apus for root,
 * $XDG_RUNTIME_DIR/apus for others, and /tmp/apus-UID where there is neither. It has mode 0700 and
 * contains a directory for each machine, named as `apus up` was told, or after the process id of
 * `apus run`:
 *
 *   control   the control socket of its daemon; beside it, that for guests, and control.linux with
 *             its real guests (cli/linux.h)
 *   metrics   the socket for metrics, of `apus up`
 *   lock      locked by flock(2) as long as the machine runs
 *   shadow    of `apus run --no-mount`: directories that programs hold (nomount/shadow.h), or a
 *             link to where they are
 *   machine   what others have to know of it (info.h)
 *
 * `apus run` sets the variable for its program, whose uid may differ in a user namespace.
 *
 * A machine is run by up to three processes, which share the lock: `apus run`, the daemon, and a
 * guard. `apus up` leaves the daemon and the guard behind. The guard waits until the others have
 * ended, however that came, ends the programs that are left in a named machine, and removes the
 * directory. What is left when the guard was killed, too, is swept by the next command.
 */
#define RUNTIME_PATH_MAX 108 /* limit of the path of a Unix socket */
#define RUNTIME_NAME_MAX 33

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

/* A machine that runs, for others than those that run it. */
struct runtime_machine {
    char name[RUNTIME_NAME_MAX];
    char dir[RUNTIME_PATH_MAX];
    char socket[RUNTIME_PATH_MAX];
    struct run_info info; /* source "": it is still being laid out */
};

/*
 * The path of the directory of all machines, which is not created. 0, or -ENAMETOOLONG after an
 * error message.
 */
int runtime_base(char out[RUNTIME_PATH_MAX]);

/* Whether a machine can have that name: a letter, then letters, digits or ._-, 32 at most. */
bool runtime_name_is_valid(const char *name);
/* Whether it was started by `apus up`; the name of any other one is a process id. */
bool runtime_is_named(const char *name);

/*
 * Creates the directory of a machine, and removes those of machines that have ended. name NULL: it
 * is named after this process. 0, or -errno after an error message; -EEXIST: that one is running.
 */
int runtime_create(struct runtime *out, const char *name, runtime_ending_fn *ending);

/*
 * The directory shadow: in memory if there is /dev/shm, as it can have many entries. Returns its
 * path in out. 0, or -errno after an error message.
 */
int runtime_make_shadow(const struct runtime *r, char out[RUNTIME_PATH_MAX]);

/* Removes the directory and its contents, and ends the guard. */
void runtime_remove(struct runtime *r);

/* Removes what machines that have ended left behind. */
void runtime_sweep(runtime_ending_fn *ending);

/* Calls each for all machines that run. 0, or -ENAMETOOLONG, -EPERM (the directory is not this
 * user's) after an error message. */
int runtime_each(void (*each)(void *data, const struct runtime_machine *m), void *data);

/* The machine of that name. 0, or -ENOENT, -EAGAIN (being laid out), -ENAMETOOLONG, -EPERM after an
 * error message. */
int runtime_look(const char *name, struct runtime_machine *out);

/* The machine with that control socket. 0, or -ENOENT: it belongs to a daemon without a machine. */
int runtime_of(const char *socket, struct runtime_machine *out);

/* The process that serves the machine; 0: none answers. */
pid_t runtime_daemon(const struct runtime_machine *m);

/* Ends a named machine, its programs first. 0, or -errno after an error message. */
int runtime_end(const struct runtime_machine *m, runtime_ending_fn *ending);

/*
 * The control socket of a machine; name NULL: of the only running one. 0, or -errno after an error
 * message: -ENOENT: none is running; -EEXIST: several are (they are listed); -ENAMETOOLONG, -EPERM.
 */
int runtime_find_socket(const char *name, char out[RUNTIME_PATH_MAX]);

#endif
