/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/start.h"
#include "run/enter.h"

struct visit {
    struct enter enter;
    struct program_entry entry; /* of the machine */
};

static int enter(void *data)
{
    const struct visit *v = data;

    return enter_machine(&v->enter);
}

static int hand_over(void *data, int listener)
{
    const struct visit *v = data;

    return v->entry.hand_over(v->entry.data, listener);
}

/* A program that comes from inside has the filter of the one that came in. */
static int run_inside(const struct runtime_machine *m, struct visit *v, char **argv)
{
    struct program_entry entry;
    pid_t nobody = 0;

    start_entry(m->socket, strcmp(m->info.ioctl, "notify") == 0, &v->entry);
    entry = v->entry;
    entry.enter = enter;
    entry.hand_over = v->enter.flags ? hand_over : NULL;
    entry.data = v;
    return program_run_entered(argv, &nobody, &entry);
}

static int exec_in(const char *name, char **argv)
{
    struct linux_emulator qemu = {0};
    struct runtime_machine m;
    struct visit v = {0};
    char base[RUNTIME_PATH_MAX];
    int status = PROGRAM_FAILED;

    if (runtime_look(name, &m) < 0 || runtime_base(base) < 0 ||
        enter_prepare(runtime_daemon(&m), &v.enter) < 0)
        return PROGRAM_FAILED;
    program_extend_path();
    if (linux_emulator_find(&qemu))
        program_prefer_dir(qemu.bin.data);
    setenv("APUS_RUNTIME_DIR", base, 1);
    status = program_check(argv[0]);
    if (status == 0)
        status = run_inside(&m, &v, argv);
    linux_emulator_done(&qemu);
    enter_done(&v.enter);
    return status;
}

static int exec_run(int argc, char **argv)
{
    const char *name;

    cli_skip_options(argc, argv);
    argv += optind;
    name = *argv;
    if (!name)
        return cli_usage("expected the name of a machine and a program");
    argv++;
    if (*argv && strcmp(*argv, "--") == 0)
        argv++;
    if (!*argv)
        return cli_usage("expected a program to run in '%s'", name);
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
    .flags = CLI_PROGRAM,
    .group = CLI_RUN,
    .words = "@machines",
};
