/* SPDX-License-Identifier: MIT */
/* stat(2) and the like. */
#include <fcntl.h>

#include "preload/look.h"

static long stat_file(int fd, struct stat *out)
{
    long rc = pass(SYS_fstat, fd, (long)out, 0, 0);

    if (rc == -EBADF || (rc == 0 && look_is_plain(out)))
        return rc;
    return ask(SYS_fstat, fd, (long)out, 0, 0, 0);
}

static long stat_path(int at, const char *path, struct stat *out, int flags)
{
    long rc = pass(SYS_newfstatat, at, (long)path, (long)out, flags);

    if (look_concerns_nobody(rc, at, path, out))
        return rc;
    if (rc == 0 && (!path || !*path) && look_is_plain(out))
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

extern int fstat64(int fd, struct stat64 *out) ALIAS(fstat);
extern int fstatat64(int at, const char *path, struct stat64 *out, int flags) ALIAS(fstatat);
extern int stat64(const char *path, struct stat64 *out) ALIAS(stat);
extern int lstat64(const char *path, struct stat64 *out) ALIAS(lstat);
