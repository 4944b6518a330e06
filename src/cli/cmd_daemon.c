/* SPDX-License-Identifier: MIT */
/* apus daemon: only the daemon, in the foreground. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/secret.h"
#include "cli/value.h"
#include "daemon/confine.h"
#include "daemon/daemon.h"

enum {
    OPT_FUSE_FD = 256,
    OPT_UEVENT_FD,
    OPT_OUTSIDE,
    OPT_READY_FD,
    OPT_ABI,
    OPT_RECORD,
    OPT_STATE,
    OPT_SYNC,
    OPT_APPEND,
    OPT_FORCE,
    OPT_CLOCK,
    OPT_MOUNT,
    OPT_SOCKET,
    OPT_SECRET_FILE,
    OPT_SECRET_FD,
    OPT_PID_FILE,
    OPT_DEV_LINKS,
    OPT_IOCTL,
    OPT_STARTER_FD,
    OPT_SHADOW,
    OPT_GUEST_SOCKET,
    OPT_NO_TREE,
    OPT_MACHINE_FD,
    OPT_SECCOMP,
    OPT_RECORD_KEYS
};

static const struct cli_option options[] = {
    {OPT_MOUNT, "mount", "DIR", "mount the tree on this directory"},
    {OPT_NO_TREE, "no-tree", NULL, "do not serve the tree (see 'apus linux host')"},
    {OPT_SOCKET, "socket", "PATH", "the control socket to create"},
    {OPT_GUEST_SOCKET, "guest-socket", "PATH",
     "the socket for real guests (default: PATH of --socket + .guest)"},
    {'m', "machine", "FILE", "the machine, see apus-machine(5) (default: the worked example's)"},
    {OPT_MACHINE_FD, "machine-fd", "N", "read the machine file from here; FILE is only its name"},
    {OPT_ABI, "abi", "PROFILE", "proposal or upstream; overrides the machine file"},
    {OPT_CLOCK, "clock", "KIND", "real or virtual (default: real)"},
    {OPT_STATE, "state", "DIR", "keep the machine in this directory, and go on with what is in it"},
    {OPT_SYNC, "sync", NULL, "what is acknowledged also survives a loss of power"},
    {OPT_RECORD, "record", "FILE", "record every command, see 'apus replay'"},
    {OPT_RECORD_KEYS, "record-keys", "yes|no", "with the private keys of requests (default: no)"},
    {OPT_APPEND, "append", NULL, "append to that file"},
    {OPT_FORCE, "force", NULL, "replace the contents of that file"},
    {OPT_FUSE_FD, "fuse-fd", "N", "serve this open and mounted /dev/fuse, instead of --mount"},
    {OPT_READY_FD, "ready-fd", "N", "write a byte to this descriptor once serving"},
    {OPT_UEVENT_FD, "uevent-fd", "N",
     "send uevents through this socket (see 'apus run --uevents')"},
    {OPT_OUTSIDE, "outside", "INODE", "the network namespace that must hear none of them"},
    {OPT_SECRET_FILE, "secret-file", "FILE",
     "64 hex digits that the adapters' keys come from (default: random)"},
    {OPT_SECRET_FD, "secret-fd", "N", "read them from this descriptor"},
    {OPT_SECCOMP, "seccomp", "ACTION",
     "on a system call that the daemon has no use for: kill, log or off"},
    {OPT_PID_FILE, "pid-file", "FILE", "holds the process id while all serves"},
    {OPT_DEV_LINKS, "dev-links", "DIR", "keep a link to each zcrypt node in this directory"},
    {OPT_IOCTL, "ioctl", "WAY",
     "ioctls that seccomp filters report: fuse (VFIO's) or notify (all)"},
    {OPT_SHADOW, "shadow", "DIR",
     "empty, for programs without a mount (see 'apus run --no-mount')"},
    {OPT_STARTER_FD, "starter-fd", "N", "a socket to the process that starts this one"},
    {'q', "quiet", NULL, "print only errors on standard error"},
    {0}};

static int parse_fd(const char *name, const char *value, int *out)
{
    int fd;

    if (number_parse_int(value, strlen(value), 10, &fd) < 0 || fd < 0)
        return cli_usage("--%s takes the number of an open descriptor, not '%s'", name, value);
    if (fcntl(fd, F_GETFD) < 0)
        return cli_usage("--%s %s: this descriptor is not open", name, value);
    *out = fd;
    return 0;
}

/* The inode number as in the link /proc/self/ns/net: net:[INODE]. */
static int parse_outside(const char *value, struct daemon_options *o)
{
    if (number_parse_u64(value, strlen(value), 10, &o->outside) < 0 || !o->outside)
        return cli_usage("--outside takes the inode number of a network namespace, not '%s'",
                         value);
    return 0;
}

