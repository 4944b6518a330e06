/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_PROGRAM_H
#define APUS_RUN_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

/* Exit statuses beside the program's own, as env(1) and timeout(1) have them. */
#define PROGRAM_FAILED     125 /* apus itself failed */
#define PROGRAM_UNRUNNABLE 126
#define PROGRAM_MISSING    127

/* Appends the directory of this program to PATH if that has no `apus`; to be called before
 * program_check. */
void program_extend_path(void);

/* Puts a directory first on PATH; before program_check, too. */
void program_prefer_dir(const char *dir);

/*
 * Whether the program, a path or a name on $PATH, is there and executable: 0, or PROGRAM_MISSING or
 * PROGRAM_UNRUNNABLE after a sentence on standard error.
 */
int program_check(const char *name);

/*
 * Runs argv as a child, which is killed when this process dies, and waits for its end. Returns its
 * exit status, 128 + n if signal n ended it. Signals that another process sends us are passed on to
 * it. If *daemon (0: none) ends first, a sentence says so, *daemon becomes 0, and an exit status of
 * 0 becomes PROGRAM_FAILED.
 */
int program_run(char **argv, pid_t *daemon);

/* Where a program hands its ioctls of device nodes over (run/filter.h). */
struct program_listener {
    int socket;
    bool zcrypt; /* not those of VFIO alone */
    bool needed; /* without it the program does not start */
};

/* The same; listener may be NULL. */
int program_run_watched(char **argv, pid_t *daemon, const struct program_listener *listener);

/* Ends a child with SIGTERM, after some seconds with SIGKILL, and waits for it. */
void program_end(pid_t child);

/*
 * Sets what a program in a composed /sys needs to find: `apus` on its PATH, and libudev told that
 * our directories will do (sd-device refuses what is not a sysfs [uevents-libudev]).
 */
void program_set_environment(const char *socket);

#endif
