/* SPDX-License-Identifier: MIT */
/*
 * A process that does what the daemon itself may not, or cannot any more. It mounts by fusermount3
 * and unmounts, which the daemon gives up the right to (confine.c), and which a kill would leave
 * half done. And it outlives the daemon: if that ends without a word (it was killed, or a fault of
 * ours has ended it), it takes away what others would stumble over: the mount that nobody serves,
 * links into it, sockets that nobody listens to, the PID file. What `apus run` and `apus up` have
 * made is taken away by their guard.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/internal.h"
#include "socket/fds.h"
#include "socket/listen.h"

#define ASKED_FD  3
#define DAEMON_FD 4

/* What the heir is asked for; behind the first three a path. */
enum { MOUNT = 'm', UNMOUNT = 'u', UNMOUNT_DEAD = 'd', DISMISSED = 't' /* all is tidy */ };

/* Keeps nothing of the daemon's open, and no signal that is meant for the daemon ends it. */
static void let_go(int asked, int daemon)
{
    sigset_t all;
    int null, high = fcntl(daemon, F_DUPFD, DAEMON_FD + 1);

    setsid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "apus-heir");
    dup2(asked, ASKED_FD);
    dup2(high, DAEMON_FD);
    close_range(DAEMON_FD + 1, ~0u, 0);
    null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++)
        dup2(null, i);
    close(null);
}

/* A descriptor for the answer, or -1. */
static int carry_out(const char *what)
{
    if (what[0] == DISMISSED)
        _exit(0);
    if (what[0] == MOUNT)
        return fuse_mount_by_helper(what + 1);
    fuse_mount_remove(what + 1, what[0] == UNMOUNT_DEAD);
    return -1;
}

/* Does what the daemon asks for. False: it has closed its end. */
static bool serve(void)
{
    char what[1 + PATH_MAX] = "";
    int fd;

    if (read(ASKED_FD, what, sizeof what - 1) <= 0)
        return false;
    fd = carry_out(what);
    if (fds_send(ASKED_FD, "", 1, fd) < 0)
        errno = 0; /* the daemon has gone meanwhile */
    if (fd >= 0)
        close(fd);
    return true;
}

/* Returns when the daemon has ended without having dismissed us. All its descriptors are closed
 * then. */
static void serve_until_end(void)
{
    struct pollfd fds[] = {{.fd = ASKED_FD, .events = POLLIN}, {.fd = DAEMON_FD, .events = POLLIN}};

    while (!(fds[1].revents & POLLIN))
        if (poll(fds, 2, -1) > 0 && fds[0].revents && !serve())
            fds[0].fd = -1;
}

static void remove_socket(const char *path)
{
    if (path && socket_probe(path) == -ECONNREFUSED)
        unlink(path);
}

/* While the place of the socket is locked no other daemon takes over what this one has left; and
 * where another one answers already, all of it is the other's. */
static void tidy(struct daemon *d)
{
    const struct daemon_options *o = d->options;
    text_auto guest = {0}, why = {0};
    int lock = -1;

    if (o->socket && d->sockets.control < 0) {
        lock = socket_lock(o->socket);
        if (socket_probe(o->socket) == -EADDRINUSE)
            return;
        remove_socket(o->socket);
    }
    if (!o->no_tree)
        fuse_remove_dead(o->mount);
    d->dev_links_fd = AT_FDCWD; /* it was closed */
    if (daemon_dev_links_open(d, &why) == 0)
        daemon_dev_links_remove(d);
    if (d->sockets.guest < 0 && daemon_guest_path(o, &guest))
        remove_socket(guest.data);
    remove_socket(daemon_metrics_path(o));
    daemon_pid_file_remove(o->pid_file);
    if (lock >= 0)
        close(lock);
}

static _Noreturn void heir(struct daemon *d, int asked, int daemon)
{
    let_go(asked, daemon);
    serve_until_end();
    tidy(d);
    _exit(0);
}

int daemon_heir_start(struct daemon *d, struct text *why)
{
    int pair[2], daemon, rc;

    if (d->options->fuse_fd >= 0)
        return 0;
    daemon = (int)syscall(SYS_pidfd_open, getpid(), 0);
    rc = daemon < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ? -errno : 0;
    if (rc == 0) {
        d->heir = fork();
        if (d->heir == 0)
            heir(d, pair[0], daemon);
        rc = d->heir < 0 ? -errno : 0;
        close(pair[0]);
        d->heir_fd = pair[1];
    }
    if (daemon >= 0)
        close(daemon);
    if (rc < 0)
        text_addf(why, "cannot start the process that tidies up after the daemon: %s",
                  error_text(-rc));
    return rc;
}

/* The descriptor of the answer; -EPROTO: it has none; another -errno: somebody has killed it. */
static int ask(const struct daemon *d, char what, const char *path)
{
    char line[1 + PATH_MAX];
    int len = snprintf(line, sizeof line, "%c%s", what, path);

    return fds_send(d->heir_fd, line, (size_t)len, -1) < 0 ? -errno
                                                           : fds_receive_one(d->heir_fd, 0);
}

int daemon_heir_mount(void *daemon, const char *path)
{
    int fd = ask(daemon, MOUNT, path);

    return fd < 0 ? -EPERM : fd;
}

void daemon_heir_unmount(void *daemon, const char *path, bool dead)
{
    ask(daemon, dead ? UNMOUNT_DEAD : UNMOUNT, path);
}

void daemon_heir_dismiss(struct daemon *d)
{
    if (d->heir <= 0)
        return;
    if (fds_send(d->heir_fd, &(char){DISMISSED}, 1, -1) < 0)
        errno = 0;
    close(d->heir_fd);
    while (waitpid(d->heir, NULL, 0) < 0 && errno == EINTR)
        ;
    d->heir = 0;
}
