/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/start.h"

static const struct cli_option up_options[] = {START_OPTIONS};

static int up_run(int argc, char **argv)
{
    struct start s = START_INIT;
    const char *name;
    int status = start_parse(argc, argv, &s);

    if (status)
        return status;
    if (argc - optind != 1)
        return cli_usage("expected the name of the machine");
    name = argv[optind];
    if (!runtime_name_is_valid(name))
        return cli_usage("'%s' cannot be a machine's name: a letter, then letters, digits or ._-, "
                         "at most %d characters",
                         name, RUNTIME_NAME_MAX - 1);
    status = start_prepare(&s, NULL, name);
    if (status == 0) {
        status = start_machine(&s, true);
        if (status)
            start_end(&s);
    }
    start_done(&s);
    return status;
}

const struct cli_command cmd_up = {
    .name = "up",
    .args = "NAME",
    .summary = "start a machine in the background",
    .run = up_run,
    .help =
        "Returns when the machine serves; 'apus exec NAME' runs programs in it, which see what\n"
        "those of 'apus run' see, and 'apus down NAME' ends it. If the daemon dies the machine\n"
        "ends with its programs. The unit apus@NAME starts it again: it is\n"
        "'apus up NAME -m /etc/apus/NAME.ini --state /var/lib/apus/NAME'.\n"
        "\n"
        "Exit status: 0 if the machine runs, 125 if it could not be started, 2 for wrong usage.\n"
        "\n"
        "Examples:\n"
        "  apus up lab -m lab.ini --state ~/lab\n"
        "  apus exec lab -- lszcrypt\n",
    .options = up_options,
    .group = CLI_RUN,
};
