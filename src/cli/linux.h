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

/* The directory of a guest. False if the name is not valid: at most 63 letters, digits and . _ -,
 * not beginning with . or -. */
bool linux_guest_dir(const char *socket, const char *name, struct text *out);

/* Whether QEMU runs for the guest with this directory. */
bool linux_guest_runs(const char *dir);

/* Whether the guest of that name is one of `guest start --linux`, and runs; sets dir to its
 * directory. */
bool linux_guest_find(const char *socket, const char *name, struct text *dir);

/* Ends the QEMU of a guest, if any, and waits for its end. */
void linux_guest_quit(const char *dir);

/* The same, and removes the directory. */
void linux_guest_end(const char *dir);

/* The same for all guests of a control socket. */
void linux_guests_end(const char *socket);

/* Runs a program in the guest with this directory, and returns its exit status. */
int linux_exec(const char *dir, char **argv);

/* Waits until the guest has booted. 0, or 1 after an error message. */
int linux_wait(const char *dir, const char *name);

/* The last line of a file in the directory; "": there is none. */
void linux_last_line(const char *dir, const char *file, struct text *out);

void linux_pause(unsigned ms);

/* The last message of the plugin, such as why the daemon refused the guest; with any, otherwise of
 * QEMU; "": none. */
void linux_last_words(const char *dir, bool any, struct text *out);

#endif