static int parse_abi(const char *value, struct daemon_options *o)
{
    o->has_abi = true;
    return value_profile(value, &o->abi);
}

static uint8_t secret[SECRET_BYTES];

static int parse_secret_file(const char *value, struct daemon_options *o)
{
    o->secret = secret;
    return secret_from_file(value, secret);
}

static int parse_secret_fd(const char *value, struct daemon_options *o)
{
    int fd = -1, status = parse_fd("secret-fd", value, &fd);

    o->secret = secret;
    return status ? status : secret_from_fd(fd, secret);
}

static int parse_mode(enum record_mode mode, struct daemon_options *o)
{
    if (o->record_mode != RECORD_NEW && o->record_mode != mode)
        return cli_usage("--append and --force are mutually exclusive");
    o->record_mode = mode;
    return 0;
}

static int parse_clock(const char *value, struct daemon_options *o)
{
    if (strcmp(value, "real") && strcmp(value, "virtual"))
        return cli_usage("--clock takes 'real' or 'virtual', not '%s'", value);
    o->virtual_clock = strcmp(value, "virtual") == 0;
    return 0;
}

static int parse_ioctl(const char *value, struct daemon_options *o)
{
    if (strcmp(value, "fuse") && strcmp(value, "notify"))
        return cli_usage("--ioctl takes 'fuse' or 'notify', not '%s'", value);
    o->listens = true;
    o->notify = strcmp(value, "notify") == 0;
    return 0;
}

/* Options that are taken as they are. */
static void parse_plain(int option, const char *value, struct daemon_options *o)
{
    switch (option) {
    case OPT_MOUNT:
        o->mount = value;
        return;
    case OPT_SOCKET:
        o->socket = value;
        return;
    case OPT_NO_TREE:
        o->no_tree = true;
        return;
    case OPT_GUEST_SOCKET:
        o->guest_socket = value;
        return;
    case 'm':
        o->machine = value;
        return;
    case 'q':
        o->quiet = true;
        return;
    case OPT_DEV_LINKS:
        o->dev_links = value;
        return;
    case OPT_SHADOW:
        o->shadow = value;
        return;
    case OPT_PID_FILE:
        o->pid_file = value;
        return;
    case OPT_STATE:
        o->state = value;
        return;
    case OPT_SYNC:
        o->sync = true;
        return;
    default: /* OPT_RECORD */
        o->record = value;
    }
}

static int parse_one(int option, const char *value, struct daemon_options *o)
{
    switch (option) {
    case OPT_ABI:
        return parse_abi(value, o);
    case OPT_APPEND:
    case OPT_FORCE:
        return parse_mode(option == OPT_APPEND ? RECORD_APPEND : RECORD_FORCE, o);
    case OPT_CLOCK:
        return parse_clock(value, o);
    case OPT_RECORD_KEYS:
        return value_yes_no("record-keys", value, &o->record_keys);
    case OPT_SECCOMP:
        return value_seccomp(value, &o->seccomp);
    case OPT_SECRET_FILE:
        return parse_secret_file(value, o);
    case OPT_SECRET_FD:
        return parse_secret_fd(value, o);
    case OPT_FUSE_FD:
        return parse_fd("fuse-fd", value, &o->fuse_fd);
    case OPT_UEVENT_FD:
        return parse_fd("uevent-fd", value, &o->uevent_fd);
    case OPT_OUTSIDE:
        return parse_outside(value, o);
    case OPT_MACHINE_FD:
        return parse_fd("machine-fd", value, &o->machine_fd);
    case OPT_STARTER_FD:
        return parse_fd("starter-fd", value, &o->starter_fd);
    case OPT_IOCTL:
        return parse_ioctl(value, o);
    case OPT_READY_FD:
        return parse_fd("ready-fd", value, &o->ready_fd);
    default:
        parse_plain(option, value, o);
        return 0;
    }
}

