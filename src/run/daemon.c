/* SPDX-License-Identifier: MIT */
#include "run/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"
#include "run/program.h"
#include "socket/starter.h"

#define ARGS_MAX 48

struct args {
    const char *v[ARGS_MAX]; /* ends with NULL */
    char numbers[8][24];
    unsigned count, number_count;
};

/* value NULL: the option has none, or is not wanted. */
static void add(struct args *a, const char *option, const char *value)
{
    if (!value)
        return;
    a->v[a->count++] = option;
    a->v[a->count++] = value;
}

static void add_flag(struct args *a, const char *option, bool wanted)
{
    if (wanted)
        a->v[a->count++] = option;
}

static void add_number(struct args *a, const char *option, uint64_t value)
{
    char *text = a->numbers[a->number_count++];

    snprintf(text, sizeof(a->numbers[0]), "%" PRIu64, value);
    add(a, option, text);
}

/* A descriptor that the daemon inherits; negative: there is none. */
static void add_fd(struct args *a, const char *option, int fd)
{
    if (fd < 0)
        return;
    add_number(a, option, (uint64_t)fd);
    fcntl(fd, F_SETFD, 0);
}

static void list_args(const struct daemon_start *how, int ready, int starter, struct args *a)
{
    add_flag(a, "apus", true);
    add_flag(a, "daemon", true);
    add_fd(a, "--ready-fd", ready);
    add_fd(a, "--starter-fd", starter);
    add(a, "--socket", how->socket);
    add_fd(a, "--fuse-fd", how->fuse);
    add(a, "--dev-links", how->ioctl && !how->shadow ? "/dev" : NULL);
    add(a, "--shadow", how->shadow);
    add(a, "--ioctl", how->ioctl);
    add(a, "--nodes", how->nodes);
    add_flag(a, "--no-tree", how->fuse < 0);
    add_flag(a, "--quiet", !how->verbose);
    add_fd(a, "--uevent-fd", how->uevents);
    if (how->uevents >= 0)
        add_number(a, "--outside", how->outside);
    add(a, "--machine", how->machine);
    add_fd(a, "--machine-fd", how->machine ? how->machine_text : -1);
    add(a, "--abi", how->abi);
    add(a, "--state", how->state);
    add_flag(a, "--sync", how->sync);
    add(a, "--metrics", how->metrics);
    add_flag(a, "--metrics-if-possible", how->metrics && how->metrics_if_possible);
    add(a, "--record", how->record);
    add(a, "--seccomp", how->seccomp);
    add(a, "--record-keys", how->record_keys ? "yes" : NULL);
    add_flag(a, "--append", how->append);
    add_flag(a, "--force", how->force);
}

static _Noreturn void become_daemon(const struct daemon_start *how, int ready, int starter)
{
    struct args args = {0};

    list_args(how, ready, starter, &args);
    for (const int *fd = how->keep; fd && *fd >= 0; fd++)
        fcntl(*fd, F_SETFD, 0);
    unsetenv("WATCHDOG_PID"); /* it is this process that tells the service manager */
    /* Ctrl-C in the terminal is for the program; the daemon must not get it. */
    setsid();
    execv(how->program, (char **)args.v);
    run_error(errno, "cannot start the daemon: cannot execute %s: %s", how->program,
              error_text(errno));
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

        run_error(memory ? ENOMEM : EPIPE,
                  "the daemon was killed by signal %d (%s) during startup%s", number,
                  strsignal(number),
                  memory ? "; it may have run out of memory: free some, or raise the limit "
                           "(ulimit -v)"
                         : "");
    }
    return -EIO;
}

/* Both pipes, or -errno after a message. */
static int open_links(int ready[2], int starter[2])
{
    int ret;

    if (pipe2(ready, O_CLOEXEC) == 0) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, starter) == 0)
            return 0;
        ret = -errno;
        close(ready[0]);
        close(ready[1]);
    } else {
        ret = -errno;
    }
    run_error(-ret, "cannot create a pipe: %s", error_text(-ret));
    return ret;
}

int daemon_start(const struct daemon_start *how, struct daemon_process *out)
{
    int ready[2], starter[2], ret = open_links(ready, starter);
    pid_t child;

    if (ret < 0)
        return ret;
    child = fork();
    if (child == 0)
        become_daemon(how, ready[1], starter[1]);
    ret = child < 0 ? -errno : 0;
    close(ready[1]);
    close(starter[1]);
    if (ret < 0) {
        run_error(-ret, "cannot start a process: %s", error_text(-ret));
        close(ready[0]);
        close(starter[0]);
    } else {
        *out = (struct daemon_process){child, starter[0], ready[0]};
    }
    return ret;
}

int daemon_await(struct daemon_process *daemon)
{
    int ret = wait_ready(daemon->ready, daemon->pid);

    close(daemon->ready);
    daemon->ready = -1;
    if (ret < 0) {
        close(daemon->link);
        *daemon = (struct daemon_process)DAEMON_PROCESS_INIT;
    }
    return ret;
}

int daemon_settle(const struct daemon_process *daemon, bool leave)
{
    char word = leave ? STARTER_LEAVES : STARTER_STAYS;
    ssize_t n = send(daemon->link, &word, 1, MSG_NOSIGNAL);

    while (n == 1 && (n = recv(daemon->link, &word, 1, 0)) < 0 && errno == EINTR)
        n = 1;
    if (n == 1)
        return 0;
    run_error(EPIPE, "the daemon has ended");
    return -EPIPE;
}

bool daemon_end(struct daemon_process *daemon)
{
    bool lived = !daemon->pid || program_end_daemon(daemon->pid);

    if (daemon->link >= 0)
        close(daemon->link);
    if (daemon->ready >= 0)
        close(daemon->ready);
    *daemon = (struct daemon_process)DAEMON_PROCESS_INIT;
    return lived;
}
