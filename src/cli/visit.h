/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_VISIT_H
#define APUS_CLI_VISIT_H

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

#endif
