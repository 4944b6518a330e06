/* SPDX-License-Identifier: MIT */
/*
 * Compares the mounted tree, as a client sees it, with a minimal FUSE file system of the same
 * libfuse and with sysfs, in one run:
 *
 *   bench_fuse APUS FULL.INI [ROUNDS]
 *
 * APUS is the program whose daemon is measured. In a private mount namespace it measures
 *   open+read+close and open+write+close of one attribute of each of the three, in turn in short
 *   slices; p50 of each, and the median over the rounds of the ratio of their p50s;
 *   the start of the daemon with its default machine and with FULL.INI, its memory, and a walk of
 *   the whole tree: names only, then with lstat of every name, and the same again.
 *
 * Clients and servers run on different halves of the CPUs ("apart"), or all on one CPU; left to the
 * scheduler, their placement would affect the results more than what is measured. The walk and the
 * starts run on one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define SLICE      400 /* operations before the next target's turn */
#define ROUNDS_MAX 1000
#define TOP        "/tmp" /* covered by a tmpfs of our own */
#define NOOP       TOP "/noop"
#define TREE       TOP "/apus"
#define SYSFS_DIR  "/sys/kernel/mm/ksm"
#define SYSFS_ATTR "sleep_millisecs"

enum { OURS, EMPTY, SYSFS, TARGETS };

struct target {
    const char *name, *dir, *attr;
    int dir_fd;
    char value[64]; /* written back as it was read */
    ssize_t len;
    double samples[SLICE];
    double p50[ROUNDS_MAX], ratio[ROUNDS_MAX];
};

static struct target targets[TARGETS] = {
    {"apus", TREE "/bus/ap", "config_time"},
    {"no-op FUSE", NOOP, "attr"},
    {"sysfs", SYSFS_DIR, SYSFS_ATTR},
};

struct daemon {
    pid_t pid;
    double start_ms; /* until it reported that it is ready */
};

static pid_t spawn_begin(void)
{
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        bench_fail("fork: %s", strerror(errno));
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    return pid;
}

static struct daemon daemon_start(const char *apus, const char *machine, enum bench_place place)
{
    struct daemon d = {0};
    uint64_t start = bench_now();
    char ready[16], byte;
    int fds[2];

    if (pipe(fds) < 0)
        bench_fail("pipe: %s", strerror(errno));
    snprintf(ready, sizeof ready, "%d", fds[1]);
    d.pid = spawn_begin();
    if (d.pid == 0) {
        bench_place(place);
        close(fds[0]);
        execl(apus, apus, "daemon", "--mount", TREE, "--socket", TOP "/control", "--ready-fd",
              ready, "--quiet", machine ? "--machine" : NULL, machine, NULL);
        fprintf(stderr, "bench: %s: %s\n", apus, strerror(errno));
        _exit(1);
    }
    close(fds[1]);
    if (read(fds[0], &byte, 1) != 1)
        bench_fail("%s daemon did not start", apus);
    close(fds[0]);
    d.start_ms = (double)(bench_now() - start) / 1e6;
    return d;
}

static void process_stop(pid_t pid, const char *mountpoint)
{
    int status;

    kill(pid, SIGTERM);
    if (waitpid(pid, &status, 0) < 0)
        bench_fail("waitpid: %s", strerror(errno));
    umount2(mountpoint, MNT_DETACH); /* if it has not done so itself */
}

static pid_t noop_start(enum bench_place place)
{
    pid_t pid = spawn_begin();
    struct stat st;

    if (pid == 0) {
        bench_place(place);
        bench_noop_serve(NOOP);
    }
    while (stat(NOOP "/attr", &st) < 0) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            exit(1);
        usleep(1000);
    }
    return pid;
}

static void target_open(struct target *t)
{
    int fd;

    t->dir_fd = open(t->dir, O_RDONLY | O_DIRECTORY);
    fd = openat(t->dir_fd, t->attr, O_RDONLY);
    t->len = fd < 0 ? -1 : read(fd, t->value, sizeof t->value);
    if (t->len <= 0)
        bench_fail("%s/%s cannot be read: %s", t->dir, t->attr, strerror(errno));
    close(fd);
}

static double one(const struct target *t, bool writing)
{
    char buffer[4096];
    uint64_t start = bench_now();
    int fd = openat(t->dir_fd, t->attr, writing ? O_WRONLY : O_RDONLY);
    ssize_t n = writing ? write(fd, t->value, (size_t)t->len) : read(fd, buffer, sizeof buffer);

    close(fd);
    if (n != t->len)
        bench_fail("%s/%s: %s", t->dir, t->attr, strerror(errno));
    return (double)(bench_now() - start) / 1e3;
}

static void measure(const char *placement, bool writing, unsigned rounds)
{
    double ratio[TARGETS];

    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned k = 0; k < TARGETS; k++) {
            struct target *t = &targets[(k + r) % TARGETS]; /* none is always the first */

            for (unsigned i = 0; i < SLICE; i++)
                t->samples[i] = one(t, writing);
            t->p50[r] = bench_percentile(t->samples, SLICE, 50);
        }
        for (unsigned k = 0; k < TARGETS; k++)
            targets[k].ratio[r] = targets[OURS].p50[r] / targets[k].p50[r];
    }
    for (unsigned k = 0; k < TARGETS; k++) {
        struct target *t = &targets[k];
        double p50 = bench_percentile(t->p50, rounds, 50);

        ratio[k] = bench_percentile(t->ratio, rounds, 50);
        printf("{\"bench\":\"attribute\",\"op\":\"open+%s+close\",\"placement\":\"%s\","
               "\"target\":\"%s\",\"p50_us\":%.2f,\"apus_ratio\":%.3f,\"rounds\":%u",
               writing ? "write" : "read", placement, t->name, p50, ratio[k], rounds);
        bench_list("ratios", t->ratio, rounds);
        puts("}");
        fprintf(stderr, "  %-18s %-10s %-10s %9.2f us   apus is %6.2f times\n",
                writing ? "open+write+close" : "open+read+close", placement, t->name, p50,
                ratio[k]);
    }
    fflush(stdout);
}

