/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "session.h"

enum { WAIT_MAX = 8, IDLE_MS = 60000 };

/* A process of its own, since a scan takes as long as the adapters need. */
static void start_scan(struct agent *a)
{
    a->scan_again = a->scan > 0;
    if (a->scan)
        return;
    a->scan = fork();
    if (a->scan == 0) {
        file_write("/sys/bus/ap/scans", "1");
        _exit(0);
    }
    if (a->scan < 0)
        a->scan = 0;
}

static void look_at_rescan(struct agent *a)
{
    if (a->rescan.fd < 0)
        return;
    port_fill(&a->rescan);
    if (a->rescan.len)
        start_scan(a);
    port_skip(&a->rescan, a->rescan.len);
}

static void start_shell(struct agent *a)
{
    a->shell = fork();
    if (a->shell == 0) {
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execl("/bin/busybox", "busybox", "setsid", "cttyhack", "sh", NULL);
        _exit(127);
    }
}

static void reaped(struct agent *a, pid_t pid, int status)
{
    if (pid == a->command) {
        a->command = -1;
        a->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    } else if (pid == a->scan) {
        a->scan = 0;
        if (a->scan_again)
            start_scan(a);
    } else if (pid == a->shell) {
        puts("The guest keeps running; stop it with poweroff -f");
        start_shell(a);
    }
}

static void reap(struct agent *a)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        reaped(a, pid, status);
}

/* A port without a client would be ready all the time; SIGIO tells when one comes. */
static bool is_away(const struct agent *a, int fd)
{
    const struct port *ports[] = {&a->control, &a->out, &a->err, &a->in, &a->rescan};

    for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++)
        if (ports[i]->fd == fd)
            return ports[i]->away;
    return false;
}

void agent_wait(struct agent *a, struct pollfd *fds, size_t count, int ms)
{
    struct pollfd all[WAIT_MAX] = {{a->signals, POLLIN, 0}, {a->rescan.fd, POLLIN, 0}};
    struct signalfd_siginfo info[4];

    memcpy(all + 2, fds, count * sizeof(*fds));
    for (size_t i = 0; i < count + 2; i++)
        if (is_away(a, all[i].fd))
            all[i].fd = -1;
    poll(all, count + 2, ms);
    while (read(a->signals, info, sizeof(info)) > 0)
        ;
    reap(a);
    look_at_rescan(a);
}

void agent_prepare(struct agent *a, bool has_shell)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGIO);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (has_shell)
        start_shell(a);
}

void agent_run(struct agent *a)
{
    struct pollfd request = {a->control.fd, POLLIN, 0};
    const char *line;

    for (;;) {
        port_fill(&a->control);
        line = port_line(&a->control);
        if (line)
            session_serve(a, line);
        else
            agent_wait(a, &request, 1, IDLE_MS);
    }
}
