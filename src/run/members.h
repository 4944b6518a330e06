/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_MEMBERS_H
#define APUS_RUN_MEMBERS_H

#include <sys/types.h>

/*
 * The programs of a machine: the processes that have its tree among their mounts, also in mount
 * namespaces that were made of the machine's. They are found by the source of that mount
 * (compose_prepare), which no other machine has.
 */

/* Calls each for every one of them, in the order of process ids; of processes of other users only
 * those that /proc shows. */
void members_each(const char *source, void (*each)(void *data, pid_t pid), void *data);

/*
 * Ends them, but for this process and spare: they are told (SIGHUP, SIGTERM, SIGCONT), and killed
 * if they are still there grace milliseconds later. Returns when all are gone, or after some
 * seconds if the kernel holds one.
 */
void members_end(const char *source, pid_t spare, unsigned grace);

#endif
