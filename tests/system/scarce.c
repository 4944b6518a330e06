/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a daemon: from SIGUSR2 on, the allocation whose number the environment variable
 * SCARCE_NUMBER has fails, once. Later ones are served, as when somebody else has freed some.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* What would be called without us: a sanitizer's, if there is one, or libc's. dlsym(3) allocates
 * before these can be told. */
#define NEXT(name) (__interceptor_##name ? __interceptor_##name : __libc_##name)
extern void *__interceptor_malloc(size_t size) __attribute__((weak));
extern void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
extern void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static atomic_long left;
static long chosen;

static void begin(int number)
{
    atomic_store(&left, chosen);
}

__attribute__((constructor)) static void watch(void)
{
    const char *number = getenv("SCARCE_NUMBER");
    struct sigaction action = {.sa_handler = begin, .sa_flags = SA_RESTART};

    chosen = number ? atol(number) : 0;
    sigaction(SIGUSR2, &action, NULL);
}

static int fails(void)
{
    if (atomic_load(&left) <= 0 || atomic_fetch_sub(&left, 1) != 1)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : NEXT(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : NEXT(calloc)(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : NEXT(realloc)(old, size);
}
