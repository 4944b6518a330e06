/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "fuse/device.h"
#include "fuse/internal.h"
#include "socket/fds.h"

#define HELPER    "fusermount3"
#define HELPER_FD 3
#define MOUNTS    "/proc/self/mountinfo"

#define DEAD_WAIT_MS 1000
#define DEAD_MAX     16 /* dead mounts on top of each other */

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define fd_auto __attribute__((cleanup(fd_close))) int

static void string_free(char **s)
{
    free(*s);
}
#define string_auto __attribute__((cleanup(string_free))) char *

/* Decodes the octal escapes of mountinfo in place. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (*s == '\\' && s[1] && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

enum mounted { MOUNTED_NOT, MOUNTED_FUSE, MOUNTED_APUS };

/* type: "TYPE SOURCE ...", after the dash of a line. The type is fuse with fusermount3, fuse.apus
 * with mount(2). */
static enum mounted kind_of(const char *type)
{
    if (strncmp(type, "fuse.apus ", 10) == 0 || strncmp(type, "fuse apus ", 10) == 0)
        return MOUNTED_APUS;
    return strncmp(type, "fuse", 4) == 0 ? MOUNTED_FUSE : MOUNTED_NOT;
}

/* The kind of the topmost mount on path. Reads mountinfo, because accessing a file system that
 * nobody serves would hang. */
static enum mounted mounted_on(const char *path)
{
    FILE *f = fopen(MOUNTS, "re");
    string_auto line = NULL;
    size_t size = 0;
    enum mounted found = MOUNTED_NOT;

    while (f && getline(&line, &size, f) > 0) {
        char *type = strstr(line, " - ");
        char *save, *point = strtok_r(line, " ", &save);

        for (int field = 1; point && field < 5; field++)
            point = strtok_r(NULL, " ", &save);
        if (!point || !type)
            continue;
        unescape(point);
        if (strcmp(point, path) == 0)
            found = kind_of(type + 3);
    }
    if (f)
        fclose(f);
    return found;
}

/* The child's exit status tells whether the file system on path has lost its server. */
static _Noreturn void ask_mount(const char *path)
{
    struct statfs st;

    _exit(statfs(path, &st) < 0 && (errno == ENOTCONN || errno == ECONNABORTED) ? 1 : 0);
}

/* A server that is alive and stopped never answers, so a child asks, and does not for long. */
static bool is_dead(const char *path)
{
    struct pollfd ended = {.fd = -1, .events = POLLIN};
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        ask_mount(path);
    if (child < 0)
        return false;
    ended.fd = (int)syscall(SYS_pidfd_open, child, 0);
    if (ended.fd < 0 || poll(&ended, 1, DEAD_WAIT_MS) != 1)
        kill(child, SIGKILL);
    fd_close(&ended.fd);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static void reap(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
}

/* Starts fusermount3 with the descriptor comm (-1: none) as its HELPER_FD. 0 or -errno. */
static int run_helper(char *const argv[], int comm, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    char variable[] = "_FUSE_COMMFD=3";
    size_t n = 0;
    char **env;
    int rc;

    while (environ[n])
        n++;
    env = xcalloc(n + 2, sizeof *env);
    memcpy(env, environ, n * sizeof *env);
    env[n] = variable;
    posix_spawn_file_actions_init(&actions);
    if (comm >= 0)
        posix_spawn_file_actions_adddup2(&actions, comm, HELPER_FD);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    rc = posix_spawnp(pid, HELPER, &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    return -rc;
}

static void detach(const char *path)
{
    char *argv[] = {HELPER, "-u", "-z", "--", (char *)path, NULL};
    pid_t pid;

    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || geteuid() == 0)
        return;
    if (run_helper(argv, -1, &pid) == 0)
        reap(pid);
}

/* Removes what daemons that were killed have left behind; false: something else is mounted. */
static bool take_over(const char *path)
{
    enum mounted mounted;

    for (int i = 0; (mounted = mounted_on(path)) == MOUNTED_APUS && i < DEAD_MAX; i++) {
        if (!is_dead(path))
            return false;
        detach(path);
    }
    return mounted == MOUNTED_NOT;
}

void fuse_mount_remove(const char *path, bool dead)
{
    if (dead)
        take_over(path);
    else
        detach(path);
}

/* The absolute path of a directory. -errno, from opening it or, in *resolving, from resolving. */
static int resolve(const char *mountpoint, char path[PATH_MAX], bool *resolving)
{
    char link[32];
    /* O_PATH does not access the file system that may be mounted there. */
    fd_auto fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    ssize_t len;

    *resolving = fd >= 0;
    if (fd < 0)
        return -errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, PATH_MAX - 1);
    if (len < 0)
        return -errno;
    path[len] = '\0';
    return 0;
}