static void attributes(const char *apus, unsigned rounds, const char *placement,
                       enum bench_place clients, enum bench_place servers)
{
    struct daemon d = daemon_start(apus, NULL, servers);
    pid_t noop = noop_start(servers);

    bench_place(clients);
    for (unsigned k = 0; k < TARGETS; k++)
        target_open(&targets[k]);
    for (int writing = 0; writing < 2; writing++)
        measure(placement, writing, rounds);
    for (unsigned k = 0; k < TARGETS; k++)
        close(targets[k].dir_fd);
    process_stop(d.pid, TREE);
    process_stop(noop, NOOP);
    bench_place(BENCH_ANYWHERE);
}

/* Counts the names below a directory; with status, lstat is called for each of them. */
static unsigned long walk(int parent, const char *name, bool status)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    unsigned long count = 0;
    struct dirent *e;

    if (!dir)
        bench_fail("%s: %s", name, strerror(errno));
    while ((e = readdir(dir))) {
        struct stat st;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (status && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            bench_fail("%s/%s: %s", name, e->d_name, strerror(errno));
        count++;
        if (e->d_type == DT_DIR)
            count += walk(fd, e->d_name, status);
    }
    closedir(dir);
    return count;
}

static long daemon_memory(const struct daemon *d, const char *file, const char *field)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)d->pid, file);
    return bench_memory(path, field);
}

/* slab: the kernel's memory for the names, plus some noise. */
static void measure_walk(const char *what, bool status, const struct daemon *d)
{
    long before = bench_memory("/proc/meminfo", "Slab:");
    uint64_t start = bench_now();
    unsigned long count = walk(AT_FDCWD, TREE, status);
    double seconds = (double)(bench_now() - start) / 1e9;
    long slab = bench_memory("/proc/meminfo", "Slab:") - before;
    long rss = daemon_memory(d, "smaps_rollup", "Rss:");

    printf("{\"bench\":\"walk\",\"what\":\"%s\",\"names\":%lu,\"seconds\":%.3f,"
           "\"us_per_name\":%.2f,\"slab_growth_kib\":%ld,\"daemon_rss_kib\":%ld}\n",
           what, count, seconds, seconds * 1e6 / (double)count, slab, rss);
    fprintf(stderr, "  walk, %s: %lu names in %.2f s, %.2f us each; slab +%.0f MiB, Rss %.1f MiB\n",
            what, count, seconds, seconds * 1e6 / (double)count, (double)slab / 1024,
            (double)rss / 1024);
    fflush(stdout);
}

static void measure_daemon(const char *apus, const char *machine, const char *name, unsigned starts)
{
    double samples[ROUNDS_MAX], p50;
    struct daemon d;
    long rss, pss, peak;

    for (unsigned i = 0; i < starts; i++) {
        if (i)
            process_stop(d.pid, TREE);
        d = daemon_start(apus, machine, BENCH_ONE_CPU);
        samples[i] = d.start_ms;
    }
    p50 = bench_percentile(samples, starts, 50);
    rss = daemon_memory(&d, "smaps_rollup", "Rss:");
    pss = daemon_memory(&d, "smaps_rollup", "Pss:");
    peak = daemon_memory(&d, "status", "VmHWM:");
    printf("{\"bench\":\"daemon\",\"machine\":\"%s\",\"start_ms\":%.2f,\"rss_kib\":%ld,"
           "\"pss_kib\":%ld,\"peak_kib\":%ld}\n",
           name, p50, rss, pss, peak);
    fprintf(stderr, "  daemon, %s machine: serves after %.2f ms, Rss %.1f MiB, Pss %.1f MiB\n",
            name, p50, (double)rss / 1024, (double)pss / 1024);
    if (machine) {
        bench_place(BENCH_ONE_CPU);
        measure_walk("names only", false, &d);
        measure_walk("lstat", true, &d);
        measure_walk("lstat again", true, &d);
        bench_place(BENCH_ANYWHERE);
    }
    process_stop(d.pid, TREE);
}

/* Opens the path before a tmpfs hides /tmp. */
static int open_path(const char *path)
{
    int fd = open(path, O_PATH);

    if (fd < 0)
        bench_fail("%s: %s", path, strerror(errno));
    return fd;
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 60;
    char apus[32], machine[32];

    if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX)
        bench_fail("usage: bench_fuse APUS FULL.INI [ROUNDS (1 to %d)]", ROUNDS_MAX);
    snprintf(apus, sizeof apus, "/proc/self/fd/%d", open_path(argv[1]));
    snprintf(machine, sizeof machine, "/proc/self/fd/%d", open_path(argv[2]));
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", TOP, "tmpfs", 0, "mode=755") < 0 || mkdir(NOOP, 0755) < 0 ||
        mkdir(TREE, 0755) < 0)
        bench_fail("no private mount namespace (%s): run as root", strerror(errno));
    attributes(apus, rounds, "apart", BENCH_CLIENTS, BENCH_SERVERS);
    attributes(apus, rounds, "one CPU", BENCH_ONE_CPU, BENCH_ONE_CPU);
    measure_daemon(apus, NULL, "default", 15);
    measure_daemon(apus, machine, "full", 5);
    return 0;
}
