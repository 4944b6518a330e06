/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_RUNTIME_DIR_H
#define APUS_RUN_RUNTIME_DIR_H

#include <dirent.h>
#include <time.h>

#include "run/runtime.h"

/* What runtime.c and runtime_machine.c share: the directory of all machines, and what is in it. */

#define RUNTIME_MEMORY    "/dev/shm/apus-" /* what shadow may be a link to begins with that */
#define RUNTIME_STEP_MS   20
#define RUNTIME_ENDING_MS 5000 /* until a machine that ends has ended */

static inline void runtime_nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = RUNTIME_STEP_MS * 1000000}, NULL);
}

/* dir/name. A foreign file may have a longer name: "" is none of ours. */
void runtime_join(char out[RUNTIME_PATH_MAX], const char *dir, const char *name);

/* The base is the directory of all machines. It must belong to this user: in /tmp someone else may
 * have created it first. 0, or -errno after an error message. */
int runtime_make_base(const char *base);
/* 0; -ENOENT: it is not there, so there is no machine; -EPERM after an error message. */
int runtime_check_base(const char *base);
/* Takes the lock for creating and sweeping directories. Returns its descriptor, or -errno. */
int runtime_lock_base(const char *base);
/* Removes what machines that have ended left behind. Under the lock. */
void runtime_sweep_base(const char *base, runtime_ending_fn *ending);

/* The next directory in d whose name may be that of a machine, or NULL. */
const char *runtime_next_name(DIR *d);
/* Whether a lock is held, or, as errno says, cannot be looked at. */
bool runtime_is_locked(const char *lock);
/* Whether the machine of that name runs. */
bool runtime_is_alive(const char *base, const char *name);
/* Ends what is left of a machine, and removes its directory. */
void runtime_remove_dir(const char *dir, runtime_ending_fn *ending);

/* runtime_machine.c: what others see of the machine in base/name. */
void runtime_describe(const char *base, const char *name, struct runtime_machine *out);
/* The kernel connects to one that has been killed, too, until its descriptors are closed; but that
 * one says nothing any more. */
bool runtime_greets(const char *socket);

#endif
