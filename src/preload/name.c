/* SPDX-License-Identifier: MIT */
/* access(2) and readlink(2). */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "preload/look.h"

static long access_path(const char *path, int mode)
{
    struct stat st;
    long rc = pass(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0);

    if (look_concerns_nobody(rc, AT_FDCWD, path, &st))
        return pass(SYS_faccessat, AT_FDCWD, (long)path, mode, 0);
    return ask(SYS_faccessat, AT_FDCWD, (long)path, mode, 0, 0);
}

SHOWN int access(const char *path, int mode)
{
    return answer(access_path(path, mode));
}

static long read_link(int at, const char *path, char *out, size_t size)
{
    struct stat st;
    long rc = pass(SYS_newfstatat, at, (long)path, (long)&st, AT_SYMLINK_NOFOLLOW);

    if (look_concerns_nobody(rc, at, path, &st))
        return pass(SYS_readlinkat, at, (long)path, (long)out, (long)size);
    return ask(SYS_readlinkat, at, (long)path, (long)out, (long)size, 0);
}

SHOWN ssize_t readlinkat(int at, const char *path, char *out, size_t size)
{
    return answer(read_link(at, path, out, size));
}

SHOWN ssize_t readlink(const char *path, char *out, size_t size)
{
    return answer(read_link(AT_FDCWD, path, out, size));
}
