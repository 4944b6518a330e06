/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_IMPORT_COMMAND_H
#define APUS_CLI_IMPORT_COMMAND_H

/* 'apus import', which is a program of its own (part.h). */

enum import_option { IMPORT_ABI = 256, IMPORT_PARTITION };

/* As cli_command.run. */
int import_command(int argc, char **argv);

#endif
