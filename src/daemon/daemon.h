/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_DAEMON_H
#define APUS_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/abi.h"
#include "daemon/filter.h"
#include "store/record.h"

/* The options of `apus daemon`. Strings belong to the caller. */
struct daemon_options {
    const char *mount;        /* an existing directory; NULL if fuse_fd is given */
    int fuse_fd;              /* an open /dev/fuse that is mounted already; -1 if mount is given */
    const char *socket;       /* path of the control socket; NULL: the service manager passes it */
    const char *guest_socket; /* of the guest protocol; NULL: socket with .guest behind it */
    const char *metrics;      /* where to serve metrics: the path of a Unix socket, with a slash in
                               * it, or a port (socket/loopback.h); NULL: nowhere */
    bool metrics_if_possible; /* without the library there are none */
    bool no_tree;             /* in place of mount and fuse_fd: nobody looks at the tree */
    int ready_fd;             /* gets one byte when all serves; -1: "ready" on standard output */
    const char *machine;      /* machine file, "-": standard input; NULL: the default machine */
    int machine_fd;           /* reads the machine file's text, machine is its name; -1: none */
    bool has_abi;
    enum abi_profile abi; /* overrides the machine's */
    bool virtual_clock;
    int uevent_fd;         /* socket from uevent_socket_open, for kernel uevents; -1: none */
    uint64_t outside;      /* network namespace that uevent_fd must not be in */
    const char *dev_links; /* directory that gets a name for each zcrypt node: a symbolic link into
                            * the mounted tree, or with notify a node like /dev/null; NULL: none */
    bool listens;          /* serves ioctls that seccomp filters report: VFIO's */
    const char *nodes;     /* zcrypt's nodes are real devices, in /dev with this before their names
                            * (cuse/cuse.h); in dev_links are device files for these. NULL: not */
    bool notify;           /* with listens: zcrypt's, too, which do not come by FUSE */
    const char *shadow;    /* directory for programs without a mount (nomount/nomount.h); listens
                            * and notify are set, dev_links is NULL. NULL: there are none */
    int starter_fd;        /* socket to the process that has started us (starter.c); -1: none */
    const char *record;    /* file to record to; NULL: none */
    enum record_mode record_mode;
    bool record_keys;     /* with the private keys of requests */
    const char *state;    /* directory that keeps the machine; NULL: none */
    bool sync;            /* it survives a loss of power, too */
    bool quiet;           /* no messages on standard error */
    const char *pid_file; /* file that holds our process id while we serve; NULL: none */
    enum filter_action seccomp;
    uint8_t *secret; /* 32 bytes that the adapters' keys are derived from, wiped once that is done;
                      * NULL: random keys */
};

/*
 * Serves until SIGTERM, SIGINT, SIGHUP (unless that was ignored at the start, as by nohup(1)), the
 * control command quit, or the tree is unmounted; then cleans up. A signal while the machine file
 * is still being read ends the process immediately, as there is nothing to clean up. Returns the
 * exit status: 0, or 1 after a message on standard error.
 */
int daemon_run(const struct daemon_options *options);

#endif
