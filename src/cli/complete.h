/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_COMPLETE_H
#define APUS_CLI_COMPLETE_H

#include "cli/command.h"

/*
 * `apus --complete WORD...`: what may stand in place of the last word, one candidate per line; the
 * words before it are those of the command line after "apus". "@files" and "@commands" in a line of
 * their own ask the shell to complete file and program names. Returns the exit status.
 */
int cli_complete(const struct cli_command *const *commands, int count, char **words);

#endif
