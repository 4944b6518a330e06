/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void bench_fail(const char *format, ...)
{
    va_list args;

    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t bench_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_percentile(double *samples, size_t count, double p)
{
    size_t i = (size_t)((double)count * p / 100);

    qsort(samples, count, sizeof *samples, compare);
    return samples[i < count ? i : count - 1];
}

void bench_list(const char *name, const double *values, size_t count)
{
    printf(",\"%s\":", name);
    for (size_t i = 0; i < count; i++)
        printf("%c%.4f", i ? ',' : '[', values[i]);
    printf("]");
}

static bool belongs(enum bench_place place, int index, int count)
{
    int half = (count + 1) / 2;

    switch (place) {
    case BENCH_CLIENTS:
        return index < half;
    case BENCH_SERVERS:
        return count == 1 || index >= half;
    case BENCH_ONE_CPU:
        return index == 0;
    case BENCH_ANYWHERE:
        break;
    }
    return true;
}

void bench_place(enum bench_place place)
{
    static cpu_set_t all; /* the CPUs that the program was started with */
    cpu_set_t set;
    int index = 0;

    if (!CPU_COUNT(&all) && sched_getaffinity(0, sizeof all, &all) < 0)
        bench_fail("cannot read the CPU affinity of this process: %s", strerror(errno));
    CPU_ZERO(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && belongs(place, index++, CPU_COUNT(&all)))
            CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        bench_fail("cannot set the CPU affinity of this process: %s", strerror(errno));
}

long bench_memory(const char *path, const char *field)
{
    FILE *f = fopen(path, "re");
    char line[256];
    long kib = -1;

    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = atol(line + strlen(field));
    if (f)
        fclose(f);
    if (kib < 0)
        bench_fail("%s has no %s", path, field);
    return kib;
}
