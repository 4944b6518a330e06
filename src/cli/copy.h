/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_COPY_H
#define APUS_CLI_COPY_H

#include "cli/linux_boot.h"

/*
 * Starts a guest as a copy of a snapshot (snapshot.h), for which the daemon is asked for its
 * features, in a machine; NULL: it needs none. True: it runs, has its mediated device, and was told
 * who it is. False: there is nothing of it, and *why says what failed.
 */
bool copy_start(const struct linux_boot *boot, const struct snapshot *of,
                const struct runtime_machine *machine, struct text *why);

#endif
