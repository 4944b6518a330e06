/* SPDX-License-Identifier: MIT */
/*
 * What programs that see the machine without a mount (nomount/nomount.h) need of a library, since
 * it concerns what nobody can change from outside. The kernel does it for files of its own. For
 * those of the machine the system call fails with ENOSYS; then what it is about is opened, which is
 * a directory or file of the kernel's.
 *
 *   chdir(3)              by fchdir(2)
 *   inotify_add_watch(3)  by the path of the descriptor in /proc
 *
 * It needs no C library, so one of these is for programs with any. Its system calls have to be as
 * the filter knows them; an argument that the calls do not have tells them from others.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "preload/call.h"

SHOWN int chdir(const char *path);

static long change_to(const char *path)
{
    long fd = ask(SYS_openat, AT_FDCWD, (long)path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0);
    long result;

    if (fd < 0)
        return fd;
    result = call(SYS_fchdir, fd, 0, 0, 0, 0, 0);
    call(SYS_close, fd, 0, 0, 0, 0, 0);
    return result;
}

int chdir(const char *path)
{
    long result = ask(SYS_chdir, (long)path, NOMOUNT_MARK, 0, 0, 0);

    return answer(result == -ENOSYS ? change_to(path) : result);
}

void name_descriptor(long fd, char out[32])
{
    static const char start[] = "/proc/self/fd/";
    char *to = out;
    long unit = 1;

    for (const char *from = start; *from; from++)
        *to++ = *from;
    while (fd / unit >= 10)
        unit *= 10;
    for (; unit; unit /= 10)
        *to++ = (char)('0' + fd / unit % 10);
    *to = '\0';
}

/* As in sysfs, nobody is told of entries that come or go. Nor of who reads, whom the kernel does
 * not know, but for ourselves. A flag more keeps the mask valid. */
static long watch(int instance, const char *path, uint32_t mask)
{
    const uint32_t never = IN_CREATE | IN_DELETE | IN_MOVE | IN_ACCESS | IN_CLOSE_NOWRITE;
    long flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, fd, result;
    char name[32];

    flags |= (mask & IN_ONLYDIR ? O_DIRECTORY : 0) | (mask & IN_DONT_FOLLOW ? O_NOFOLLOW : 0);
    fd = ask(SYS_openat, AT_FDCWD, (long)path, flags, 0, NOMOUNT_MARK);
    if (fd < 0)
        return fd;
    name_descriptor(fd, name);
    mask = (mask & ~(never | IN_DONT_FOLLOW)) | (mask & never ? IN_EXCL_UNLINK : 0);
    result = call(SYS_inotify_add_watch, instance, (long)name, mask, NOMOUNT_MARK_OPEN, 0, 0);
    call(SYS_close, fd, 0, 0, 0, 0, 0);
    return result;
}

SHOWN int inotify_add_watch(int instance, const char *path, uint32_t mask)
{
    long result = ask(SYS_inotify_add_watch, instance, (long)path, mask, NOMOUNT_MARK, 0);

    return answer(result == -ENOSYS ? watch(instance, path, mask) : result);
}
