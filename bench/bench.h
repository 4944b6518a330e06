/* SPDX-License-Identifier: MIT */
#ifndef APUS_BENCH_BENCH_H
#define APUS_BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What the measuring programs share. Each prints JSON lines on standard output and a table on
 * standard error. Whatever goes wrong ends the program with a sentence: half a measurement is none.
 */

_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ns: of the monotonic clock, and of CPU time of this process. */
uint64_t bench_now(void);
uint64_t bench_cpu(void);

/* Sorts the samples. The value below which p percent of them are. */
double bench_percentile(double *samples, size_t count, double p);

/*
 * Where this process and its later children run: clients on one half of the processors and servers
 * on the other, everything on one, or wherever the program was started.
 */
enum bench_place { BENCH_ANYWHERE, BENCH_CLIENTS, BENCH_SERVERS, BENCH_ONE_CPU };
void bench_place(enum bench_place place);

/* KiB: a field such as "Rss:" of a file in /proc. */
long bench_memory(const char *path, const char *field);

/*
 * A file system of libfuse that does nothing: one file "attr" with mode 0644 that reads as "30\n"
 * and takes every write, direct_io, infinite timeouts, on an sd-event loop as ours. Mounts it on
 * dir and serves it until the process is killed.
 */
_Noreturn void bench_noop_serve(const char *dir);

#endif
