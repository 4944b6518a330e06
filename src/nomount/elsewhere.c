/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "nomount/internal.h"

static bool is_in(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

/* -EXDEV: it is not for this process to say. */
static int check_user(const struct nomount_call *c, const struct stat *st, unsigned want)
{
    if (c->user.uid == geteuid())
        return 0;
    if (!is_in(c->path, "/sys") && !is_in(c->path, "/dev"))
        return -EXDEV;
    return user_may(&c->user, st->st_mode, st->st_uid, st->st_gid, want);
}

/* What /proc has is this process's own, or about it. */
static bool is_proc(int fd)
{
    struct statfs s;

    return fstatfs(fd, &s) < 0 || s.f_type == PROC_SUPER_MAGIC;
}

/* Neither waits for a device nor follows a link. */
static int open_file(const char *path, int flags)
{
    const int never = O_CREAT | O_EXCL | O_TRUNC;
    int fd;

    if (flags & O_PATH)
        flags = O_RDONLY | (flags & O_DIRECTORY);
    fd = open(path, (flags & ~never) | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (is_proc(fd)) {
        close(fd);
        return -EACCES;
    }
    if (!(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags & (O_APPEND | O_DIRECT));
    return fd;
}

static int open_elsewhere(const struct nomount_call *c, const struct stat *st)
{
    int flags = (int)c->request.flags;

    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    if (S_ISLNK(st->st_mode))
        return flags & O_PATH ? file_new_name(c->path) : -ELOOP;
    return open_file(c->path, flags);
}

static void read_elsewhere(struct nomount_call *c)
{
    char target[PATH_MAX];
    ssize_t len = readlink(c->path, target, sizeof target - 1);

    if (len < 0) {
        answer_result(c, -errno);
        return;
    }
    target[len] = '\0';
    answer_link(c, target);
}

/* Of a file that is there. */
static void answer_deed(struct nomount_call *c, const struct stat *st)
{
    switch (c->request.deed) {
    case NOMOUNT_OPEN:
    case NOMOUNT_OPEN_HOW:
        answer_fd(c, open_elsewhere(c, st));
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
        read_elsewhere(c);
        return;
    case NOMOUNT_XATTR_LIST:
        answer_result(c, 0);
        return;
    case NOMOUNT_XATTR:
        answer_result(c, -EOPNOTSUPP);
        return;
    case NOMOUNT_CREATE:
        answer_result(c, -EEXIST);
        return;
    default:
        answer_result(c, -EPERM);
    }
}

void call_elsewhere(struct nomount_call *c)
{
    enum nomount_deed deed = c->request.deed;
    bool opens = deed == NOMOUNT_OPEN || deed == NOMOUNT_OPEN_HOW;
    bool makes = deed == NOMOUNT_CREATE || (opens && c->request.flags & O_CREAT);
    struct stat st = {0};
    int rc = 0;

    if (lstat(c->path, &st) < 0)
        rc = errno == ENOENT && makes ? -EACCES : -errno;
    if (rc == 0)
        rc = check_user(c, &st, opens ? file_wants((int)c->request.flags) : 0);
    if (rc < 0)
        answer_result(c, rc);
    else
        answer_deed(c, &st);
}
