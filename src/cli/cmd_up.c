/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/guest_resume.h"
#include "cli/kept_guests.h"
#include "cli/start.h"

static const struct cli_option up_options[] = {
    {START_NO_GUESTS, "no-guests", NULL, "leave real guests to 'apus guest resume'"},
    START_OPTIONS};

static int start(struct start *s, const char *name)
{
    int status = start_prepare(s, NULL, name);

    if (status == 0) {
        status = start_machine(s, true);
        if (status)
            start_end(s);
    }
    start_done(s);
    return status;
}

/* A process that starts the machine is in it; guests are started from outside. */
static int start_by_another(struct start *s, const char *name)
{
    int status;
    pid_t pid = fork();

    if (pid < 0)
        return cli_error(errno, "cannot start a process: %s", error_text(errno)), PROGRAM_FAILED;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        exit(start(s, name));
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : PROGRAM_FAILED;
}

static void ignore(void *data, const char *name)
{
}

/* The machine runs in any case. */
static int start_with_guests(struct start *s, const char *name)
{
    int status = start_by_another(s, name);
    struct runtime_machine m;

    if (status == 0 && runtime_look(name, &m) == 0)
        guest_resume(m.socket, ignore, NULL);
    return status;
}

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
    if (s.how.state && !s.no_guests && kept_guests_any(s.how.state))
        return start_with_guests(&s, name);
    return start(&s, name);
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
        "With --state its real guests are booted again, too, by this command or by the unit\n"
        "apus-guests@NAME; if one cannot be booted, a warning says why.\n"
        "\n"
        "Exit status: 0 if the machine runs, 125 if it could not be started, 2 for wrong usage.\n"
        "\n"
        "Examples:\n"
        "  apus up lab -m lab.ini --state ~/lab\n"
        "  apus exec lab -- lszcrypt\n",
    .options = up_options,
    .group = CLI_RUN,
};
