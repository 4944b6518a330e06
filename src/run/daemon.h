/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_DAEMON_H
#define APUS_RUN_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * How `apus run` starts the daemon: as a child that executes this program as
 *
 *   apus daemon --fuse-fd N --socket PATH --ready-fd M --quiet
 *               --dev-links /dev [--machine FILE --machine-fd T] [--abi PROFILE]
 *               [--record FILE [--append|--force]] [--uevent-fd U --outside I] [--notify-fd S
 *               [--fuse-ioctls]]
 *
 * N is an open /dev/fuse that is already mounted, U a socket of uevent_socket_open, and I the inode
 * number of the outer network namespace, which must get no uevents. Once the tree and the socket
 * are served, the daemon writes a byte to M and closes it; on failure it prints an error message
 * and exits with a status other than 0. On SIGTERM, which it also gets when its parent dies, it
 * exits with status 0.
 */
struct daemon_start {
    int fuse;            /* N; -1: --no-tree instead */
    const char *socket;  /* PATH */
    const char *machine; /* FILE, or its name; NULL: the default machine */
    int machine_text;    /* T, a file with the text of FILE; -1: FILE is read */
    const char *abi;     /* PROFILE; NULL: that of the machine */
    const char *record;  /* FILE; NULL: none */
    bool append, force;  /* at most one, with record */
    bool verbose;        /* omit --quiet */
    int uevents;         /* U; -1: none */
    uint64_t outside;    /* I */
    int notify;          /* S, one end of a socket pair for the seccomp listener; -1: none */
    bool fuse_ioctls;    /* the listener is only for VFIO */
};

/* Starts the daemon and waits until it serves. 0 with its process id in *out, or -errno after an
 * error message. */
int daemon_start(const struct daemon_start *how, pid_t *out);

#endif
