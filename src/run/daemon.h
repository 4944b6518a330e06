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
 * N is an open /dev/fuse that is mounted already, U a socket of uevent_socket_open and I the number
 * of the network namespace that we have left, which must hear nothing of it. The daemon writes one
 * byte to M and closes it when both the file system and the socket serve; if that cannot be, it
 * prints one sentence on standard error and exits with a status other than 0. SIGTERM, which also
 * comes when the parent dies, ends it with status 0. --quiet keeps the message log off standard
 * error.
 */
struct daemon_start {
    int fuse;            /* N; -1: --no-tree in its place */
    const char *socket;  /* PATH */
    const char *machine; /* FILE, its name, or NULL for the default machine */
    int machine_text;    /* T, a file with its text; -1: FILE is read */
    const char *abi;     /* PROFILE, or NULL for that of the machine */
    const char *record;  /* or NULL */
    bool append, force;  /* at most one, with record */
    bool verbose;        /* without --quiet */
    int uevents;         /* U, or -1 */
    uint64_t outside;    /* I */
    int notify;          /* S, an end of a socket pair for a seccomp listener; or -1 */
    bool fuse_ioctls;    /* it is for VFIO alone */
};

/*
 * Starts it and waits until it serves. 0 and the process id, or a negative errno after a sentence
 * (the daemon's or ours) on standard error.
 */
int daemon_start(const struct daemon_start *how, pid_t *out);

#endif
