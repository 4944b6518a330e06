/* SPDX-License-Identifier: MIT */
#include "cli/ask.h"

#include <stdio.h>

#include "cli/command.h"
#include "cli/connection.h"

int ask(const char *command, json_t *arguments, json_t **out)
{
    connection_auto *c = NULL;
    const char *path = cli_socket();
    json_t *value;

    if (!path || connection_open(path, &c) < 0) {
        json_decref(arguments);
        return 1;
    }
    value = connection_call(c, command, arguments, -1);
    if (!value)
        return 1;
    *out = value;
    return 0;
}

int ask_quietly(const char *command, json_t *arguments)
{
    json_t *value = NULL;
    int status = ask(command, arguments, &value);

    if (value && cli_json())
        ask_print(value);
    json_decref(value);
    return status;
}

void ask_print(const json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12));
    putchar('\n');
    fflush(stdout);
}
