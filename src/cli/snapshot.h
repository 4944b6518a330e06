/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_SNAPSHOT_H
#define APUS_CLI_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/*
 * Snapshots of real Linux systems that have booted without a server and wait to be told who they
 * are. They are directories CACHE/snapshot-KEY, accessible only to this user, with the files
 *
 *   recipe  all that decides what is in it, of which KEY is a checksum
 *   ram     the memory, which copies map privately
 *   state   the rest of the machine, by QEMU's migration
 *   copy    the command line of a copy (linux/boot --snapshot)
 *   console.log
 *
 * One that has not been used for a day is removed when another is made.
 */

/* What is the same in all copies of a snapshot. Strings may be NULL where linux/boot has a default.
 */
struct snapshot {
    const char *memory, *cpus, *kernel, *cpu;
    bool packages, lpar, sie;
    uint32_t features; /* GUEST_FEATURE_* that the machine has */
    uint32_t flags;    /* AP_QCI_* */
    uint8_t max_adapter, max_domain;
};

/* Finds it, or makes it, which takes as long as a boot. True: *dir is its directory. False: *why
 * says what is in the way. */
bool snapshot_get(const struct snapshot *s, struct text *dir, struct text *why);

#endif
