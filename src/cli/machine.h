/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_MACHINE_H
#define APUS_CLI_MACHINE_H

#include "machine/config.h"
#include "run/daemon.h"

/*
 * The machine of --machine, or the default machine, for a command that starts a daemon: a mistake
 * in the file is told before anything starts. The file is read once, since it may be a pipe; the
 * daemon gets its text (how->machine_text). 0, or PROGRAM_FAILED after a sentence on standard
 * error.
 */
int machine_load(struct daemon_start *how, struct machine_config *out);

#endif
