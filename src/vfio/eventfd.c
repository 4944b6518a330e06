/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "vfio/internal.h"

/*
 * Eventfds of programs. A write to one waits if its counter is full, and a program can fill it at
 * any time: only where that program could stop the daemon anyway is it written on the event loop.
 */
struct signal_job {
    struct transfer transfer; /* first */
    struct vfio *v;
    struct eventfd *of; /* NULL: it was closed meanwhile */
    int fd;
    uint64_t count;
};

static bool is_eventfd(int fd)
{
    char path[64], target[64] = "";

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return readlink(path, target, sizeof target - 1) > 0 &&
           strcmp(target, "anon_inode:[eventfd]") == 0;
}

/* A copy of a descriptor of the caller. */
static int take(const struct vfio_caller *c, int fd)
{
    int process = (int)syscall(SYS_pidfd_open, caller_process(c->thread), 0), copy;

    if (process < 0)
        return -errno;
    copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    if (copy < 0)
        copy = errno == EPERM ? -EACCES : -errno;
    close(process);
    return copy;
}

int eventfd_take(struct eventfd *e, const struct vfio_caller *c, int fd)
{
    int copy = take(c, fd);

    if (copy < 0)
        return copy;
    if (!is_eventfd(copy)) {
        close(copy);
        return -EINVAL;
    }
    eventfd_close(e);
    *e = (struct eventfd){.fd = copy, .uid = c->uid};
    return 0;
}

void eventfd_close(struct eventfd *e)
{
    if (e->job)
        e->job->of = NULL;
    if (e->fd >= 0)
        close(e->fd);
    *e = (struct eventfd){.fd = -1};
}

static void add(int fd, uint64_t count)
{
    if (write(fd, &count, sizeof count) < 0)
        errno = 0; /* nobody learns of it, as with the real driver */
}

static int job_work(struct transfer *t, int line)
{
    add(line, ((struct signal_job *)t)->count);
    return 0;
}

static void signal_by_job(struct vfio *v, struct eventfd *e, pid_t process);

static void job_done(struct transfer *t, int result)
{
    struct signal_job *job = (struct signal_job *)t;
    struct eventfd *e = job->of;

    if (e)
        e->job = NULL;
    if (e && e->pending)
        signal_by_job(job->v, e, t->thread);
    close(job->fd);
    free(job);
}

static void signal_by_job(struct vfio *v, struct eventfd *e, pid_t process)
{
    struct signal_job *job = xcalloc(1, sizeof *job);

    *job = (struct signal_job){.v = v, .of = e, .count = e->pending};
    job->fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
    job->transfer.thread = process;
    job->transfer.uid = e->uid;
    job->transfer.line = job->fd;
    job->transfer.work = job_work;
    job->transfer.done = job_done;
    e->pending = 0;
    e->job = job;
    transfer_start(v->copier, &job->transfer);
}

void eventfd_signal(struct vfio *v, struct eventfd *e, pid_t process)
{
    struct pollfd room = {.fd = e->fd, .events = POLLOUT};
    bool trusted = e->uid == 0 || e->uid == geteuid();

    if (e->fd < 0)
        return;
    if (trusted && !e->job && poll(&room, 1, 0) == 1 && room.revents & POLLOUT) {
        add(e->fd, 1);
        return;
    }
    e->pending++;
    if (!e->job)
        signal_by_job(v, e, process);
}
