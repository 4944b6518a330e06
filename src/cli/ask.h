/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_ASK_H
#define APUS_CLI_ASK_H

#include <jansson.h>

/* A single control command on a connection of its own, all that most subcommands need. */

/*
 * Executes a command of the daemon at cli_socket(). Takes ownership of arguments, which may be
 * NULL. Returns the exit status: 0 with a new reference in *out, or 1 after an error message.
 */
int ask(const char *command, json_t *arguments, json_t **out);

/* The same. Prints the returned value with --json, otherwise nothing. */
int ask_quietly(const char *command, json_t *arguments);

/* Prints a JSON value as a line on standard output. */
void ask_print(const json_t *value);

#endif
