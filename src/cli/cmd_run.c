/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/start.h"
#include "cli/visit.h"
#include "run/kind.h"

static const struct cli_option run_options[] = {
    {START_NO_MOUNT, "no-mount", NULL, "without FUSE, namespaces and privileges, see below"},
    {START_NO_TOOLS, "no-tools", NULL, "without lszcrypt and others where the system has none"},
    START_OPTIONS};

static const char run_help[] =
    "PROGRAM sees the machine in /sys. /dev, /run and the persistent part of /etc (mdevctl.d,\n"
    "udev/rules.d, modprobe.d, libvirt, zkey) start as copies, and end with the machine; the\n"
    "rest of the system is unchanged. Without PROGRAM a shell runs.\n"
    "\n"
    "When PROGRAM ends, the machine ends: processes that it leaves behind keep running, but\n"
    "the machine's part of /sys fails with 'Transport endpoint is not connected'.\n"
    "\n"
    "An unprivileged user is root in PROGRAM, in a user namespace. $APUS_SOCKET is the path of\n"
    "the control socket, and 'apus' is in the PATH. In other terminals 'apus' finds the machine\n"
    "by itself. 'qemu-system-s390x' is the one from 'apus linux fetch', for guests with this\n"
    "machine's adapters.\n"
    "\n"
    "lszcrypt, chzcrypt, zcryptctl, lszdev and chzdev are those of 'apus linux fetch --tools' if\n"
    "the system has none: programs for s390x, under qemu-s390x.\n"
    "\n"
    "Where nothing can be mounted, as in a container without a privilege, --no-mount shows\n"
    "PROGRAM the machine by other means, and is chosen by itself; /dev, /run and /etc are the\n"
    "computer's then, and setuid programs have no privilege.\n"
    "\n"
    "With --state the machine, and what is persistent in its /etc, is there again the next time.\n"
    "\n"
    "Exit status: that of PROGRAM, or 128 + n if signal n ended it; 125 if apus failed, 126\n"
    "if PROGRAM cannot be executed, 127 if it does not exist, 2 for wrong usage.\n"
    "\n"
    "Examples:\n"
    "  apus run -- cat /sys/bus/ap/apmask\n"
    "  apus run -m lab.ini -- ./my-test.sh\n"
    "  apus run --no-mount -- cat /sys/bus/ap/apmask\n";

/* The user's shell, with a hint on a terminal. */
static char **shell_program(const struct start *s)
{
    static char *args[2];
    char *shell = getenv("SHELL");

    args[0] = shell && *shell ? shell : access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
    if (isatty(STDIN_FILENO))
        fprintf(stderr,
                "This shell has %s%s in /sys. 'apus --help' lists the commands, 'exit' ends the "
                "machine.\n",
                s->how.machine ? "the machine of " : "the default machine",
                s->how.machine ? s->how.machine : "");
    return args;
}

static int run_program(struct start *s, char **argv)
{
    struct program_entry entry;

    if (s->no_mount) {
        kind_tell(argv);
        visit_entry_without(s->how.socket, &entry);
    } else {
        visit_entry(s->how.socket, s->notify, &entry);
    }
    return program_run_entered(argv, &s->daemon.pid, &entry);
}

static int run_run(int argc, char **argv)
{
    struct start s = START_INIT;
    int status = start_parse(argc, argv, &s);

    if (status)
        return status;
    argv += optind;
    if (!*argv)
        argv = shell_program(&s);
    if (!s.no_tools)
        linux_offer_tools();
    status = start_prepare(&s, argv[0], NULL);
    if (status == 0) {
        start_choose(&s);
        status = start_machine(&s, false);
        if (status == 0)
            status = run_program(&s, argv);
        if (!start_end(&s) && status == 0)
            status = PROGRAM_FAILED;
    }
    start_done(&s);
    return status;
}

const struct cli_command cmd_run = {
    .name = "run",
    .args = "[--] [PROGRAM [ARG...]]",
    .summary = "run a program on a machine of its own",
    .run = run_run,
    .help = run_help,
    .options = run_options,
    .flags = CLI_PROGRAM,
    .group = CLI_RUN,
};
