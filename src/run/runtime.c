/* SPDX-License-Identifier: MIT */
#include "run/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"

/* Leaves room for "/1234567890.99/control" after the base. */
#define BASE_MAX (RUNTIME_PATH_MAX - 24)

static void close_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}

#define dir_auto __attribute__((cleanup(close_dir))) DIR

int runtime_base(char out[RUNTIME_PATH_MAX])
{
    const char *own = getenv("APUS_RUNTIME_DIR");
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    int len;

    if (own && *own)
        len = snprintf(out, RUNTIME_PATH_MAX, "%s", own);
    else
        len = snprintf(out, RUNTIME_PATH_MAX, "%s/apus-%u", xdg && *xdg ? xdg : "/tmp",
                       (unsigned)getuid());
    if (len < BASE_MAX)
        return 0;
    run_error("the path of the runtime directory is too long for a socket; set APUS_RUNTIME_DIR to "
              "one of fewer than %d bytes",
              BASE_MAX);
    return -ENAMETOOLONG;
}

static void remove_dir(const char *dir, runtime_ending_fn *ending)
{
    static const char *const files[] = {"control", "control.guest", "lock"};
    char path[RUNTIME_PATH_MAX + 16];

    snprintf(path, sizeof(path), "%.107s/control", dir);
    ending(path);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        snprintf(path, sizeof(path), "%.107s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* Whether the `apus run` that owns the directory called name is still running. */
static bool is_alive(const char *base, const char *name)
{
    char path[RUNTIME_PATH_MAX + NAME_MAX + 8];
    int fd;
    bool locked;

    snprintf(path, sizeof(path), "%s/%s/lock", base, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

/* The next directory in d whose name may be that of a machine, or NULL. */
static const char *next_name(DIR *d)
{
    const struct dirent *e;

    while ((e = readdir(d))) {
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9' && strlen(e->d_name) < 15)
            return e->d_name;
    }
    return NULL;
}

static void sweep(const char *base, runtime_ending_fn *ending)
{
    dir_auto *d = opendir(base);
    const char *name;

    while (d && (name = next_name(d))) {
        char path[RUNTIME_PATH_MAX + 16];

        if (is_alive(base, name))
            continue;
        snprintf(path, sizeof(path), "%s/%.14s", base, name);
        remove_dir(path, ending);
    }
}

/* The base must belong to this user: in /tmp someone else may have created it first. */
static int make_base(const char *base)
{
    struct stat st;

    if (mkdir(base, 0700) < 0 && errno != EEXIST) {
        int err = errno;

        run_error("cannot create the runtime directory %s: %s; set APUS_RUNTIME_DIR to a "
                  "writable directory",
                  base, error_text(err));
        return -err;
    }
    if (lstat(base, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 077)) {
        run_error("the runtime directory %s is not a directory of yours with mode 0700; remove it "
                  "or set APUS_RUNTIME_DIR to another",
                  base);
        return -EPERM;
    }
    return 0;
}

/* Takes the lock for creating and sweeping directories. Returns its descriptor, or -errno. */
static int lock_base(const char *base)
{
    char path[RUNTIME_PATH_MAX + 8];
    int fd;

    snprintf(path, sizeof(path), "%s/lock", base);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        return -errno;
    return fd;
}

static int make_own(const char *base, struct runtime *out)
{
    char path[RUNTIME_PATH_MAX + 8];
    int made = -1;

    /* The name may be taken by a process with the same PID in another PID namespace. */
    for (int i = 0; i < 100 && made < 0; i++) {
        if (i == 0)
            snprintf(out->dir, sizeof(out->dir), "%.83s/%d", base, (int)getpid());
        else
            snprintf(out->dir, sizeof(out->dir), "%.83s/%d.%d", base, (int)getpid(), i);
        made = mkdir(out->dir, 0700);
        if (made < 0 && errno != EEXIST)
            return -errno;
    }
    if (made < 0)
        return -EEXIST;
    snprintf(path, sizeof(path), "%s/lock", out->dir);
    out->lock = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out->lock < 0 || flock(out->lock, LOCK_EX | LOCK_NB) < 0)
        return -errno;
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
    dup2(fd, 3);
    close_range(4, ~0u, 0);
    if (chdir("/") == 0 && read(3, &byte, 1) == 0)
        remove_dir(r->dir, r->ending);
    _exit(0);
}

/* Starts the guard, a process that removes the directory even if this process is killed. */
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

void runtime_remove(struct runtime *r)
{
    remove_dir(r->dir, r->ending);
    if (r->guarded >= 0)
        close(r->guarded);
    if (r->guard > 0)
        waitpid(r->guard, NULL, 0);
    if (r->lock >= 0)
        close(r->lock);
}

int runtime_create(struct runtime *out, runtime_ending_fn *ending)
{
    struct runtime r = {.lock = -1, .guarded = -1, .ending = ending};
    char base[RUNTIME_PATH_MAX];
    int lock, ret;

    ret = runtime_base(base);
    if (ret == 0)
        ret = make_base(base);
    if (ret < 0)
        return ret;
    lock = ret = lock_base(base);
    if (ret >= 0) {
        sweep(base, ending);
        ret = make_own(base, &r);
    }
    if (lock >= 0)
        close(lock);
    if (ret == 0)
        ret = start_guard(&r);
    if (ret < 0) {
        if (*r.dir)
            runtime_remove(&r);
        run_error("cannot create a directory in %s: %s%s", base, error_text(-ret),
                  ret == -ENOSPC ? "; free some space or set APUS_RUNTIME_DIR" : "");
        return ret;
    }
    snprintf(r.socket, sizeof(r.socket), "%.99s/control", r.dir);
    *out = r;
    return 0;
}

static void list_running(const char *base)
{
    dir_auto *d = opendir(base);
    const char *name;

    while (d && (name = next_name(d))) {
        if (is_alive(base, name))
            fprintf(stderr, "  --socket %s/%s/control\n", base, name);
    }
}

int runtime_find_socket(char out[RUNTIME_PATH_MAX])
{
    char base[RUNTIME_PATH_MAX];
    int running = 0;
    const char *name;

    if (runtime_base(base) < 0)
        return -ENAMETOOLONG;

    dir_auto *d = opendir(base);

    while (d && (name = next_name(d))) {
        if (is_alive(base, name) && running++ == 0)
            snprintf(out, RUNTIME_PATH_MAX, "%.83s/%.14s/control", base, name);
    }
    if (running == 1)
        return 0;
    if (running == 0) {
        run_error("no machine is running; start one with 'apus run', or give the socket of a "
                  "daemon with --socket");
        return -ENOENT;
    }
    run_error("%d machines are running; choose one with:", running);
    list_running(base);
    return -EEXIST;
}
