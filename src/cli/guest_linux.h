/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_GUEST_LINUX_H
#define APUS_CLI_GUEST_LINUX_H

#include <jansson.h>
#include <stdbool.h>

#include "cli/linux.h"

/* Guests of a daemon that are real Linux systems. socket is the control socket. */

/* Whether a daemon listens there; nothing is said. */
bool guest_linux_answers(const char *socket);

/* What guest-list returns, as a new reference. 0, or -1 after a sentence. */
int guest_linux_list(const char *socket, json_t **out);

/* The guest of that name in it, or NULL. */
const json_t *guest_linux_find(const json_t *list, const char *name);

/* Whether a client is the guest's CPUs. */
bool guest_linux_is_real(const char *socket, const char *name);

/* Boots as boot says, whose dir and socket are filled in; waits until the guest has connected, and
 * if wanted until it answers. The exit status, after a sentence if it is not 0. */
int guest_linux_start(const char *socket, struct linux_boot *boot, bool wait);

/* Ends the guest's QEMU, if there is one, and returns whether there was. */
bool guest_linux_stop(const char *socket, const char *name);

#endif
