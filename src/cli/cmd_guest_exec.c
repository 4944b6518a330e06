/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/guest_linux.h"
#include "cli/linux.h"
#include "cli/linux_files.h"
#include "cli/visit.h"
#include "run/compose.h"
#include "run/namespace.h"
#include "run/program.h"

static const char guest_exec_help[] =
    "PROGRAM sees the AP bus of the running guest NAME in its /sys; /dev, /run and the\n"
    "persistent part of /etc are its own, as with 'apus run'; the rest of the system is\n"
    "unchanged. The command works inside 'apus run' and outside, and several programs can run\n"
    "in a guest at the same time. In a machine without a mount only /sys and z90crypt are the\n"
    "guest's.\n"
    "\n"
    "In a guest started with --linux, PROGRAM is a program of the guest. Input and output are\n"
    "forwarded; standard input is consumed even if PROGRAM does not read it. A signal that ends\n"
    "this command ends PROGRAM. Only one program can run at a time.\n"
    "\n"
    "Exit status: as with 'apus run'.\n"
    "\n"
    "Example:\n"
    "  apus guest exec Guest1 -- lszcrypt\n";

/* Makes the daemon serve the guest's tree on fuse. 0, or -errno after an error message. */
static int serve(const char *socket, const char *name, int fuse)
{
    connection_auto *c = NULL;
    json_t *returned;
    int ret = connection_open(socket, &c);

    if (ret < 0)
        return ret;
    returned = connection_call(c, "guest-mount", json_pack("{s:s}", "name", name), fuse);
    if (!returned)
        return -EIO;
    json_decref(returned);
    return 0;
}

static int run_mounted(const char *socket, const char *name, char **argv)
{
    struct compose compose;
    pid_t daemon = 0;
    int fuse, ret;

    if (namespace_enter(false) < 0)
        return PROGRAM_FAILED;
    fuse = compose_prepare("apus", &compose);
    if (fuse < 0)
        return PROGRAM_FAILED;
    ret = serve(socket, name, fuse);
    close(fuse);
    if (ret < 0 || compose_cover(&compose) < 0 || compose_finish(&compose) < 0)
        return PROGRAM_FAILED;
    program_set_environment(socket);
    return program_run(argv, &daemon);
}

/* Without a mount where the machine's programs have none. */
static int run_inside(const char *socket, const char *name, char **argv)
{
    int64_t badge;

    if (visit_badge(socket, name, &badge) < 0)
        return PROGRAM_FAILED;
    setenv("APUS_GUEST", name, 1);
    return badge < 0 ? run_mounted(socket, name, argv) : visit_run_without(socket, badge, argv);
}

enum { OPT_NO_TOOLS = 256 };

static const struct cli_option options[] = {
    {OPT_NO_TOOLS, "no-tools", NULL, "without lszcrypt and others where the system has none"}, {0}};

static int guest_exec_run(int argc, char **argv)
{
    const char *name, *socket;
    text_auto dir = {0};
    bool tools = true;
    int status;

    while (cli_next(argc, argv) != -1)
        tools = false;
    argv += optind;
    name = *argv;
    if (!name)
        return cli_usage("expected the name of a guest and a program");
    argv++;
    if (*argv && strcmp(*argv, "--") == 0)
        argv++;
    if (!*argv)
        return cli_usage("expected a program to run in '%s'", name);
    socket = cli_socket();
    if (!socket)
        return PROGRAM_FAILED;
    if (linux_guest_find(socket, name, &dir))
        return linux_exec(dir.data, argv);
    program_extend_path();
    if (tools)
        linux_offer_tools();
    status = program_check(argv[0]);
    if (status)
        return status;
    return run_inside(socket, name, argv);
}

const struct cli_command cmd_guest_exec = {
    .name = "guest exec",
    .args = "NAME [--] PROGRAM [ARG...]",
    .summary = "run a program in a guest",
    .run = guest_exec_run,
    .help = guest_exec_help,
    .options = options,
    .flags = CLI_PROGRAM | CLI_SOCKET,
    .group = CLI_GUESTS,
    .words = "@guests",
};
