/* SPDX-License-Identifier: MIT */
/* open(2) of directories and of regular files that are there. Anything else can wait, and be
 * cancelled meanwhile: where the C library has its own way for that, it is taken. */
#include <fcntl.h>
#include <stdarg.h>

#include "preload/look.h"

__attribute__((weak)) int __openat64_2(int at, const char *path, int flags);
__attribute__((weak)) void pthread_testcancel(void);

static long open_directory(int at, const char *path, int flags)
{
    struct stat st;
    long fd = look_open(at, path, flags, &st);

    return fd == -ENOSYS ? ask(SYS_openat, at, (long)path, flags, 0, 0) : fd;
}

/* False: another file has its name by now, and nothing was opened. */
static bool is_still(long fd, const struct stat *file)
{
    struct stat st;

    if (fd < 0 || (pass(SYS_fstat, fd, (long)&st, 0, 0) == 0 && look_is_same(&st, file)))
        return true;
    call(SYS_close, fd, 0, 0, 0, 0, 0);
    return false;
}

/* A file that is there and regular, since to open others may do something by itself; or none,
 * unless one is to be made. */
static bool is_known(long rc, int flags, const struct stat *found)
{
    return rc < 0 ? rc == -ENOENT && !(flags & O_CREAT) : S_ISREG(found->st_mode);
}

static bool open_known(int at, const char *path, int flags, unsigned mode, long *fd)
{
    struct stat st;
    long rc = pass(SYS_newfstatat, at, (long)path, (long)&st, 0);

    if (!is_known(rc, flags, &st) || !look_concerns_nobody(rc, at, path, &st))
        return false;
    if (pthread_testcancel)
        pthread_testcancel();
    *fd = rc < 0 ? rc : pass(SYS_openat, at, (long)path, flags, mode);
    return is_still(*fd, &st);
}

static int open_at(int at, const char *path, int flags, unsigned mode)
{
    bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    long fd;

    if (!makes && flags & O_DIRECTORY)
        return answer(open_directory(at, path, flags));
    if (open_known(at, path, flags, mode, &fd))
        return answer(fd);
    if (!makes && __openat64_2)
        return __openat64_2(at, path, flags);
    return answer(call(SYS_openat, at, (long)path, flags, mode, 0, 0));
}

SHOWN int openat(int at, const char *path, int flags, ...)
{
    unsigned mode;
    va_list more;

    va_start(more, flags);
    mode = va_arg(more, unsigned); /* only looked at if a file is made */
    va_end(more);
    return open_at(at, path, flags, mode);
}

SHOWN int open(const char *path, int flags, ...)
{
    unsigned mode;
    va_list more;

    va_start(more, flags);
    mode = va_arg(more, unsigned);
    va_end(more);
    return open_at(AT_FDCWD, path, flags, mode);
}

extern int openat64(int at, const char *path, int flags, ...) ALIAS(openat);
extern int open64(const char *path, int flags, ...) ALIAS(open);
