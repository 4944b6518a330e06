/* SPDX-License-Identifier: MIT */
#include "run/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "run/error.h"
#include "run/layout.h"
#include "run/members.h"

/* Leaves room for "/1234567890.99/control" after the base. */
#define BASE_MAX (RUNTIME_PATH_MAX - 24)

#define STEP_MS       20
#define GREETING_MS   100
#define ENDING_MS     5000 /* until a machine that ends has ended */
#define DAEMON_END_MS 10000
#define PROGRAM_MS    5000 /* that programs have to end */
#define ORPHAN_MS     300  /* the same, when their machine has gone already */

static int64_t passed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000}, NULL);
}

/* base/name, dir/name. A foreign file may have a longer name: "" is none of ours. */
static void join(char out[RUNTIME_PATH_MAX], const char *dir, const char *name)
{
    if (snprintf(out, RUNTIME_PATH_MAX, "%s/%s", dir, name) >= RUNTIME_PATH_MAX)
        *out = '\0';
}

static void default_base(char out[RUNTIME_PATH_MAX])
{
    const char *xdg = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0 && access("/run", W_OK) == 0)
        snprintf(out, RUNTIME_PATH_MAX, "/run/apus");
    else if (xdg && *xdg)
        snprintf(out, RUNTIME_PATH_MAX, "%s/apus", xdg);
    else
        snprintf(out, RUNTIME_PATH_MAX, "/tmp/apus-%u", (unsigned)getuid());
}

int runtime_base(char out[RUNTIME_PATH_MAX])
{
    const char *own = getenv("APUS_RUNTIME_DIR");

    if (own && *own)
        snprintf(out, RUNTIME_PATH_MAX, "%s", own);
    else
        default_base(out);
    if (strlen(out) < BASE_MAX)
        return 0;
    run_error("the path of the runtime directory is too long for a socket; set APUS_RUNTIME_DIR to "
              "one of fewer than %d bytes",
              BASE_MAX);
    return -ENAMETOOLONG;
}

bool runtime_is_named(const char *name)
{
    return !(*name >= '0' && *name <= '9');
}

bool runtime_name_is_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t len = strlen(name);

    return len && len < RUNTIME_NAME_MAX && strchr(letters, *name) && strcmp(name, "lock") != 0 &&
           strspn(name + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               len - 1;
}

/* Its programs go with it, since nothing else is left of it; those of an `apus run` are their
 * user's. */
static void end_programs(const char *dir)
{
    struct run_info info;

    if (runtime_is_named(strrchr(dir, '/') + 1) && run_info_read(dir, &info) == 0)
        members_end(info.source, 0, ORPHAN_MS);
}

