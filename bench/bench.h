/* SPDX-License-Identifier: MIT */
#ifndef APUS_BENCH_BENCH_H
#define APUS_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Shared by the benchmark programs. Each prints JSON lines on standard output and a table on
 * standard error. Any failure ends the program with a message: a partial result is worthless.
 */

_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* In ns: the monotonic clock, and the CPU time of this process. */
uint64_t bench_now(void);
uint64_t bench_cpu(void);

/* The p-th percentile. Sorts the samples. */
double bench_percentile(double *samples, size_t count, double p);

/* Prints ,"NAME":[...], for a JSON object that has begun. */
void bench_list(const char *name, const double *values, size_t count);

/*
 * The CPUs on which this process and its later children run: clients on one half and servers on the
 * other, all on one CPU, or those with which the program was started.
 */
enum bench_place { BENCH_ANYWHERE, BENCH_CLIENTS, BENCH_SERVERS, BENCH_ONE_CPU };
void bench_place(enum bench_place place);

/* KiB: a field such as "Rss:" of a file in /proc. */
long bench_memory(const char *path, const char *field);

/*
 * A minimal libfuse file system to compare with: one file "attr" with mode 0644 that reads as
 * "30\n" and accepts every write, direct_io, infinite timeouts, on an sd-event loop as ours. Mounts
 * it on dir and serves it until the process is killed.
 */
_Noreturn void bench_noop_serve(const char *dir);

#endif
