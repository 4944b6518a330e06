/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "nomount/internal.h"

static bool is_in(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool is_on(int fd, long kind)
{
    struct statfs s;

    return fstatfs(fd, &s) == 0 && s.f_type == kind;
}

/* What /proc has is this process's own, or about it. */
static bool is_proc(const struct nomount_call *c, int fd)
{
    return is_in(c->path, "/proc") || is_on(fd, PROC_SUPER_MAGIC);
}

/* Who could open it just as well by its name. */
static bool is_own(const struct nomount_call *c)
{
    return c->user.uid == geteuid() && user_is_as_able(c->caller.thread);
}

/* Goes from a directory, which is closed, to what it has under the name. */
static int descend(const struct nomount_call *c, int at, const char *name)
{
    struct stat st;
    int rc = fstat(at, &st) < 0 ? -errno : 0, fd;

    if (rc == 0)
        rc = user_may(&c->user, st.st_mode, st.st_uid, st.st_gid, MAY_EXECUTE);
    fd = rc < 0 ? rc : openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (rc == 0 && fd < 0)
        fd = -errno;
    close(at);
    return fd;
}

/*
 * For another user than this one: what is in sysfs, whose modes tell all, and not what is mounted
 * there. Each directory on the way is held while it is judged, so it does not matter who exchanges
 * what meanwhile.
 */
static int look_for_other(const struct nomount_call *c)
{
    char path[PATH_MAX], *rest = path + strlen("/sys"), *name;
    int fd;

    if (!is_in(c->path, "/sys"))
        return -EACCES;
    strcpy(path, c->path);
    fd = open("/sys", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (fd >= 0 && is_on(fd, SYSFS_MAGIC) && (name = strtok_r(NULL, "/", &rest)))
        fd = descend(c, fd, name);
    if (fd < 0 || is_on(fd, SYSFS_MAGIC))
        return fd;
    close(fd);
    return -EACCES;
}

/* The file itself, with no access to it, or -errno. */
static int look(const struct nomount_call *c)
{
    int fd;

    if (!is_own(c))
        return look_for_other(c);
    fd = open(c->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Opens what was found, without waiting for a device. */
static int open_again(int found, int flags, const struct stat *st)
{
    const int never = O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW;
    bool empties = flags & O_TRUNC && S_ISREG(st->st_mode) && !(flags & O_PATH);
    char path[32];
    int fd, rc;

    if (flags & O_PATH)
        flags = O_RDONLY | (flags & O_DIRECTORY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", found);
    fd = open(path, (flags & ~never) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (empties && ftruncate(fd, 0) < 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    if (!(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags & (O_APPEND | O_DIRECT));
    return fd;
}

/* An open file keeps the rights of who opened it, so another user gets directories only. */
static int check_open(const struct nomount_call *c, int found, const struct stat *st)
{
    if ((c->request.flags & O_TMPFILE) == O_TMPFILE)
        return -EOPNOTSUPP;
    if (is_proc(c, found))
        return -EACCES;
    if (is_own(c))
        return 0;
    if (!S_ISDIR(st->st_mode))
        return -EACCES;
    return user_may(&c->user, st->st_mode, st->st_uid, st->st_gid,
                    MAY_READ | file_wants((int)c->request.flags));
}

static int open_elsewhere(const struct nomount_call *c, int found, const struct stat *st)
{
    int flags = (int)c->request.flags, rc;

    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    if (S_ISLNK(st->st_mode))
        return flags & O_PATH ? file_new_name(c->path) : -ELOOP;
    rc = check_open(c, found, st);
    return rc < 0 ? rc : open_again(found, flags, st);
}

static void read_elsewhere(struct nomount_call *c, int found)
{
    char target[PATH_MAX];
    ssize_t len;

    if (is_proc(c, found)) {
        answer_result(c, -EACCES);
        return;
    }
    len = readlinkat(found, "", target, sizeof target - 1);
    if (len < 0) {
        answer_result(c, errno == ENOENT ? -EINVAL : -errno); /* it is no link */
        return;
    }
    target[len] = '\0';
    answer_link(c, target);
}

/* Of a file that is there. */
static void answer_deed(struct nomount_call *c, int found, const struct stat *st)
{
    switch (c->request.deed) {
    case NOMOUNT_OPEN:
    case NOMOUNT_OPEN_HOW:
        answer_fd(c, open_elsewhere(c, found, st));
        return;
    case NOMOUNT_STAT:
    case NOMOUNT_STATX:
        call_stat_known(c, st);
        return;
    case NOMOUNT_STATFS:
        call_statfs(c);
        return;
    case NOMOUNT_ACCESS:
        answer_result(c,
                      user_may(&c->user, st->st_mode, st->st_uid, st->st_gid, c->request.mode & 7));
        return;
    case NOMOUNT_READLINK:
        read_elsewhere(c, found);
        return;
    case NOMOUNT_CREATE:
        answer_result(c, -EEXIST);
        return;
    default:
        if (!answer_alike(c))
            answer_result(c, -EPERM);
    }
}

void call_elsewhere(struct nomount_call *c)
{
    enum nomount_deed deed = c->request.deed;
    bool opens = deed == NOMOUNT_OPEN || deed == NOMOUNT_OPEN_HOW;
    bool makes = deed == NOMOUNT_CREATE || (opens && c->request.flags & O_CREAT);
    struct stat st;
    int fd = look(c);

    if (fd < 0) {
        answer_result(c, fd == -ENOENT && makes ? -EACCES : fd);
        return;
    }
    if (fstat(fd, &st) < 0)
        answer_result(c, -errno);
    else
        answer_deed(c, fd, &st);
    close(fd);
}
