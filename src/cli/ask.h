/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_ASK_H
#define APUS_CLI_ASK_H

#include <jansson.h>

/* One command on a connection of its own, for subcommands that need no more than that. */

/*
 * Asks the daemon that cli_socket() names. Takes arguments, which may be NULL. The exit status: 0
 * and a new reference in *out, or 1 after a sentence on standard error.
 */
int ask(const char *command, json_t *arguments, json_t **out);

/* The same; prints what came back with --json, and nothing otherwise. */
int ask_quietly(const char *command, json_t *arguments);

/* One JSON value as one line on standard output. */
void ask_print(const json_t *value);

#endif
