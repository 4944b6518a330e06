/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_LINUX_H
#define APUS_CLI_LINUX_H

#include <stdbool.h>

#include "base/text.h"

/*
 * Real Linux guests: QEMU processes started by the script linux/boot (docs/linux-guests.md). The
 * files of guest NAME are in the directory SOCKET.linux/NAME, where SOCKET is the control socket:
 * lock (held while QEMU runs), pid, exec.sock, console.log, qemu.log.
 */

/* The path of a script or program of Apus, in the build tree or installed: "fetch", "boot",
 * "linux-exec". False after an error message. */
bool linux_tool(const char *name, struct text *out);

/* What QEMU inside `apus run` needs, except the socket. Freed by linux_emulator_done. */
struct linux_emulator {
    struct text bin, plugin;
    struct text qemu; /* the one in the cache; empty: its place is not known */
};

/* False: the plugin is not installed, so QEMU cannot be offered. */
bool linux_emulator_find(struct linux_emulator *out);
void linux_emulator_done(struct linux_emulator *e);

/* The directory of a guest. False if the name is not valid: at most 63 letters, digits and . _ -,
 * not beginning with . or -. */
bool linux_guest_dir(const char *socket, const char *name, struct text *out);

/* Whether QEMU runs for the guest with this directory. */
bool linux_guest_runs(const char *dir);

/* Ends the QEMU of a guest, if any, waits for its end, and removes the directory. */
void linux_guest_end(const char *dir);

/* The same for all guests of a control socket. */
void linux_guests_end(const char *socket);

/* How to boot. Strings may be NULL where the script has a default. */
struct linux_boot {
    const char *dir;    /* directory of the guest */
    const char *socket; /* path of the guest socket */
    const char *name, *mdev, *memory, *cpus, *kernel, *append;
    const char *cpu; /* QEMU's CPU model with features */
    bool lpar;       /* it is the LPAR itself, not a guest of a mediated device */
    bool packages;   /* with the packages that were added to the cache */
    bool console;    /* show the console in this terminal, until the guest ends */
};

/*
 * Boots. Returns the exit status: with a console that of QEMU; otherwise 0 once QEMU runs. The
 * script prints error messages itself.
 */
int linux_boot(const struct linux_boot *boot);

/* Runs a program in the guest with this directory, and returns its exit status. */
int linux_exec(const char *dir, char **argv);

/* Waits until the guest has booted. 0, or 1 after an error message. */
int linux_wait(const char *dir, const char *name);

/* The last message of the plugin, such as why the daemon refused the guest; "": none. */
void linux_last_words(const char *dir, struct text *out);

#endif
