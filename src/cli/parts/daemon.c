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
#include "cli/daemon_command.h"
#include "cli/secret.h"
#include "cli/value.h"
#include "daemon/confine.h"
#include "daemon/daemon.h"

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
    case DAEMON_MOUNT:
        o->mount = value;
        return;
    case DAEMON_SOCKET:
        o->socket = value;
        return;
    case DAEMON_METRICS_IF_POSSIBLE:
        o->metrics_if_possible = true;
        return;
    case DAEMON_NO_TREE:
        o->no_tree = true;
        return;
    case DAEMON_GUEST_SOCKET:
        o->guest_socket = value;
        return;
    case 'm':
        o->machine = value;
        return;
    case 'q':
        o->quiet = true;
        return;
    case DAEMON_DEV_LINKS:
        o->dev_links = value;
        return;
    case DAEMON_SHADOW:
        o->shadow = value;
        return;
    case DAEMON_PID_FILE:
        o->pid_file = value;
        return;
    case DAEMON_STATE:
        o->state = value;
        return;
    case DAEMON_SYNC:
        o->sync = true;
        return;
    default: /* DAEMON_RECORD */
        o->record = value;
    }
}

static int parse_one(int option, const char *value, struct daemon_options *o)
{
    switch (option) {
    case DAEMON_ABI:
        return parse_abi(value, o);
    case DAEMON_APPEND:
    case DAEMON_FORCE:
        return parse_mode(option == DAEMON_APPEND ? RECORD_APPEND : RECORD_FORCE, o);
    case DAEMON_CLOCK:
        return parse_clock(value, o);
    case DAEMON_RECORD_KEYS:
        return value_yes_no("record-keys", value, &o->record_keys);
    case DAEMON_SECCOMP:
        return value_seccomp(value, &o->seccomp);
    case DAEMON_SECRET_FILE:
        return parse_secret_file(value, o);
    case DAEMON_SECRET_FD:
        return parse_secret_fd(value, o);
    case DAEMON_FUSE_FD:
        return parse_fd("fuse-fd", value, &o->fuse_fd);
    case DAEMON_UEVENT_FD:
        return parse_fd("uevent-fd", value, &o->uevent_fd);
    case DAEMON_OUTSIDE:
        return parse_outside(value, o);
    case DAEMON_MACHINE_FD:
        return parse_fd("machine-fd", value, &o->machine_fd);
    case DAEMON_STARTER_FD:
        return parse_fd("starter-fd", value, &o->starter_fd);
    case DAEMON_IOCTL:
        return parse_ioctl(value, o);
    case DAEMON_NODES:
        return value_nodes(value, &o->nodes);
    case DAEMON_METRICS:
        return value_metrics(value, &o->metrics);
    case DAEMON_READY_FD:
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
    return cli_error(errno, "cannot create links to device nodes in %s: %s", dir,
                     error_text(errno));
}

static int check_nodes(const struct daemon_options *o)
{
    if (o->notify)
        return cli_usage("--nodes=cuse and --ioctl=notify exclude each other: a node is served in "
                         "one way");
    if (o->mount && o->dev_links)
        return cli_usage(
            "--nodes=cuse and --dev-links exclude each other: the devices are in /dev");
    return 0;
}

int daemon_command(int argc, char **argv)
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
        return cli_usage("--socket is missing; it is the path of the control socket");
    if ((!o.mount || !*o.mount) && o.fuse_fd < 0 && !o.no_tree)
        return cli_usage("--mount is missing; it is the directory to mount the tree on");
    if ((o.mount != NULL) + (o.fuse_fd >= 0) + o.no_tree > 1)
        return cli_usage("--mount, --fuse-fd and --no-tree are mutually exclusive");
    if ((o.uevent_fd < 0) != !o.outside)
        return cli_usage("--uevent-fd and --outside must be given together");
    if (o.metrics_if_possible && !o.metrics)
        return cli_usage("--metrics-if-possible goes with --metrics");
    if (o.machine_fd >= 0 && !o.machine)
        return cli_usage("--machine-fd requires --machine, the name of the file");
    if ((o.record_mode != RECORD_NEW || o.record_keys) && !o.record)
        return cli_usage("--append, --force and --record-keys require --record");
    if (o.state && o.record)
        return cli_usage("--state and --record exclude each other: a recording begins with a new "
                         "machine");
    if (o.sync && !o.state)
        return cli_usage("--sync requires --state");
    if (o.dev_links && (status = check_dev_links(o.dev_links, o.mount)))
        return status;
    if (o.shadow && (o.dev_links || !o.notify || !o.no_tree))
        return cli_usage("--shadow requires --no-tree and --ioctl=notify, without --dev-links");
    if (o.nodes && (status = check_nodes(&o)))
        return status;
    if (o.listens && !o.dev_links && !o.shadow)
        return cli_usage("--ioctl requires --dev-links");
    return daemon_run(&o);
}
