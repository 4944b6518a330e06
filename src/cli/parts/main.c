/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/standard.h"

/* The main function of a part (part.h); PART is the name of its command's description. */
int main(int argc, char **argv)
{
    standard_occupy();
    standard_watch();
    if (argc < 2) {
        fputs("this is a part of apus, which executes it\n", stderr);
        return CLI_WRONG_USAGE;
    }
    return cli_exit_status(standard_finish(cli_run(&PART, argc - 1, argv + 1)));
}
