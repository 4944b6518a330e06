/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "vfio/internal.h"

/*
 * Eventfds of programs. A write to one waits if its counter is full, and a program can fill it at
 * any time: only where that program could stop the daemon anyway is it written on the event loop.
 */
struct late_signal {
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

int eventfd_take(struct eventfd *e, const struct vfio_caller *c, int fd)
{
    int copy = caller_take_fd(c->thread, fd);

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
    if (e->late)
        e->late->of = NULL;
    if (e->fd >= 0)
        close(e->fd);
    *e = (struct eventfd){.fd = -1};
}

static void add(int fd, uint64_t count)
{
    if (write(fd, &count, sizeof count) < 0)
        errno = 0; /* nobody learns of it, as with the real driver */
}

static int late_work(struct transfer *t, int line)
{
    add(line, ((struct late_signal *)t)->count);
    return 0;
}

static void signal_late(struct vfio *v, struct eventfd *e, pid_t process);

static void late_done(struct transfer *t, int result)
{
    struct late_signal *late = (struct late_signal *)t;
    struct eventfd *e = late->of;

    if (e)
        e->late = NULL;
    if (e && e->pending)
        signal_late(late->v, e, t->thread);
    close(late->fd);
    free(late);
}

static void signal_late(struct vfio *v, struct eventfd *e, pid_t process)
{
    struct late_signal *late = xcalloc(1, sizeof *late);

    *late = (struct late_signal){.v = v, .of = e, .count = e->pending};
    late->fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
    late->transfer.thread = process;
    late->transfer.uid = e->uid;
    late->transfer.line = late->fd;
    late->transfer.work = late_work;
    late->transfer.done = late_done;
    e->pending = 0;
    e->late = late;
    transfer_start(v->copier, &late->transfer);
}

void eventfd_signal(struct vfio *v, struct eventfd *e, pid_t process)
{
    struct pollfd room = {.fd = e->fd, .events = POLLOUT};

    if (e->fd < 0)
        return;
    if (caller_trusted(e->uid) && !e->late && poll(&room, 1, 0) == 1 && room.revents & POLLOUT) {
        add(e->fd, 1);
        return;
    }
    e->pending++;
    if (!e->late)
        signal_late(v, e, process);
}
