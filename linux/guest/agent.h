/* SPDX-License-Identifier: MIT */
#ifndef APUS_LINUX_GUEST_AGENT_H
#define APUS_LINUX_GUEST_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "port.h"

/*
 * Runs the commands that clients send over virtio-serial ports (docs/linux-guests.md has the
 * protocol), one after the other, and scans the AP bus when the host asks for it. It is process 1,
 * so it also reaps what others leave behind.
 */
struct agent {
    struct port control, out, err, in;
    struct port rescan; /* fd -1: no host asks */
    int signals;        /* a signalfd with SIGCHLD and SIGIO */
    pid_t command;      /* 0: none runs; -1: it has ended, with status */
    int status;
    pid_t scan;      /* who scans, or 0 */
    bool scan_again; /* asked for while a scan was under way */
    pid_t shell;     /* on the console; 0: none is wanted */
};

struct pollfd;

/* Creates signals, and with has_shell starts a shell on the console. Ports are open. */
void agent_prepare(struct agent *a, bool has_shell);

/* Serves for ever. */
void agent_run(struct agent *a);

/* For session.c. Waits for a signal or one of the events, at most ms; a port without a client is
 * skipped. Then looks at children and at the rescan port. */
void agent_wait(struct agent *a, struct pollfd *fds, size_t count, int ms);

#endif