/* Links in the tree itself would wait for the daemon that makes them. */
static bool is_below(const char *dir, const char *mount)
{
    char path[PATH_MAX], tree[PATH_MAX];
    size_t len;

    if (!mount || !realpath(dir, path) || !realpath(mount, tree))
        return false;
    len = strlen(tree);
    return strncmp(path, tree, len) == 0 && (path[len] == '/' || !path[len]);
}

static int check_dev_links(const char *dir, const char *mount)
{
    struct stat st;

    if (is_below(dir, mount))
        return cli_usage("--dev-links %s is in --mount %s: links to nodes cannot be in the tree",
                         dir, mount);
    /* Whether it is writable is not checked: 'apus run' mounts another directory over it. */
    if (stat(dir, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        errno = ENOTDIR;
    }
    return cli_error("cannot create links to device nodes in %s: %s", dir, error_text(errno));
}

static int daemon_cli_run(int argc, char **argv)
{
    struct daemon_options o = {.fuse_fd = -1,
                               .ready_fd = -1,
                               .uevent_fd = -1,
                               .starter_fd = -1,
                               .machine_fd = -1,
                               .seccomp = FILTER_DEFAULT};
    int status;

    confine_begin();
    for (int got; (got = cli_next(argc, argv)) != -1;) {
        status = parse_one(got, optarg, &o);
        if (status)
            return status;
    }
    if (optind != argc)
        return cli_usage("unexpected operand '%s'", argv[optind]);
    if ((!o.socket || !*o.socket) && sd_listen_fds(0) <= 0)
        return cli_usage("--socket is missing: where should the control socket be?");
    if ((!o.mount || !*o.mount) && o.fuse_fd < 0 && !o.no_tree)
        return cli_usage("--mount is missing; it is the directory to mount the tree on");
    if ((o.mount != NULL) + (o.fuse_fd >= 0) + o.no_tree > 1)
        return cli_usage("--mount, --fuse-fd and --no-tree are mutually exclusive");
    if ((o.uevent_fd < 0) != !o.outside)
        return cli_usage("--uevent-fd and --outside must be given together");
    if (o.machine_fd >= 0 && !o.machine)
        return cli_usage("--machine-fd requires --machine, the name of the file");
    if ((o.record_mode != RECORD_NEW || o.record_keys) && !o.record)
        return cli_usage("--append, --force and --record-keys require --record");
    if (o.state && o.record)
        return cli_usage("--state and --record exclude each other: a recording begins with a new "
                         "machine");
    if (o.sync && !o.state)
        return cli_usage("--sync goes with --state: what should be kept?");
    if (o.dev_links && (status = check_dev_links(o.dev_links, o.mount)))
        return status;
    if (o.shadow && (o.dev_links || !o.notify || !o.no_tree))
        return cli_usage("--shadow requires --no-tree and --ioctl=notify, without --dev-links");
    if (o.listens && !o.dev_links && !o.shadow)
        return cli_usage("--ioctl requires --dev-links");
    return daemon_run(&o);
}

const struct cli_command cmd_daemon = {
    .name = "daemon",
    .args = "",
    .summary = "serve a machine's tree and its control socket",
    .run = daemon_cli_run,
    .options = options,
    .group = CLI_RUN,
    .words = "@files",
    .help =
        "Runs in the foreground. Once it serves the tree and the socket it prints \"ready\", or\n"
        "writes a byte to --ready-fd. SIGTERM, SIGINT, SIGHUP or unmounting the tree ends it;\n"
        "everything it has created is removed. It takes over a mount and sockets left by a\n"
        "daemon that was killed. For programs that expect /sys itself use 'apus run'; this is\n"
        "for trees elsewhere (SYSFS_ROOT, containers).\n"
        "\n"
        "Examples:\n"
        "  apus daemon --mount /tmp/sys --socket /tmp/apus.sock\n"
        "  apus status --socket /tmp/apus.sock\n"
        "  SYSFS_ROOT=/tmp/sys lszcrypt -V\n"};
