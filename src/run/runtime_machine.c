/* SPDX-License-Identifier: MIT */
/* Machines that run, for others than those that run them: finding one, its daemon, ending it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/error.h"
#include "run/layout.h"
#include "run/members.h"
#include "run/runtime_dir.h"

#define GREETING_MS   100
#define DAEMON_END_MS 10000
#define PROGRAM_MS    5000 /* that programs have to end */

/* A descriptor, or -1. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%.107s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* 0: nobody answers. */
static pid_t daemon_at(const char *path)
{
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    fd_auto fd = connect_to(path);

    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

bool runtime_greets(const char *path)
{
    fd_auto fd = connect_to(path);
    struct pollfd said = {.fd = fd, .events = POLLIN};
    char byte;

    return fd >= 0 && poll(&said, 1, GREETING_MS) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
}

pid_t runtime_daemon(const struct runtime_machine *m)
{
    return daemon_at(m->socket);
}

void runtime_describe(const char *base, const char *name, struct runtime_machine *out)
{
    *out = (struct runtime_machine){0};
    snprintf(out->name, sizeof out->name, "%.32s", name);
    runtime_join(out->dir, base, name);
    runtime_join(out->socket, out->dir, "control");
    run_info_read(out->dir, &out->info);
}

int runtime_of(const char *socket, struct runtime_machine *out)
{
    char dir[RUNTIME_PATH_MAX], *slash;

    snprintf(dir, sizeof dir, "%s", socket);
    slash = strrchr(dir, '/');
    if (!slash || strcmp(slash, "/control") != 0)
        return -ENOENT;
    *slash = '\0';
    slash = strrchr(dir, '/');
    if (!slash)
        return -ENOENT;
    *slash = '\0';
    runtime_describe(dir, slash + 1, out);
    return *out->info.source ? 0 : -ENOENT;
}

int runtime_each(void (*each)(void *data, const struct runtime_machine *m), void *data)
{
    struct runtime_machine m;
    char base[RUNTIME_PATH_MAX];
    const char *name;

    int ret = runtime_base(base);

    if (ret == 0)
        ret = runtime_check_base(base);
    if (ret < 0)
        return ret == -ENOENT ? 0 : ret;

    dir_auto *d = opendir(base);

    while (d && (name = runtime_next_name(d))) {
        if (!runtime_is_alive(base, name))
            continue;
        runtime_describe(base, name, &m);
        each(data, &m);
    }
    return 0;
}

int runtime_look(const char *name, struct runtime_machine *out)
{
    char base[RUNTIME_PATH_MAX];

    int ret = runtime_base(base);

    if (ret == 0)
        ret = runtime_check_base(base);
    if (ret < 0 && ret != -ENOENT)
        return ret;
    if (ret < 0 || (runtime_is_named(name) && !runtime_name_is_valid(name)) || strchr(name, '/') ||
        !runtime_is_alive(base, name)) {
        run_error(ENOENT, "there is no machine '%s'; 'apus list' lists those that run", name);
        return -ENOENT;
    }
    runtime_describe(base, name, out);
    if (*out->info.source)
        return 0;
    run_error(EAGAIN, "the machine '%s' is still starting", name);
    return -EAGAIN;
}

static bool ends_within(const char *lock, unsigned ms)
{
    for (unsigned waited = 0; runtime_is_locked(lock); waited += RUNTIME_STEP_MS) {
        if (waited >= ms)
            return false;
        runtime_nap();
    }
    return true;
}

int runtime_end(const struct runtime_machine *m, runtime_ending_fn *ending)
{
    pid_t daemon = runtime_daemon(m);
    fd_auto process = daemon ? pidfd_open(daemon, 0) : -1;
    char lock[RUNTIME_PATH_MAX];

    runtime_join(lock, m->dir, "lock");
    members_end(m->info.source, daemon, PROGRAM_MS);
    if (process >= 0)
        pidfd_send_signal(process, SIGTERM, NULL, 0);
    if (!ends_within(lock, DAEMON_END_MS) && process >= 0) {
        run_error(ETIMEDOUT, "the daemon did not end within %d seconds and was killed",
                  DAEMON_END_MS / 1000);
        pidfd_send_signal(process, SIGKILL, NULL, 0);
    }
    if (!ends_within(lock, RUNTIME_ENDING_MS)) {
        run_error(EBUSY, "the machine '%s' does not end: a process still holds its lock", m->name);
        return -EBUSY;
    }
    runtime_sweep(ending);
    return 0;
}

struct search {
    char *socket;
    unsigned count;
};

static void find_one(void *data, const struct runtime_machine *m)
{
    struct search *s = data;

    if (s->count++ == 0)
        memcpy(s->socket, m->socket, RUNTIME_PATH_MAX);
}

static void list_one(void *data, const struct runtime_machine *m)
{
    text_addf(data, "%s-n %s", ((const struct text *)data)->len ? ", " : "", m->name);
}

int runtime_find_socket(const char *name, char out[RUNTIME_PATH_MAX])
{
    struct search s = {.socket = out};
    struct runtime_machine m;
    text_auto names = {0};
    int ret;

    if (name) {
        ret = runtime_look(name, &m);
        memcpy(out, m.socket, RUNTIME_PATH_MAX);
        return ret;
    }
    ret = runtime_each(find_one, &s);
    if (ret < 0)
        return ret;
    if (s.count == 1)
        return 0;
    if (s.count == 0) {
        run_error(ENOENT,
                  "no machine is running; start one with 'apus run' or 'apus up', or give the "
                  "socket of a daemon with --socket");
        return -ENOENT;
    }
    runtime_each(list_one, &names);
    run_error(EEXIST, "%u machines are running; choose one with %s", s.count, names.data);
    return -EEXIST;
}
