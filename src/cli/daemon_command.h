/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_DAEMON_COMMAND_H
#define APUS_CLI_DAEMON_COMMAND_H

/* 'apus daemon', which is a program of its own (part.h). */

enum daemon_option {
    DAEMON_FUSE_FD = 256,
    DAEMON_UEVENT_FD,
    DAEMON_OUTSIDE,
    DAEMON_READY_FD,
    DAEMON_ABI,
    DAEMON_RECORD,
    DAEMON_STATE,
    DAEMON_SYNC,
    DAEMON_APPEND,
    DAEMON_FORCE,
    DAEMON_CLOCK,
    DAEMON_MOUNT,
    DAEMON_SOCKET,
    DAEMON_SECRET_FILE,
    DAEMON_SECRET_FD,
    DAEMON_PID_FILE,
    DAEMON_DEV_LINKS,
    DAEMON_IOCTL,
    DAEMON_NODES,
    DAEMON_STARTER_FD,
    DAEMON_SHADOW,
    DAEMON_GUEST_SOCKET,
    DAEMON_METRICS,
    DAEMON_METRICS_IF_POSSIBLE,
    DAEMON_NO_TREE,
    DAEMON_MACHINE_FD,
    DAEMON_SECCOMP,
    DAEMON_RECORD_KEYS
};

/* As cli_command.run. */
int daemon_command(int argc, char **argv);

#endif
