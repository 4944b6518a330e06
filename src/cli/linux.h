/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_LINUX_H
#define APUS_CLI_LINUX_H

#include <stdbool.h>

#include "base/text.h"

/*
 * Real Linux guests: QEMU processes that our scripts boot (docs/linux-guests.md). The files of
 * guest NAME are in the directory SOCKET.linux/NAME, SOCKET being the control socket: lock (held as
 * long as QEMU runs), pid, exec.sock, console.log, qemu.log.
 */

/* Where a script or program of ours is, in the build tree or installed: "fetch", "boot",
 * "linux-exec". False after a sentence on standard error. */
bool linux_tool(const char *name, struct text *out);

/* What QEMU inside `apus run` needs, but for the socket; texts are to be freed with
 * linux_emulator_done. */
struct linux_emulator {
    struct text bin, plugin;
    struct text qemu; /* of the cache; empty if nobody can say where that is */
};

/* False: the plugin is not installed, hence there is no QEMU of ours. */
bool linux_emulator_find(struct linux_emulator *out);
void linux_emulator_done(struct linux_emulator *e);

/* The directory of a guest. False if no guest of ours can have that name: it is made of letters,
 * digits and . _ -, at most 63, and does not begin with . or -. */
bool linux_guest_dir(const char *socket, const char *name, struct text *out);

/* Whether QEMU runs for the guest with this directory. */
bool linux_guest_runs(const char *dir);

/* Ends the QEMU of a guest, waits for that, and removes the directory. Nothing if there is none. */
void linux_guest_end(const char *dir);

/* The same for all guests of a control socket. */
void linux_guests_end(const char *socket);

/* How to boot; strings may be NULL where boot has a default. */
struct linux_boot {
    const char *dir;    /* of the guest */
    const char *socket; /* of the guest protocol */
    const char *name, *mdev, *memory, *cpus, *kernel, *append;
    const char *cpu; /* QEMU's CPU model with features */
    bool lpar;       /* role lpar */
    bool packages;   /* with the further packages of the cache */
    bool console;    /* in this terminal, until the guest ends */
};

/*
 * Boots. With a console the exit status of QEMU; otherwise 0 when QEMU runs. boot says itself what
 * went wrong.
 */
int linux_boot(const struct linux_boot *boot);

/* Runs a program in the guest with this directory, and returns its exit status. */
int linux_exec(const char *dir, char **argv);

/* Waits until the guest has answered. 0, or 1 after a sentence. */
int linux_wait(const char *dir, const char *name);

/* What the plugin said last, for instance why the daemon refused the guest; "" if nothing. */
void linux_last_words(const char *dir, struct text *out);

#endif
