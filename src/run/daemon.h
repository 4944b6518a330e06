/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_DAEMON_H
#define APUS_RUN_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * How `apus run` starts the daemon: as a child that executes program as
 *
 *   apus daemon --fuse-fd N --socket PATH --ready-fd M --starter-fd S --quiet
 *               --dev-links /dev --ioctl WAY [--nodes KIND] [--machine FILE --machine-fd T] [--abi
 * PROFILE]
 *               [--state DIR [--sync]] [--record FILE [--append|--force] [--record-keys yes]]
 *               [--metrics WHERE [--metrics-if-possible]] [--shadow DIR] [--seccomp ACTION]
 * [--uevent-fd U --outside I]
 *
 * N is an open /dev/fuse that is already mounted, U a socket of uevent_socket_open, and I the inode
 * number of the outer network namespace, which must get no uevents. Once the tree and the socket
 * are served, the daemon writes a byte to M and closes it; on failure it prints an error message
 * and exits with a status other than 0. S is its link to whoever starts it (socket/starter.h): it
 * ends when that is closed, as on SIGTERM, unless it was told that its starter leaves.
 */
struct daemon_start {
    const char *program; /* path of the daemon */
    int fuse;            /* N; -1: --no-tree instead */
    const char *socket;  /* PATH */
    const char *machine; /* FILE, or its name; NULL: the default machine */
    int machine_text;    /* T, a file with the text of FILE; -1: FILE is read */
    const char *abi;     /* PROFILE; NULL: that of the machine */
    const char *record;  /* FILE; NULL: none */
    bool append, force;  /* at most one, with record */
    bool record_keys;    /* with record */
    const char *seccomp; /* ACTION; NULL: the default */
    bool verbose;        /* omit --quiet */
    int uevents;         /* U; -1: none */
    uint64_t outside;    /* I */
    const char *shadow;  /* DIR, for programs without a mount; NULL: none. Without --dev-links */
    const char *ioctl;   /* WAY; NULL: it serves no device nodes */
    const char *nodes;   /* KIND; NULL: they are no real devices */
    const char *state;   /* DIR; NULL: nothing outlives it */
    bool sync;           /* with state */
    const char *metrics; /* WHERE; NULL: nowhere */
    bool metrics_if_possible;
    const int *keep; /* descriptors that stay open as long as it runs; -1 ends them */
};

struct daemon_process {
    pid_t pid; /* 0: none */
    int link;  /* the other end of S; close-on-exec */
    int ready; /* from M, until daemon_await */
};

#define DAEMON_PROCESS_INIT                                                                        \
    {                                                                                              \
        .link = -1, .ready = -1                                                                    \
    }

/* Starts the daemon. 0, or -errno after an error message. daemon_await follows: what does not need
 * the daemon is done in between. */
int daemon_start(const struct daemon_start *how, struct daemon_process *out);

/* Waits until it serves. 0, or -errno after an error message; then it has ended. */
int daemon_await(struct daemon_process *daemon);

/* Once /dev is laid out: the daemon makes its device nodes there. leave: it is to stay when this
 * process ends, and lets go of standard input, output and error. 0, or -errno after a message. */
int daemon_settle(const struct daemon_process *daemon, bool leave);

/* Ends it, and waits; also if it has ended already. False, after an error message: it had been
 * killed. */
bool daemon_end(struct daemon_process *daemon);

#endif
