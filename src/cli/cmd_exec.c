/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/linux_files.h"
#include "cli/visit.h"
#include "run/program.h"

enum { OPT_NO_TOOLS = 256 };

static const struct cli_option options[] = {
    {OPT_NO_TOOLS, "no-tools", NULL, "without lszcrypt and others where the system has none"}, {0}};

static int exec_in(const char *name, char **argv)
{
    struct runtime_machine m;

    return runtime_look(name, &m) < 0 ? PROGRAM_FAILED : visit_run(&m, argv);
}

static int exec_run(int argc, char **argv)
{
    bool tools = true;
    const char *name;

    while (cli_next(argc, argv) != -1)
        tools = false;
    argv += optind;
    name = *argv;
    if (!name)
        return cli_usage("expected the name of a machine and a program");
    argv++;
    if (*argv && strcmp(*argv, "--") == 0)
        argv++;
    if (!*argv)
        return cli_usage("expected a program to run in '%s'", name);
    if (tools)
        linux_offer_tools();
    return exec_in(name, argv);
}

const struct cli_command cmd_exec = {
    .name = "exec",
    .args = "NAME [--] PROGRAM [ARG...]",
    .summary = "run a program in a machine that runs",
    .run = exec_run,
    .help =
        "PROGRAM runs in the machine NAME, beside the others that run there, as with 'apus run':\n"
        "it has the terminal, signals and input of this command. 'apus down NAME' ends it.\n"
        "\n"
        "Exit status: as with 'apus run'.\n"
        "\n"
        "Example:\n"
        "  apus exec lab -- bash\n",
    .options = options,
    .flags = CLI_PROGRAM,
    .group = CLI_RUN,
    .words = "@machines",
};
