/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_PROGRAM_H
#define APUS_RUN_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

/* Exit statuses in addition to the program's own, as used by env(1) and timeout(1). */
#define PROGRAM_FAILED     125 /* apus itself failed */
#define PROGRAM_UNRUNNABLE 126
#define PROGRAM_MISSING    127

/* Appends the directory of this program to PATH if no `apus` is found there. Must be called before
 * program_check. */
void program_extend_path(void);

/* Puts a directory first on PATH, or last; before program_check, too. */
void program_prefer_dir(const char *dir);
void program_offer_dir(const char *dir);

/*
 * Checks that the program, a path or a name in $PATH, exists and is executable. 0, or
 * PROGRAM_MISSING or PROGRAM_UNRUNNABLE after an error message.
 */
int program_check(const char *name);

/* The path of the program, of PATH_MAX bytes at most. False: there is none that can be executed. */
bool program_find(const char *name, char *out);

/*
 * Runs argv as a child and waits for its end. The child is killed when this process dies. Returns
 * its exit status, or 128 + n if signal n ended it. Signals from other processes are forwarded to
 * it. If *daemon (0: none) ends first, an error message is printed, *daemon becomes 0, and an exit
 * status of 0 becomes PROGRAM_FAILED.
 */
int program_run(char **argv, pid_t *daemon);

/* What happens in the new process before it becomes the program. Functions return 0, or -errno
 * after a message. */
struct program_entry {
    int (*enter)(void *data); /* moves it to where the program runs; NULL: here */
    /* Passes the listener for its ioctls (run/filter.h) to the daemon; NULL: it has no filter. With
     * paths it is called in the parent. */
    int (*hand_over)(void *data, int listener);
    bool zcrypt; /* the filter reports zcrypt's ioctls, too, not only VFIO's */
    bool paths;  /* it reports paths and writes, too (nomount/nomount.h) */
    bool needed; /* without the filter the program is not started */
    void *data;
};

/* The same, with an entry, which may be NULL. */
int program_run_entered(char **argv, pid_t *daemon, const struct program_entry *entry);

/* Ends the daemon, a child, with SIGTERM, or after some seconds with SIGKILL, and waits for it.
 * False, after an error message: it had been killed before. */
bool program_end_daemon(pid_t daemon);

/*
 * Sets the environment of a program in a composed /sys: the control socket, and that libudev
 * accepts directories that are not on a sysfs [uevents-libudev].
 */
void program_set_environment(const char *socket);

#endif
