/* SPDX-License-Identifier: MIT */
#include "file/own_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define MODE 0600

/* The owner of the file that we look at may remove it at any time: then there is another one. */
#define TRIES 8

/* Returns -err; what is why, of those that have no words of the system's. */
static int reject(int err, const char *why, const char **what)
{
    *what = why;
    return -err;
}

static int no_file(const char **what)
{
    return reject(EINVAL, "it is no regular file; name another one", what);
}

int own_file_refuse(const char *path, int err, const char *what, struct text *why)
{
    text_addf(why, "cannot write to %s: %s", path, what);
    return err;
}

/* Why openat failed. A loop in the directories is one as well. */
static int open_failed(int dir, const char *path, const char **what)
{
    int err = errno;
    struct stat st;

    if (err == ENOENT) /* removed in between */
        return -EAGAIN;
    if (err == ENXIO || err == EISDIR)
        return no_file(what);
    if (err == ELOOP && fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return reject(ELOOP, "it is a symbolic link, and none is followed; name the file itself",
                      what);
    return -err;
}

/* O_NONBLOCK: a FIFO without a reader fails with ENXIO, where it would wait otherwise. */
static int open_once(int dir, const char *path, bool *created, const char **what)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(dir, path, flags | O_CREAT | O_EXCL, MODE);

    *created = fd >= 0;
    if (fd >= 0)
        return fd;
    if (errno == EISDIR)
        return no_file(what);
    if (errno != EEXIST)
        return -errno;
    fd = openat(dir, path, flags);
    return fd >= 0 ? fd : open_failed(dir, path, what);
}

/* 0, -EAGAIN: the file has been removed meanwhile, or why it cannot be taken. What we have created
 * may belong to another user, on a network file system that maps root. */
static int check(int fd, bool created, const char **what)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return no_file(what);
    if (!created && st.st_uid != geteuid())
        return reject(EPERM, "it belongs to another user; name a file of your own", what);
    if (st.st_nlink > 1)
        return reject(EMLINK, "it has another name, a hard link; name another file", what);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK
                   ? reject(EBUSY, "another process writes it; end that, or name another file",
                            what)
                   : -errno;
    /* Whoever held the lock before may have removed the file under it. */
    if (fstat(fd, &st) < 0)
        return -errno;
    return st.st_nlink == 0 ? -EAGAIN : 0;
}

int own_file_open(int dir, const char *path, struct own_file *out, struct text *why)
{
    const char *what = NULL;
    bool created = false;
    int fd = -1, rc = -EAGAIN;

    for (unsigned i = 0; rc == -EAGAIN && i < TRIES; i++) {
        rc = fd = open_once(dir, path, &created, &what);
        if (fd >= 0)
            rc = check(fd, created, &what);
        if (fd >= 0 && rc < 0)
            close(fd);
    }
    if (rc < 0)
        return own_file_refuse(path, rc, what ? what : error_text(-rc), why);
    *out = (struct own_file){.fd = fd, .created = created, .dir = dir, .path = xstrdup(path)};
    return 0;
}

int own_file_secure(const struct own_file *f, struct text *why)
{
    return fchmod(f->fd, MODE) < 0 ? own_file_refuse(f->path, -errno, error_text(errno), why) : 0;
}

/* Not every file system can reserve: there a full disk shows when it is written. It may grow the
 * file, since only then the limit of the process (RLIMIT_FSIZE) counts. */
static int reserve(int fd, off_t offset, size_t len)
{
    if (len == 0 || fallocate(fd, 0, offset, (off_t)len) == 0)
        return 0;
    return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
}

int own_file_write(int fd, off_t offset, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = pwrite(fd, at, len, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        offset += n;
        len -= (size_t)n;
    }
    return 0;
}

int own_file_stream(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int own_file_replace(const struct own_file *f, off_t offset, const void *data, size_t len,
                     struct text *why)
{
    struct stat before;
    int rc = fstat(f->fd, &before) < 0 ? -errno : reserve(f->fd, offset, len);

    if (rc == 0)
        rc = own_file_write(f->fd, offset, data, len);
    if (rc == 0 && ftruncate(f->fd, offset + (off_t)len) < 0)
        rc = -errno;
    if (rc == 0)
        return 0;
    /* What was reserved or written behind the old end; shrinking cannot fail. */
    if (ftruncate(f->fd, before.st_size) < 0)
        errno = 0;
    return own_file_refuse(f->path, rc, error_text(-rc), why);
}

int own_file_put(int dir, const char *name, const void *data, size_t len)
{
    text_auto fresh = {0};
    int fd, rc;

    text_addf(&fresh, "%s.new", name);
    if (unlinkat(dir, fresh.data, 0) < 0 && errno != ENOENT)
        return -errno;
    fd = openat(dir, fresh.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, MODE);
    if (fd < 0)
        return -errno;
    rc = own_file_write(fd, 0, data, len);
    close(fd);
    if (rc == 0 && renameat(dir, fresh.data, dir, name) < 0)
        rc = -errno;
    if (rc < 0)
        unlinkat(dir, fresh.data, 0);
    return rc;
}

void own_file_close(struct own_file *f)
{
    if (f->path)
        close(f->fd);
    free(f->path);
    *f = (struct own_file){.fd = -1};
}

void own_file_remove(struct own_file *f)
{
    struct stat ours, named;

    /* Not if somebody has put another file in its place. */
    if (f->path && fstat(f->fd, &ours) == 0 &&
        fstatat(f->dir, f->path, &named, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_ino == named.st_ino &&
        ours.st_dev == named.st_dev)
        unlinkat(f->dir, f->path, 0);
    own_file_close(f);
}

void own_file_discard(struct own_file *f)
{
    if (f->created)
        own_file_remove(f);
    else
        own_file_close(f);
}
