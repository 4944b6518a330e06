/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/linux.h"
#include "run/runtime.h"

static int down_run(int argc, char **argv)
{
    struct runtime_machine m;
    int rc;

    cli_skip_options(argc, argv);
    if (argc - optind != 1)
        return cli_usage("expected the name of the machine");
    runtime_sweep(linux_guests_end);
    rc = runtime_look(argv[optind], &m);
    if (rc < 0)
        return rc == -ENOENT ? CLI_NO_MACHINE : CLI_FAILED;
    if (!runtime_is_named(m.name))
        return cli_error(EPERM, "the machine '%s' ends with the program of its 'apus run'", m.name);
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
