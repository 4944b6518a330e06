/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_LINUX_FILES_H
#define APUS_CLI_LINUX_FILES_H

#include <stdbool.h>

#include "base/text.h"

/* Where the files for real Linux guests are. */

/* The path of a script or program of Apus, in the build tree or installed: "fetch", "boot",
 * "linux-exec". False after an error message. */
bool linux_tool(const char *name, struct text *out);

/* Appends a whole file. False: it cannot be read, errno says why. */
bool linux_read(const char *path, struct text *out);

/* The directory for what is fetched and what is made of it; empty: its place is not known. */
void linux_cache(struct text *out);

/* The suite of the kernel that is booted by default; "": none is in the cache. */
const char *linux_default_kernel(const char *cache);

/* Puts s390-tools (linux/tools) last on PATH, for systems that have none. Before program_check. */
void linux_offer_tools(void);

/* The plugin, in the build tree or installed. */
void linux_plugin(struct text *out);

/* What QEMU inside `apus run` needs, except the socket. Freed by linux_emulator_done. */
struct linux_emulator {
    struct text bin, plugin;
    struct text qemu; /* the one in the cache; empty: its place is not known */
};

/* False: the plugin is not installed, so QEMU cannot be offered. */
bool linux_emulator_find(struct linux_emulator *out);
void linux_emulator_done(struct linux_emulator *e);

#endif
