/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_DAEMON_H
#define APUS_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/abi.h"
#include "store/record.h"

/* How `apus daemon` was called. Strings are the caller's. */
struct daemon_options {
    const char *mount;        /* an existing directory; NULL if fuse_fd is given */
    int fuse_fd;              /* an open /dev/fuse that is mounted already; -1 if mount is given */
    const char *socket;       /* path of the control socket; NULL: the service manager passes it */
    const char *guest_socket; /* of the guest protocol; NULL: socket with .guest behind it */
    bool no_tree;             /* in place of mount and fuse_fd: nobody looks at the tree */
    int ready_fd;             /* gets one byte when all serves; -1: "ready" on standard output */
    const char *machine;      /* machine file, "-": standard input; NULL: the default machine */
    int machine_fd;           /* reads the machine file's text, machine is its name; -1: none */
    bool has_abi;
    enum abi_profile abi; /* in place of the machine's */
    bool virtual_clock;
    int uevent_fd;         /* a socket of uevent_socket_open that real uevents go to; -1: none */
    uint64_t outside;      /* the network namespace that it must not be in */
    const char *dev_links; /* directory that gets each zcrypt node: a link, or with
                            * notify_fd a bound /dev/null; NULL: none */
    int notify_fd;         /* a socket that a seccomp listener comes through; -1: none */
    const char *record;    /* file to record to; NULL: none */
    enum record_mode record_mode;
    bool fuse_ioctls;     /* with notify_fd: that is for VFIO alone, and zcrypt's come by FUSE */
    bool quiet;           /* no messages on standard error */
    const char *pid_file; /* file that holds our process id while we serve; NULL: none */
    bool has_secret;
    uint8_t secret[32]; /* the adapters' keys come from it; without it they are others each time */
};

/*
 * Serves until SIGTERM, SIGINT, SIGHUP (unless it was ignored at the start, as nohup(1) does), the
 * command quit, or until the tree is unmounted; then cleans up. While it still reads the machine
 * file there is nothing to clean up, and a signal ends it as any program. Returns the exit status:
 * 0, or 1 after one sentence on standard error.
 */
int daemon_run(const struct daemon_options *options);

#endif
