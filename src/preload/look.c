/* SPDX-License-Identifier: MIT */
/*
 * stat(2) and the like, and openat(2) of directories, where it is plain that the machine is not
 * concerned: with NOMOUNT_PASS in a last argument the filter does not report them, which is several
 * times as fast. Any program may say that; it would only see the computer's files.
 *
 * The kernel is asked first, and by that learns what there is of path and buffer. Only then the
 * path is looked at, and the call made once more, and reported, if the machine might be concerned.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "preload/call.h"

/* File systems in which directories and files can be of the machine, or beside such. */
enum { MEMORY, SHADOW, SYS, DEV, PROC, PLACES };

static struct {
    bool known;
    unsigned long device[PLACES];
    unsigned long root_device, root_ino;
} seen;

static long pass(long number, long a, long b, long c, long d)
{
    return call(number, a, b, c, d, 0, b ^ (long)NOMOUNT_PASS);
}

static unsigned long device_of(const char *path)
{
    struct stat st;

    st.st_dev = 0;
    return pass(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0) == 0 ? st.st_dev : 0;
}

/* False: there is nobody to ask any more. Threads that do so at once find the same. */
static bool learn(void)
{
    uint64_t told[2];
    struct stat st;

    if (__atomic_load_n(&seen.known, __ATOMIC_ACQUIRE))
        return true;
    if (call(SYS_getcwd, (long)told, sizeof told, NOMOUNT_MARK, 0, 0, 0) != sizeof told ||
        pass(SYS_newfstatat, AT_FDCWD, (long)"/", (long)&st, 0) < 0)
        return false;
    seen.device[MEMORY] = told[0];
    seen.device[SHADOW] = told[1];
    seen.device[SYS] = device_of("/sys");
    seen.device[DEV] = device_of("/dev");
    seen.device[PROC] = device_of("/proc");
    seen.root_device = st.st_dev;
    seen.root_ino = st.st_ino;
    __atomic_store_n(&seen.known, true, __ATOMIC_RELEASE);
    return true;
}

static bool is_plain(const struct stat *st)
{
    for (int i = 0; i < PLACES; i++)
        if (st->st_dev == seen.device[i])
            return false;
    return !S_ISSOCK(st->st_mode);
}

/* No path from there leads to the machine but by way of "..". */
static bool is_plain_directory(int at)
{
    struct stat st;
    long rc;

    if (at == AT_FDCWD)
        rc = pass(SYS_newfstatat, at, (long)".", (long)&st, 0);
    else
        rc = pass(SYS_fstat, at, (long)&st, 0, 0);
    return rc == 0 && S_ISDIR(st.st_mode) && is_plain(&st) &&
           (st.st_dev != seen.root_device || st.st_ino != seen.root_ino);
}

static bool is_name(const char *name, size_t len, const char *other)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] != other[i])
            return false;
    return !other[len];
}

/* Whether a path has "..", or begins, if it is absolute, as those that may lead to the machine. */
static bool is_suspect(const char *path)
{
    bool first = *path == '/';
    size_t len;

    for (;; path += len) {
        while (*path == '/')
            path++;
        for (len = 0; path[len] && path[len] != '/'; len++)
            ;
        if (!len)
            return false;
        if (is_name(path, len, ".."))
            return true;
        if (first &&
            (is_name(path, len, "sys") || is_name(path, len, "dev") || is_name(path, len, "proc")))
            return true;
        first = first && is_name(path, len, ".");
    }
}

/* Whether such a result shows that the kernel could read the path. */
static bool was_read(long rc, const char *path)
{
    return path && (rc >= 0 || rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES || rc == -ELOOP);
}

/* What is not there for the kernel may be of the machine, and a link may lead to it. */
static bool has_no_links(int at, const char *path)
{
    const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    long fd = pass(SYS_openat2, at, (long)path, (long)&how, sizeof how);

    if (fd >= 0)
        call(SYS_close, fd, 0, 0, 0, 0, 0);
    return was_read(fd, path) && fd != -ELOOP;
}

/* rc: of the same call, which, if it has found a file, has found this one. */
static bool concerns_nobody(long rc, int at, const char *path, const struct stat *found)
{
    if (!was_read(rc, path) || !learn() || !*path || is_suspect(path) ||
        (*path != '/' && !is_plain_directory(at)))
        return false;
    return rc < 0 ? has_no_links(at, path) : is_plain(found);
}

static long stat_file(int fd, struct stat *out)
{
    long rc = pass(SYS_fstat, fd, (long)out, 0, 0);

    if (rc == -EBADF || (rc == 0 && learn() && is_plain(out)))
        return rc;
    return ask(SYS_fstat, fd, (long)out, 0, 0, 0);
}

static long stat_path(int at, const char *path, struct stat *out, int flags)
{
    long rc = pass(SYS_newfstatat, at, (long)path, (long)out, flags);

    if (concerns_nobody(rc, at, path, out))
        return rc;
    if (rc == 0 && (!path || !*path) && learn() && is_plain(out))
        return rc; /* of the descriptor */
    return ask(SYS_newfstatat, at, (long)path, (long)out, flags, 0);
}

SHOWN int fstat(int fd, struct stat *out)
{
    return answer(stat_file(fd, out));
}

SHOWN int fstatat(int at, const char *path, struct stat *out, int flags)
{
    return answer(stat_path(at, path, out, flags));
}

SHOWN int stat(const char *path, struct stat *out)
{
    return answer(stat_path(AT_FDCWD, path, out, 0));
}

SHOWN int lstat(const char *path, struct stat *out)
{
    return answer(stat_path(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW));
}

/* Of anything but a directory it can wait, and be cancelled meanwhile: where the C library has its
 * own way for that, it is taken. */
__attribute__((weak)) int __openat64_2(int at, const char *path, int flags);

static long open_directory(int at, const char *path, int flags)
{
    long fd = pass(SYS_openat, at, (long)path, flags, 0);
    struct stat st;

    st.st_mode = S_IFSOCK; /* unless it is found */
    if (fd >= 0)
        pass(SYS_fstat, fd, (long)&st, 0, 0);
    if (concerns_nobody(fd, at, path, &st))
        return fd;
    if (fd >= 0)
        call(SYS_close, fd, 0, 0, 0, 0, 0);
    return ask(SYS_openat, at, (long)path, flags, 0, 0);
}

SHOWN int openat(int at, const char *path, int flags, ...)
{
    bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    unsigned mode = 0;
    va_list more;

    if (!makes && flags & O_DIRECTORY)
        return answer(open_directory(at, path, flags));
    if (!makes && __openat64_2)
        return __openat64_2(at, path, flags);
    va_start(more, flags);
    if (makes)
        mode = va_arg(more, unsigned);
    va_end(more);
    return answer(call(SYS_openat, at, (long)path, flags, mode, 0, 0));
}

/* By the names of 32-bit programs' sake, too. */
#define ALIAS(name) __attribute__((visibility("default"), alias(#name)))
extern int fstat64(int fd, struct stat64 *out) ALIAS(fstat);
extern int fstatat64(int at, const char *path, struct stat64 *out, int flags) ALIAS(fstatat);
extern int stat64(const char *path, struct stat64 *out) ALIAS(stat);
extern int lstat64(const char *path, struct stat64 *out) ALIAS(lstat);
extern int openat64(int at, const char *path, int flags, ...) ALIAS(openat);