void fuse_remove_dead(const char *mountpoint)
{
    char path[PATH_MAX];
    bool resolving;

    if (resolve(mountpoint, path, &resolving) == 0)
        take_over(path);
}

/* The absolute path of a directory that a tree can be mounted on. */
static int check_mountpoint(const char *mountpoint, char **absolute, struct text *why)
{
    char path[PATH_MAX];
    bool resolving;
    int err = -resolve(mountpoint, path, &resolving);

    if (err && !resolving) {
        if (err == ENOENT)
            text_addf(why, "mount point %s does not exist; create it with 'mkdir -p %s'",
                      mountpoint, mountpoint);
        else if (err == ENOTDIR)
            text_addf(why, "mount point %s is not a directory; give an empty directory",
                      mountpoint);
        else
            text_addf(why, "cannot open mount point %s: %s; give a directory of your own",
                      mountpoint, error_text(err));
        return -err;
    }
    if (err) {
        text_addf(why, "cannot resolve mount point %s through /proc: %s; is /proc mounted?",
                  mountpoint, error_text(err));
        return -err;
    }
    if (!take_over(path)) {
        text_addf(why,
                  "mount point %s is busy: a FUSE file system is mounted on it; stop its daemon, "
                  "run 'umount -l %s', or give another directory",
                  mountpoint, path);
        return -EBUSY;
    }
    *absolute = xstrdup(path);
    return 0;
}

int fuse_mount_by_helper(const char *path)
{
    char options[] = "default_permissions,fsname=apus,nosuid,nodev,noexec";
    char *argv[] = {HELPER, "-o", options, "--", (char *)path, NULL};
    int pair[2], fd = -EPERM;
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    if (pair[1] == HELPER_FD) { /* dup2 onto itself would leave it close-on-exec */
        int other = fcntl(pair[1], F_DUPFD_CLOEXEC, HELPER_FD + 1);

        close(pair[1]);
        pair[1] = other;
    }
    if (pair[1] >= 0 && run_helper(argv, pair[1], &pid) == 0) {
        close(pair[1]);
        pair[1] = -1;
        while ((fd = fds_receive_one(pair[0], 0)) == -EINTR)
            ;
        if (fd < 0)
            fd = -EPERM;
        reap(pid);
    }
    fd_close(&pair[0]);
    fd_close(&pair[1]);
    return fd;
}

static int mount_on(const struct fuse_hub *hub, const char *path, bool *by_helper, struct text *why)
{
    const struct fuse_mounter *mounter = &hub->mounter;
    int fd = fuse_device_mount("apus", path, why);

    *by_helper = fd == -EPERM && geteuid() != 0;
    if (!*by_helper)
        return fd;
    fd = mounter->mount ? mounter->mount(mounter->data, path) : fuse_mount_by_helper(path);
    if (fd >= 0)
        text_clear(why);
    else
        text_adds(why,
                  ", or use 'apus run', which creates its own namespace; for ordinary users " HELPER
                  " mounts (Debian: fuse3)");
    return fd;
}

int mount_attach(const struct fuse_hub *hub, const char *path, struct mount_point *out,
                 struct text *why)
{
    int rc = check_mountpoint(path, &out->path, why);

    if (rc == 0)
        rc = mount_on(hub, out->path, &out->by_helper, why);
    if (rc < 0) {
        free(out->path);
        out->path = NULL;
    }
    return rc;
}

void mount_detach(const struct fuse_hub *hub, struct mount_point *m, bool dead)
{
    if (m->path && hub->mounter.unmount)
        hub->mounter.unmount(hub->mounter.data, m->path, dead);
    else if (m->path)
        fuse_mount_remove(m->path, dead);
    free(m->path);
    m->path = NULL;
}
