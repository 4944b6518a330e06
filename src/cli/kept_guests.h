/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_KEPT_GUESTS_H
#define APUS_CLI_KEPT_GUESTS_H

#include <dirent.h>
#include <stdbool.h>

#include "cli/linux_boot.h"
#include "store/kept_guest.h"

/*
 * The real guests that a machine with --state starts again: the directory "guests" of its state
 * directory, mode 0700, with a file for each (store/kept_guest.h). A guest is there from the moment
 * that `guest start --linux` has succeeded until `guest stop`; the daemon does not look at it.
 * socket is the machine's control socket. Without --state nothing is kept, and nothing fails.
 */

/* Keeps a guest with the first count words of boot. 0, or 1 after an error message. */
int kept_guests_add(const char *socket, const struct linux_boot *boot, size_t count);

/* The guest has another mediated device from now on; NULL: none. 0, or 1 after an error message. */
int kept_guests_set_mdev(const char *socket, const char *name, const char *mdev);

bool kept_guests_has(const char *socket, const char *name);

/* It is not started again. 0, or 1 after an error message. */
int kept_guests_remove(const char *socket, const char *name);

/* Whether there is any in a state directory. */
bool kept_guests_any(const char *state);

/* Their names, sorted: how many, or -1 after an error message. kept_guests_names_done follows. */
int kept_guests_names(const char *socket, struct dirent ***out);
void kept_guests_names_done(struct dirent **names, int count);

/* With what a guest was started. out points into data. 0, to be followed by kept_guest_done, or 1
 * after an error message. */
int kept_guests_read(const char *socket, const char *name, struct text *data,
                     struct kept_guest *out);

/* The variables of the environment that decide which QEMU and which kernel are found
 * (linux_files.c, linux/common.sh), which are kept; a NULL ends them. */
extern const char *const kept_guests_settings[];

#endif
