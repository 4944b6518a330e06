/* SPDX-License-Identifier: MIT */
#include "run/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"
#include "run/program.h"

#define ARGS_MAX 32

static void keep_open(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFD, 0);
}

static _Noreturn void become_daemon(const struct daemon_start *how, int ready, pid_t parent)
{
    char fuse_text[16], ready_text[16], uevents_text[16], outside_text[32], notify_text[16],
        machine_text[16];
    const char *args[ARGS_MAX] = {"apus",     "daemon",   "--ready-fd",
                                  ready_text, "--socket", how->socket};
    int n = 6;

    snprintf(fuse_text, sizeof(fuse_text), "%d", how->fuse);
    snprintf(ready_text, sizeof(ready_text), "%d", ready);
    snprintf(uevents_text, sizeof(uevents_text), "%d", how->uevents);
    snprintf(outside_text, sizeof(outside_text), "%" PRIu64, how->outside);
    if (how->fuse >= 0) {
        args[n++] = "--fuse-fd", args[n++] = fuse_text;
        args[n++] = "--dev-links", args[n++] = "/dev";
    } else {
        args[n++] = "--no-tree";
    }
    if (!how->verbose)
        args[n++] = "--quiet";
    if (how->uevents >= 0) {
        args[n++] = "--uevent-fd", args[n++] = uevents_text;
        args[n++] = "--outside", args[n++] = outside_text;
    }
    if (how->notify >= 0) {
        snprintf(notify_text, sizeof(notify_text), "%d", how->notify);
        args[n++] = "--notify-fd", args[n++] = notify_text;
        if (how->fuse_ioctls)
            args[n++] = "--fuse-ioctls";
    }
    if (how->machine)
        args[n++] = "--machine", args[n++] = how->machine;
    if (how->machine && how->machine_text >= 0) {
        snprintf(machine_text, sizeof(machine_text), "%d", how->machine_text);
        args[n++] = "--machine-fd", args[n++] = machine_text;
    }
    if (how->abi)
        args[n++] = "--abi", args[n++] = how->abi;
    if (how->record)
        args[n++] = "--record", args[n++] = how->record;
    if (how->append || how->force)
        args[n++] = how->append ? "--append" : "--force";
    keep_open(how->fuse);
    keep_open(ready);
    keep_open(how->uevents);
    keep_open(how->notify);
    keep_open(how->machine_text);
    /* Ctrl-C in the terminal is for the program; the daemon must not get it. */
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(PROGRAM_FAILED);
    execv("/proc/self/exe", (char **)args);
    run_error("cannot start the daemon: %s (is /proc mounted?)", error_text(errno));
    _exit(PROGRAM_FAILED);
}

/* Waits for the byte that the daemon writes once it serves. End of file means that it failed, after
 * an error message unless a signal killed it. */
static int wait_ready(int fd, pid_t daemon)
{
    char byte;
    ssize_t n;
    int status;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        return 0;
    waitpid(daemon, &status, 0);
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);
        bool memory = number == SIGABRT || number == SIGKILL;

        run_error("the daemon was killed by signal %d (%s) during startup%s", number,
                  strsignal(number),
                  memory ? "; it may have run out of memory: free some, or raise the limit "
                           "(ulimit -v)"
                         : "");
    }
    return -EIO;
}

int daemon_start(const struct daemon_start *how, pid_t *out)
{
    pid_t parent = getpid(), child;
    int ready[2], ret;

    if (pipe2(ready, O_CLOEXEC) < 0) {
        ret = -errno;
        run_error("cannot create a pipe: %s", error_text(-ret));
        return ret;
    }
    child = fork();
    if (child == 0)
        become_daemon(how, ready[1], parent);
    ret = child < 0 ? -errno : 0;
    close(ready[1]);
    if (ret < 0)
        run_error("cannot start a process: %s", error_text(-ret));
    else
        ret = wait_ready(ready[0], child);
    close(ready[0]);
    if (ret == 0)
        *out = child;
    return ret;
}
