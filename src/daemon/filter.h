/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_FILTER_H
#define APUS_DAEMON_FILTER_H

#include <stdbool.h>

/* What happens on a system call that the daemon has no use for. */
enum filter_action {
    FILTER_KILL, /* it ends by SIGSYS */
    FILTER_LOG,  /* a line in the kernel's log, and the call is carried out */
    FILTER_OFF,  /* there is no filter */
};

/* What the list was tried with: kill there, log elsewhere (another libc calls other things). */
#if defined(__x86_64__) && defined(__GLIBC__)
#define FILTER_DEFAULT FILTER_KILL
#else
#define FILTER_DEFAULT FILTER_LOG
#endif

/*
 * From now on this process, with all its threads, makes only the system calls of a daemon that has
 * started; it can neither execute programs nor start processes, and gets no new privileges. nodes:
 * it also makes and removes device nodes. paths: it serves programs without a mount. 0 or -errno,
 * with nothing changed but that no program gets new privileges.
 */
int filter_load(enum filter_action action, bool nodes, bool paths);

#endif
