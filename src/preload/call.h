/* SPDX-License-Identifier: MIT */
#ifndef APUS_PRELOAD_CALL_H
#define APUS_PRELOAD_CALL_H

#include <errno.h>
#include <sys/syscall.h>

#include "nomount/syscalls.h"

/* System calls, with no C library but for where errno is. The last argument does not stay in its
 * register, where the next call of the program would have it, too. */

#define SHOWN __attribute__((visibility("default")))

#if defined(__x86_64__)
static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall; xorl %%r9d, %%r9d"
                     : "=a"(result), "+r"(r9)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0; mov x5, xzr"
                     : "+r"(x0), "+r"(x5)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "memory");
    return x0;
}
#elif defined(__s390x__)
static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r1 __asm__("1") = number;
    register long r2 __asm__("2") = a;
    register long r3 __asm__("3") = b;
    register long r4 __asm__("4") = c;
    register long r5 __asm__("5") = d;
    register long r6 __asm__("6") = e;
    register long r7 __asm__("7") = f;

    __asm__ volatile("svc 0; lghi %%r7, 0"
                     : "+d"(r2), "+d"(r7)
                     : "d"(r1), "d"(r3), "d"(r4), "d"(r5), "d"(r6)
                     : "memory");
    return r2;
}
#else
/* There is no filter for programs of this architecture (run/filter.c). */
static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
    return -ENOSYS;
}
#endif

/* One that the filter reports, of a kind that signals do not end: one can come in before anybody
 * has heard of the call. */
static inline long ask(long number, long a, long b, long c, long d, long e)
{
    long result;

    do
        result = call(number, a, b, c, d, e, 0);
    while (result == -EINTR);
    return result;
}

/* "/proc/self/fd/N" */
void name_descriptor(long fd, char out[32]);

static inline int answer(long result)
{
    if (result >= 0)
        return (int)result;
    *__errno_location() = (int)-result;
    return -1;
}

#endif
