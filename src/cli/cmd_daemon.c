/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/daemon_command.h"

static const struct cli_option options[] = {
    {DAEMON_MOUNT, "mount", "DIR", "mount the tree on this directory"},
    {DAEMON_NO_TREE, "no-tree", NULL, "do not serve the tree (see 'apus linux host')"},
    {DAEMON_SOCKET, "socket", "PATH", "the control socket to create"},
    {DAEMON_GUEST_SOCKET, "guest-socket", "PATH",
     "the socket for real guests (default: PATH of --socket + .guest)"},
    {DAEMON_METRICS, "metrics", "WHERE",
     "serve metrics at this path (with a slash) or port of the loopback interface"},
    {DAEMON_METRICS_IF_POSSIBLE, "metrics-if-possible", NULL, "only if libmicrohttpd is there"},
    {'m', "machine", "FILE", "the machine, see apus-machine(5) (default: the worked example's)"},
    {DAEMON_MACHINE_FD, "machine-fd", "N",
     "read the machine file from here; FILE is only its name"},
    {DAEMON_ABI, "abi", "PROFILE", "proposal or upstream; overrides the machine file"},
    {DAEMON_CLOCK, "clock", "KIND", "real or virtual (default: real)"},
    {DAEMON_STATE, "state", "DIR",
     "keep the machine in this directory, and go on with what is in it"},
    {DAEMON_SYNC, "sync", NULL, "what is acknowledged also survives a loss of power"},
    {DAEMON_RECORD, "record", "FILE", "record every command, see 'apus replay'"},
    {DAEMON_RECORD_KEYS, "record-keys", "yes|no",
     "with the private keys of requests (default: no)"},
    {DAEMON_APPEND, "append", NULL, "append to that file"},
    {DAEMON_FORCE, "force", NULL, "replace the contents of that file"},
    {DAEMON_FUSE_FD, "fuse-fd", "N", "serve this open and mounted /dev/fuse, instead of --mount"},
    {DAEMON_READY_FD, "ready-fd", "N", "write a byte to this descriptor once serving"},
    {DAEMON_UEVENT_FD, "uevent-fd", "N",
     "send uevents through this socket (see 'apus run --uevents')"},
    {DAEMON_OUTSIDE, "outside", "INODE", "the network namespace that must not receive them"},
    {DAEMON_SECRET_FILE, "secret-file", "FILE",
     "64 hex digits that the adapters' keys come from (default: random)"},
    {DAEMON_SECRET_FD, "secret-fd", "N", "read them from this descriptor"},
    {DAEMON_SECCOMP, "seccomp", "ACTION",
     "on a system call that the daemon has no use for: kill, log or off"},
    {DAEMON_PID_FILE, "pid-file", "FILE", "holds the process id while all serves"},
    {DAEMON_DEV_LINKS, "dev-links", "DIR", "keep a link to each zcrypt node in this directory"},
    {DAEMON_IOCTL, "ioctl", "WAY",
     "ioctls that seccomp filters report: fuse (VFIO's) or notify (all)"},
    {DAEMON_NODES, "nodes", "KIND",
     "cuse or cuse:PREFIX: real devices, in /dev with PREFIX, see below"},
    {DAEMON_SHADOW, "shadow", "DIR",
     "empty, for programs without a mount (see 'apus run --no-mount')"},
    {DAEMON_STARTER_FD, "starter-fd", "N", "a socket to the process that starts this one"},
    {'q', "quiet", NULL, "print only errors on standard error"},
    {0}};

const struct cli_command cmd_daemon = {
    .name = "daemon",
    .args = "",
    .summary = "serve a machine's tree and its control socket",
    .run = daemon_command,
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
        "With --nodes=cuse z90crypt and the nodes that are created are character devices in\n"
        "this computer's /dev, for root where the kernel has CUSE ('modprobe cuse'). They can\n"
        "be passed into any container: docker run --device /dev/z90crypt.\n"
        "\n"
        "Examples:\n"
        "  apus daemon --mount /tmp/sys --socket /tmp/apus.sock\n"
        "  apus status --socket /tmp/apus.sock\n"
        "  apus daemon --mount /tmp/sys --socket /tmp/apus.sock --nodes=cuse:lab-\n"
        "  SYSFS_ROOT=/tmp/sys lszcrypt -V\n"};
