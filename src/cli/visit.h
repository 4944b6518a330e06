/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_VISIT_H
#define APUS_CLI_VISIT_H

#include <stdint.h>

#include "run/program.h"
#include "run/runtime.h"

/*
 * Runs a program in a machine that somebody else has started, from inside it or from outside.
 * Returns its exit status, or PROGRAM_FAILED and the like after an error message (run/program.h).
 */
int visit_run(const struct runtime_machine *m, char **argv);

/*
 * How a program gets to the machine with that control socket: sets the environment, and out as the
 * way of its filter. notify: as --ioctl=notify. out is to be used in this process only.
 */
void visit_entry(const char *socket, bool notify, struct program_entry *out);
/* The same for a machine without a mount. Sets LD_PRELOAD, too. */
void visit_entry_without(const char *socket, struct program_entry *out);

/* Runs a program in a machine without a mount; badge: of visit_badge, or -1: none. Returns
 * as visit_run. */
int visit_run_without(const char *socket, int64_t badge, char **argv);

/* The badge that a program carries to see the tree of a guest or, with NULL, the host's
 * (nomount/syscalls.h); -1: the machine's programs have mounts. 0, or -errno after an error
 * message. */
int visit_badge(const char *socket, const char *guest, int64_t *out);

#endif
