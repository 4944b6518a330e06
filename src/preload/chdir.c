/* SPDX-License-Identifier: MIT */
/*
 * chdir(3) for programs that see the machine without a mount (nomount/nomount.h). The kernel does
 * it for directories of its own. For those of the machine chdir(2) fails with ENOSYS; they can be
 * opened, and entered by fchdir(2).
 *
 * It needs no C library, so one of these is for programs with any. Its system calls have to be as
 * the filter knows them; the second argument of chdir(2) is how they are told from others.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "nomount/syscalls.h"

__attribute__((visibility("default"))) int chdir(const char *path);

#if defined(__x86_64__)
static long call(long number, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;

    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#elif defined(__s390x__)
static long call(long number, long a, long b, long c, long d)
{
    register long r1 __asm__("1") = number;
    register long r2 __asm__("2") = a;
    register long r3 __asm__("3") = b;
    register long r4 __asm__("4") = c;
    register long r5 __asm__("5") = d;

    __asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5) : "memory");
    return r2;
}
#else
/* There is no filter for programs of this architecture (run/filter.c). */
static long call(long number, long a, long b, long c, long d)
{
    return -ENOSYS;
}
#endif

static long enter(const char *path)
{
    long fd = call(SYS_openat, AT_FDCWD, (long)path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), result;

    if (fd < 0)
        return fd;
    result = call(SYS_fchdir, fd, 0, 0, 0);
    call(SYS_close, fd, 0, 0, 0);
    return result;
}

int chdir(const char *path)
{
    long result = call(SYS_chdir, (long)path, NOMOUNT_MARK, 0, 0);

    if (result == -ENOSYS)
        result = enter(path);
    if (result == 0)
        return 0;
    *__errno_location() = (int)-result;
    return -1;
}
