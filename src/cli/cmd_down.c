/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/linux.h"
#include "run/runtime.h"

static int down_run(int argc, char **argv)
{
    struct runtime_machine m;

    cli_skip_options(argc, argv);
    if (argc - optind != 1)
        return cli_usage("expected the name of the machine");
    runtime_sweep(linux_guests_end);
    if (runtime_look(argv[optind], &m) < 0)
        return 1;
    if (!runtime_is_named(m.name))
        return cli_error("the machine '%s' ends with the program of its 'apus run'", m.name);
    return runtime_end(&m, linux_guests_end) < 0 ? 1 : 0;
}

const struct cli_command cmd_down = {
    .name = "down",
    .args = "NAME",
    .summary = "end a machine that was started by 'up'",
    .run = down_run,
    .help = "First its programs end: they get SIGHUP and SIGTERM, and after five seconds SIGKILL. "
            "What\n"
            "--state keeps stays.\n"
            "\n"
            "Example:\n"
            "  apus down lab\n",
    .group = CLI_RUN,
    .words = "@machines",
};
