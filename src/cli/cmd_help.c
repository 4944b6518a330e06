/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"

static int help_run(int argc, char **argv)
{
    char name[64];
    bool family = false;

    cli_skip_options(argc, argv);
    if (argc == 1) {
        cli_help_all();
        return 0;
    }
    if (argc > 3)
        return cli_usage("'help' takes the name of one command");
    snprintf(name, sizeof(name), "%s%s%s", argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
    for (const struct cli_command *const *c = cli_commands(); *c; c++) {
        size_t len = strlen(name);

        if (strcmp((*c)->name, name) == 0) {
            cli_help_command(*c);
            return 0;
        }
        family |= strncmp((*c)->name, name, len) == 0 && (*c)->name[len] == ' ';
    }
    if (!family)
        return cli_usage("there is no command '%s'", name);
    cli_help_family(name);
    return 0;
}

const struct cli_command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .summary = "explain a command",
    .run = help_run,
    .group = CLI_OTHER,
};
