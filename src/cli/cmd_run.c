/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/linux.h"
#include "cli/machine.h"
#include "cli/value.h"
#include "run/compose.h"
#include "run/daemon.h"
#include "run/emulator.h"
#include "run/namespace.h"
#include "run/program.h"
#include "run/runtime.h"
#include "uevent/uevent.h"

enum { OPT_ABI = 256, OPT_RECORD, OPT_APPEND, OPT_FORCE, OPT_UEVENTS, OPT_IOCTL, OPT_HOST_ETC };

static const struct cli_option run_options[] = {
    {'m', "machine", "FILE", "the machine, see apus-machine(5) (default: the worked example's)"},
    {'v', "verbose", NULL, "show the message log on standard error"},
    {OPT_ABI, "abi", "PROFILE", "proposal or upstream; overrides FILE"},
    {OPT_RECORD, "record", "FILE", "record every command to FILE, see 'apus replay'"},
    {OPT_APPEND, "append", NULL, "append to FILE"},
    {OPT_FORCE, "force", NULL, "replace the contents of FILE"},
    {OPT_UEVENTS, "uevents", NULL, "send uevents, in a separate network namespace"},
    {OPT_IOCTL, "ioctl", "WAY", "fuse (default), or notify: nodes are character devices"},
    {OPT_HOST_ETC, "host-etc", NULL, "use this computer's /etc, even for what becomes persistent"},
    {0},
};

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
    "Exit status: that of PROGRAM, or 128 + n if signal n ended it; 125 if apus failed, 126\n"
    "if PROGRAM cannot be executed, 127 if it does not exist, 2 for wrong usage.\n"
    "\n"
    "Examples:\n"
    "  apus run -- cat /sys/bus/ap/apmask\n"
    "  apus run -m lab.ini -- ./my-test.sh\n";

struct run_options {
    bool uevents, notify, host_etc;
};

static int parse_way(const char *way, struct run_options *o)
{
    o->notify = strcmp(way, "notify") == 0;
    if (!o->notify && strcmp(way, "fuse") != 0)
        return cli_usage("--ioctl takes 'fuse' or 'notify', not '%s'", way);
    return 0;
}

static int parse(int argc, char **argv, struct daemon_start *how, struct run_options *o)
{
    enum abi_profile profile;
    int option;

    while ((option = cli_next(argc, argv)) != -1) {
        switch (option) {
        case 'm':
            how->machine = optarg;
            break;
        case 'v':
            how->verbose = true;
            break;
        case OPT_ABI:
            if (value_profile(optarg, &profile))
                return 2;
            how->abi = optarg;
            break;
        case OPT_RECORD:
            how->record = optarg;
            break;
        case OPT_APPEND:
            how->append = true;
            break;
        case OPT_FORCE:
            how->force = true;
            break;
        case OPT_UEVENTS:
            o->uevents = true;
            break;
        case OPT_HOST_ETC:
            o->host_etc = true;
            break;
        case OPT_IOCTL:
            if (parse_way(optarg, o))
                return 2;
            break;
        }
    }
    if (how->append && how->force)
        return cli_usage("--append and --force are mutually exclusive");
    if ((how->append || how->force) && !how->record)
        return cli_usage("--append and --force require --record");
    return 0;
}

/* The user's shell, with a hint on a terminal. */
static char **shell_program(const struct daemon_start *how)
{
    static char *args[2];
    char *shell = getenv("SHELL");

    args[0] = shell && *shell ? shell : access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
    if (isatty(STDIN_FILENO))
        fprintf(stderr,
                "This shell has %s%s in /sys. 'apus --help' lists the commands, 'exit' ends the "
                "machine.\n",
                how->machine ? "the machine of " : "the default machine",
                how->machine ? how->machine : "");
    return args;
}

/* Enters the namespaces and opens the descriptors for the daemon. */
static int prepare(struct daemon_start *how, bool uevents, struct compose *compose)
{
    text_auto why = {0};
    int ret = uevents ? uevent_netns_get(&how->outside) : 0;

    if (ret < 0)
        return cli_error("cannot read /proc/self/ns/net: %s", error_text(-ret)), ret;
    ret = namespace_enter(uevents);
    if (ret < 0)
        return ret;
    if (uevents) {
        how->uevents = uevent_socket_open(how->outside, &why);
        if (how->uevents < 0)
            return cli_error("%s", why.data), how->uevents;
    }
    how->fuse = compose_prepare(compose);
    return how->fuse < 0 ? how->fuse : 0;
}

/* Composes /sys and /dev. */
static int finish(struct compose *compose, const char *socket, const struct linux_emulator *qemu)
{
    int ret = compose_finish(compose);
    struct emulator emulator = {.socket = socket,
                                .plugin = qemu->plugin.data,
                                .qemu = qemu->qemu.len ? qemu->qemu.data : NULL,
                                .bin = qemu->bin.data};

    return ret == 0 && emulator.bin ? emulator_place(&emulator) : ret;
}

/* Starts the daemon, composes /sys and /dev, and runs the program. Returns the exit status. */
static int run_inside(struct daemon_start *how, const struct run_options *o,
                      const struct linux_emulator *qemu, char **argv)
{
    struct compose compose;
    pid_t daemon = 0;
    int ret, pair[2] = {-1, -1}, status = PROGRAM_FAILED;

    if (prepare(how, o->uevents, &compose) < 0)
        return PROGRAM_FAILED;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return cli_error("cannot create a socket: %s", error_text(errno)), PROGRAM_FAILED;
    how->notify = pair[1];
    how->fuse_ioctls = !o->notify;
    compose.own_node = o->notify;
    compose.host_etc = o->host_etc;
    ret = daemon_start(how, &daemon);
    close(pair[1]);
    /* Only the daemon keeps the file system alive. */
    close(how->fuse);
    if (how->uevents >= 0)
        close(how->uevents);
    if (ret < 0)
        return PROGRAM_FAILED;
    if (finish(&compose, how->socket, qemu) == 0) {
        program_set_environment(how->socket);
        status = program_run_watched(argv, &daemon,
                                     &(struct program_listener){pair[0], o->notify, o->notify});
    }
    close(pair[0]);
    if (daemon)
        program_end(daemon);
    return status;
}

static int run_run(int argc, char **argv)
{
    struct daemon_start how = {.uevents = -1, .notify = -1, .machine_text = -1};
    struct run_options options = {0};
    struct linux_emulator qemu;
    struct machine_config machine;
    struct runtime runtime;
    char base[RUNTIME_PATH_MAX];
    int status = parse(argc, argv, &how, &options);

    if (status)
        return status;
    argv += optind;
    if (!*argv)
        argv = shell_program(&how);
    program_extend_path();
    if (linux_emulator_find(&qemu))
        program_prefer_dir(qemu.bin.data);
    status = program_check(argv[0]);
    if (status == 0)
        status = machine_load(&how, &machine);
    if (status == 0 && (runtime_base(base) < 0 || runtime_create(&runtime, linux_guests_end) < 0))
        status = PROGRAM_FAILED;
    if (status == 0) {
        setenv("APUS_RUNTIME_DIR", base, 1);
        how.socket = runtime.socket;
        status = run_inside(&how, &options, &qemu, argv);
        runtime_remove(&runtime);
    }
    linux_emulator_done(&qemu);
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
