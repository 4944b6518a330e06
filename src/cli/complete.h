/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_COMPLETE_H
#define APUS_CLI_COMPLETE_H

#include "cli/command.h"

/*
 * `apus --complete WORD...`: prints candidates for the last word, one per line. The words are those
 * of the command line after "apus". The candidates "@files", "@commands", "@guests", "@mdevs" and
 * "@adapters" stand for such names; completion/apus.bash replaces them. Returns the exit status.
 */
int cli_complete(const struct cli_command *const *commands, int count, char **words);

#endif