#define MEMORY "/dev/shm/apus-"

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static void remove_shadow(const char *dir)
{
    char path[RUNTIME_PATH_MAX], target[RUNTIME_PATH_MAX] = "";

    join(path, dir, "shadow");
    if (readlink(path, target, sizeof target - 1) > 0 &&
        strncmp(target, MEMORY, strlen(MEMORY)) == 0)
        nftw(target, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_dir(const char *dir, runtime_ending_fn *ending)
{
    static const char *const files[] = {"control",    "control.guest", RUN_INFO,
                                        RUN_INFO_NEW, "lock",          NULL};
    char path[RUNTIME_PATH_MAX];

    end_programs(dir);
    join(path, dir, "control");
    ending(path);
    for (int i = 0; files[i]; i++) {
        join(path, dir, files[i]);
        unlink(path);
    }
    remove_shadow(dir);
    rmdir(dir);
}

/* Whether a lock is held, or, as errno says, cannot be looked at. */
static bool is_locked(const char *lock)
{
    fd_auto fd = open(lock, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static bool is_alive(const char *base, const char *name)
{
    char dir[RUNTIME_PATH_MAX], path[RUNTIME_PATH_MAX];

    join(dir, base, name);
    join(path, dir, "lock");
    return is_locked(path);
}

/* Whether it is one of ours: a directory of another kind may be beside them. */
static bool has_lock(const char *base, const char *name)
{
    char dir[RUNTIME_PATH_MAX], path[RUNTIME_PATH_MAX];

    join(dir, base, name);
    join(path, dir, "lock");
    return access(path, F_OK) == 0;
}

/* The next directory in d whose name may be that of a machine, or NULL. */
static const char *next_name(DIR *d)
{
    const char *name;

    while ((name = layout_next_name(d))) {
        if (runtime_is_named(name) ? runtime_name_is_valid(name) : strlen(name) < 15)
            return name;
    }
    return NULL;
}

static void sweep(const char *base, runtime_ending_fn *ending)
{
    dir_auto *d = opendir(base);
    const char *name;

    while (d && (name = next_name(d))) {
        char path[RUNTIME_PATH_MAX];

        if (is_alive(base, name) || (runtime_is_named(name) && !has_lock(base, name)))
            continue;
        join(path, base, name);
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

/* A directory with a lock that is held; what is left of an unfinished one has a process id for its
 * name, and is swept. */
static int make_numbered(const char *base, struct runtime *out)
{
    char name[32], path[RUNTIME_PATH_MAX];
    int made = -1;

    /* The name may be taken by a process with the same PID in another PID namespace. */
    for (int i = 0; i < 100 && made < 0; i++) {
        snprintf(name, sizeof name, i ? "%d.%d" : "%d", (int)getpid(), i);
        join(out->dir, base, name);
        made = mkdir(out->dir, 0700);
        if (made < 0 && errno != EEXIST)
            break;
    }
    if (made < 0) {
        out->dir[0] = '\0'; /* it is another's, or not there */
        return -errno;
    }
    join(path, out->dir, "lock");
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
    join(path, base, name);
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
    remove_dir(r->dir, r->ending);
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
        remove_dir(r->dir, r->ending);
    if (r->lock >= 0)
        close(r->lock);
}

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

/* The kernel connects to one that has been killed, too, until its descriptors are closed; but that
 * one says nothing any more. */
static bool greets(const char *path)
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

static void describe(const char *base, const char *name, struct runtime_machine *out)
{
    *out = (struct runtime_machine){0};
    snprintf(out->name, sizeof out->name, "%.32s", name);
    join(out->dir, base, name);
    join(out->socket, out->dir, "control");
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
    describe(dir, slash + 1, out);
    return *out->info.source ? 0 : -ENOENT;
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
        lock = lock_base(base);
        if (lock < 0)
            return lock;
        sweep(base, ending);
        if (!name || !is_alive(base, name))
            return lock;
        close(lock);
        describe(base, name, &m);
        if (greets(m.socket) || passed_ms(&since) >= ENDING_MS)
            return -EEXIST;
        nap();
    }
}

static int refuse_create(int err, const char *base, const char *name)
{
    if (err == EEXIST && name)
        run_error("the machine '%s' is running already; 'apus exec %s' runs programs in it, 'apus "
                  "down %s' ends it",
                  name, name, name);
    else if (err == ENOTEMPTY && name)
        run_error("%s/%s is no machine's directory; take another name", base, name);
    else
        run_error("cannot create a directory in %s: %s%s", base, error_text(err),
                  err == ENOSPC ? "; free some space or set APUS_RUNTIME_DIR" : "");
    return -err;
}

static int check_length(const char *base, const char *name)
{
    size_t max = RUNTIME_PATH_MAX - strlen("//control.guest") - strlen(base) - 1;

    if (!name || strlen(name) <= max)
        return 0;
    run_error("the name '%s' is too long for a socket in %s; set APUS_RUNTIME_DIR to a shorter one",
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
        ret = make_base(base);
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
    join(r.socket, r.dir, "control");
    *out = r;
    return 0;
}

int runtime_make_shadow(const struct runtime *r, char out[RUNTIME_PATH_MAX])
{
    char memory[] = MEMORY "XXXXXX";

    join(out, r->dir, "shadow");
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

void runtime_sweep(runtime_ending_fn *ending)
{
    char base[RUNTIME_PATH_MAX];
    int lock;

    if (runtime_base(base) < 0 || access(base, F_OK) < 0 || make_base(base) < 0)
        return;
    lock = lock_base(base);
    if (lock < 0)
        return;
    sweep(base, ending);
    close(lock);
}

void runtime_each(void (*each)(void *data, const struct runtime_machine *m), void *data)
{
    struct runtime_machine m;
    char base[RUNTIME_PATH_MAX];
    const char *name;

    if (runtime_base(base) < 0)
        return;

    dir_auto *d = opendir(base);

    while (d && (name = next_name(d))) {
        if (!is_alive(base, name))
            continue;
        describe(base, name, &m);
        each(data, &m);
    }
}

int runtime_look(const char *name, struct runtime_machine *out)
{
    char base[RUNTIME_PATH_MAX];

    if (runtime_base(base) < 0)
        return -ENAMETOOLONG;
    if ((runtime_is_named(name) && !runtime_name_is_valid(name)) || strchr(name, '/') ||
        !is_alive(base, name)) {
        run_error("there is no machine '%s'; 'apus list' lists those that run", name);
        return -ENOENT;
    }
    describe(base, name, out);
    if (*out->info.source)
        return 0;
    run_error("the machine '%s' is still starting", name);
    return -EAGAIN;
}

static bool ends_within(const char *lock, unsigned ms)
{
    for (unsigned waited = 0; is_locked(lock); waited += STEP_MS) {
        if (waited >= ms)
            return false;
        nap();
    }
    return true;
}

int runtime_end(const struct runtime_machine *m, runtime_ending_fn *ending)
{
    pid_t daemon = runtime_daemon(m);
    fd_auto process = daemon ? pidfd_open(daemon, 0) : -1;
    char lock[RUNTIME_PATH_MAX];

    join(lock, m->dir, "lock");
    members_end(m->info.source, daemon, PROGRAM_MS);
    if (process >= 0)
        pidfd_send_signal(process, SIGTERM, NULL, 0);
    if (!ends_within(lock, DAEMON_END_MS) && process >= 0) {
        run_error("the daemon did not end within %d seconds and was killed", DAEMON_END_MS / 1000);
        pidfd_send_signal(process, SIGKILL, NULL, 0);
    }
    if (!ends_within(lock, ENDING_MS)) {
        run_error("the machine '%s' does not end: a process has its lock still", m->name);
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
    text_addf(data, "\n  -n %s", m->name);
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
    runtime_each(find_one, &s);
    if (s.count == 1)
        return 0;
    if (s.count == 0) {
        run_error("no machine is running; start one with 'apus run' or 'apus up', or give the "
                  "socket of a daemon with --socket");
        return -ENOENT;
    }
    runtime_each(list_one, &names);
    run_error("%u machines are running; choose one with:%s", s.count, names.data);
    return -EEXIST;
}
