/* SPDX-License-Identifier: MIT */
/* The directory of a machine that this process runs, and the guard that removes it. */
#include "run/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"
#include "run/runtime_dir.h"

static int64_t passed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* A directory with a lock that is held; what is left of an unfinished one has a process id for its
 * name, and is swept. */
static int make_numbered(const char *base, struct runtime *out)
{
    char name[32], path[RUNTIME_PATH_MAX];
    int made = -1;

    /* The name may be taken by a process with the same PID in another PID namespace. */
    for (int i = 0; i < 100 && made < 0; i++) {
        snprintf(name, sizeof name, i ? "%d.%d" : "%d", (int)getpid(), i);
        runtime_join(out->dir, base, name);
        made = mkdir(out->dir, 0700);
        if (made < 0 && errno != EEXIST)
            break;
    }
    if (made < 0) {
        out->dir[0] = '\0'; /* it is another's, or not there */
        return -errno;
    }
    runtime_join(path, out->dir, "lock");
    out->lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    /* Waits for those that only look whether it is locked. */
    if (out->lock < 0 || flock(out->lock, LOCK_EX) < 0)
        return -errno;
    return 0;
}

static int make_own(const char *base, const char *name, struct runtime *out)
{
    char path[RUNTIME_PATH_MAX];
    int ret = make_numbered(base, out);

    if (ret < 0 || !name)
        return ret;
    runtime_join(path, base, name);
    if (rename(out->dir, path) < 0)
        return -errno;
    memcpy(out->dir, path, sizeof path);
    return 0;
}

static _Noreturn void guard(const struct runtime *r, int fd)
{
    sigset_t all;
    char byte;
    int null;

    setsid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++)
        dup2(null, i);
    /* The lock stays: until the directory is gone the machine has not ended. */
    fd = dup2(fcntl(fd, F_DUPFD, 5), 3);
    dup2(fcntl(r->lock, F_DUPFD, 5), 4);
    close_range(5, ~0u, 0);
    if (chdir("/") < 0 || read(fd, &byte, 1) != 0)
        _exit(1);
    runtime_remove_dir(r->dir, r->ending);
    _exit(0);
}

/* Starts the guard, a process that removes the directory, even if this process is killed. */
static int start_guard(struct runtime *r)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    r->guard = fork();
    if (r->guard == 0)
        guard(r, fds[0]);
    close(fds[0]);
    r->guarded = fds[1];
    return r->guard < 0 ? -errno : 0;
}

/* The guard alone removes it: as soon as the directory is gone, its name may be another machine's.
 * Unless somebody has killed the guard. */
void runtime_remove(struct runtime *r)
{
    int status = -1;

    if (r->guarded >= 0)
        close(r->guarded);
    if (r->guard > 0)
        waitpid(r->guard, &status, 0);
    if (status != 0)
        runtime_remove_dir(r->dir, r->ending);
    if (r->lock >= 0)
        close(r->lock);
}

/* Waits for the machine of that name, if it is about to end. Returns with the lock of the base, or
 * -errno; -EEXIST: it goes on. */
static int lock_for(const char *base, const char *name, runtime_ending_fn *ending)
{
    struct timespec since;
    struct runtime_machine m;
    int lock;

    clock_gettime(CLOCK_MONOTONIC, &since);
    for (;;) {
        lock = runtime_lock_base(base);
        if (lock < 0)
            return lock;
        runtime_sweep_base(base, ending);
        if (!name || !runtime_is_alive(base, name))
            return lock;
        close(lock);
        runtime_describe(base, name, &m);
        if (runtime_greets(m.socket) || passed_ms(&since) >= RUNTIME_ENDING_MS)
            return -EEXIST;
        runtime_nap();
    }
}

static int refuse_create(int err, const char *base, const char *name)
{
    if (err == EEXIST && name)
        run_error(err,
                  "the machine '%s' is running already; 'apus exec %s' runs programs in it, 'apus "
                  "down %s' ends it",
                  name, name, name);
    else if (err == ENOTEMPTY && name)
        run_error(err, "%s/%s is no machine's directory; take another name", base, name);
    else
        run_error(err, "cannot create a directory in %s: %s%s", base, error_text(err),
                  err == ENOSPC ? "; free some space or set APUS_RUNTIME_DIR" : "");
    return -err;
}

static int check_length(const char *base, const char *name)
{
    size_t max = RUNTIME_PATH_MAX - strlen("//control.guest") - strlen(base) - 1;

    if (!name || strlen(name) <= max)
        return 0;
    run_error(ENAMETOOLONG,
              "the name '%s' is too long for a socket in %s; set APUS_RUNTIME_DIR to a shorter one",
              name, base);
    return -ENAMETOOLONG;
}

int runtime_create(struct runtime *out, const char *name, runtime_ending_fn *ending)
{
    struct runtime r = {.lock = -1, .guarded = -1, .ending = ending};
    char base[RUNTIME_PATH_MAX];
    int lock, ret;

    ret = runtime_base(base);
    if (ret == 0)
        ret = check_length(base, name);
    if (ret == 0)
        ret = runtime_make_base(base);
    if (ret < 0)
        return ret;
    lock = ret = lock_for(base, name, ending);
    if (ret >= 0)
        ret = make_own(base, name, &r);
    if (lock >= 0)
        close(lock);
    if (ret == 0)
        ret = start_guard(&r);
    if (ret < 0) {
        if (*r.dir)
            runtime_remove(&r);
        return refuse_create(-ret, base, name);
    }
    runtime_join(r.socket, r.dir, "control");
    *out = r;
    return 0;
}

int runtime_make_shadow(const struct runtime *r, char out[RUNTIME_PATH_MAX])
{
    char memory[] = RUNTIME_MEMORY "XXXXXX";

    runtime_join(out, r->dir, "shadow");
    if (mkdtemp(memory)) {
        if (symlink(memory, out) == 0) {
            strcpy(out, memory);
            return 0;
        }
        rmdir(memory);
    }
    if (mkdir(out, 0700) == 0)
        return 0;
    return refuse_create(errno, r->dir, NULL);
}
