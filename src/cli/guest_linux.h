/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_GUEST_LINUX_H
#define APUS_CLI_GUEST_LINUX_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/linux_boot.h"

/* Guests of a daemon that are real Linux systems. socket: the path of the control socket. */

/* Whether a daemon is listening there. Prints no error message. */
bool guest_linux_answers(const char *socket);

/* The reply to guest-list, as a new reference. 0, or -1 after an error message. */
int guest_linux_list(const char *socket, json_t **out);

/* The guest of that name in the list, or NULL. */
const json_t *guest_linux_find(const json_t *list, const char *name);

/* Boots a guest. Sets dir and socket of boot. Waits until the guest has connected and, with wait,
 * until it has booted. Returns the exit status, after an error message if it is not 0. */
int guest_linux_start(const char *socket, struct linux_boot *boot, bool wait);

/* Ends the guest's QEMU, if there is one, and returns whether there was. */
bool guest_linux_stop(const char *socket, const char *name);

#endif
