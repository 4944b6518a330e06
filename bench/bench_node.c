/* SPDX-License-Identifier: MIT */
/*
 * Compares RSA through a device node with OpenSSL itself on all cores: private key operations per
 * second, the share of each adapter, and the latency of one small operation.
 *
 *   bench_node [--node PATH] [--clients N] [--seconds N] [--bits 1024|2048|4096]
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "bench.h"
#include "ioctl/zcrypt_abi.h"
#include "sample.h"

#define DEFAULT_NODE  "/dev/z90crypt"
#define CLIENTS_MAX   1024
#define SECONDS_MAX   3600
#define CARDS         256
#define PATH_BYTES    4096
#define WORD_BYTES    32
#define LATENCY_COUNT 4000u
/* Enough turns for both sides to meet the same clock speed and load. */
#define SLICES           10
#define WARM_SECONDS     0.02
#define REST_SECONDS_MAX 60 /* a client may have been killed */

static const unsigned sizes[] = {1024, 2048, 4096};

struct bench {
    const char *node;
    int clients, seconds, bits; /* bits: 0 for all sizes */
    long cores;
};

/* The structures as programs declare them [zcrypt-structures]. */
struct modexpo {
    const void *input;
    uint32_t input_len;
    void *output;
    uint32_t output_len;
    const void *exponent, *modulus;
};

struct modexpo_crt {
    const void *input;
    uint32_t input_len;
    void *output;
    uint32_t output_len;
    const void *dp, *dq, *p, *q, *u;
};

static double now(void)
{
    return 1e-9 * (double)bench_now();
}

/* 0, or the errno; EBADMSG for a wrong answer. */
static int request(int fd, const struct bench_sample *s, bool crt)
{
    uint8_t out[RSA_BYTES_MAX];
    uint32_t n = (uint32_t)s->n;
    struct modexpo me = {s->input, n, out, n, s->exponent, s->modulus};
    struct modexpo_crt private = {s->input, n, out, n, s->dp, s->dq, s->p, s->q, s->u};

    if (crt ? ioctl(fd, IOCTL_ICARSACRT, &private) : ioctl(fd, IOCTL_ICARSAMODEXPO, &me))
        return errno;
    return memcmp(out, crt ? s->private_result : s->public_result, n) ? EBADMSG : 0;
}

static int compute(const struct bench_sample *s)
{
    uint8_t out[RSA_BYTES_MAX];

    return bench_sample_compute(s, out) ? 0 : EIO;
}

/* Both sides run all the time and take turns, so that only their work is measured. */
enum turn { TURN_OPENSSL, TURN_NODE, TURN_NOBODY, TURN_END };

struct tally { /* in shared memory */
    atomic_uint turn, working;
    atomic_ulong done[2];
    atomic_int error;
};

static void set_turn(struct tally *t, enum turn turn)
{
    atomic_store(&t->turn, turn);
    syscall(SYS_futex, &t->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void work_in_turn(int fd, const struct bench_sample *s, enum turn mine, struct tally *t)
{
    unsigned turn;
    int error = 0;

    while (!error && (turn = atomic_load(&t->turn)) != TURN_END) {
        if (turn != mine) {
            syscall(SYS_futex, &t->turn, FUTEX_WAIT, turn, NULL, NULL, 0);
            continue;
        }
        atomic_fetch_add(&t->working, 1);
        error = mine == TURN_OPENSSL ? compute(s) : request(fd, s, true);
        atomic_fetch_sub(&t->working, 1);
        atomic_fetch_add(&t->done[mine], 1);
    }
    if (error)
        atomic_store(&t->error, error);
}

static _Noreturn void client(const struct bench *b, const struct bench_sample *s, enum turn mine,
                             struct tally *t)
{
    int fd = -1;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mine == TURN_NODE)
        fd = open(b->node, O_RDWR | O_CLOEXEC);
    if (mine == TURN_NODE && fd < 0)
        atomic_store(&t->error, errno);
    else
        work_in_turn(fd, s, mine, t);
    _exit(0);
}

/* Returns how many were started. */
static unsigned start_clients(const struct bench *b, const struct bench_sample *s, unsigned clients,
                              struct tally *t)
{
    unsigned cores = (unsigned)b->cores, i;

    for (i = 0; i < cores + clients; i++) {
        pid_t child = fork();

        if (child == 0)
            client(b, s, i < cores ? TURN_OPENSSL : TURN_NODE, t);
        if (child < 0) {
            atomic_store(&t->error, errno);
            break;
        }
    }
    return i;
}

static void pause_for(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};

    nanosleep(&t, NULL);
}

/* Operations per second in one turn, after the other side has stopped. */
static double measure(struct tally *t, enum turn turn, double seconds)
{
    unsigned long done;
    double start = now();

    set_turn(t, TURN_NOBODY);
    while (atomic_load(&t->working) && now() < start + REST_SECONDS_MAX)
        pause_for(WARM_SECONDS / 10);
    set_turn(t, turn);
    pause_for(WARM_SECONDS);
    done = atomic_load(&t->done[turn]);
    start = now();
    pause_for(seconds);
    done = atomic_load(&t->done[turn]) - done;
    return (double)done / (now() - start);
}

static _Noreturn void fail(const struct bench *b, int error)
{
    if (error == EBADMSG)
        bench_fail("%s gave a wrong result", b->node);
    bench_fail("%s: %s%s", b->node, error_text(error),
               error == ENODEV ? "; no adapter that does RSA is online" : "");
}

struct rates {
    double mean[2];        /* private key operations per second, by turn */
    double ratios[SLICES]; /* in each pair of turns, to OpenSSL */
};

/* cores: how many of OpenSSL's the clients can use. */
static void measure_both(const struct bench *b, const struct bench_sample *s, unsigned clients,
                         double cores, struct rates *r)
{
    struct tally *t =
        mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double slice = (double)b->seconds / SLICES / 2;
    unsigned started;
    int error;

    if (t == MAP_FAILED)
        bench_fail("mmap: %s", error_text(errno));
    set_turn(t, TURN_NOBODY);
    started = start_clients(b, s, clients, t);
    for (unsigned i = 0; i < SLICES && !atomic_load(&t->error); i++) {
        double rate[2];

        for (unsigned turn = 0; turn < 2; turn++) {
            rate[turn] = measure(t, turn, slice);
            r->mean[turn] += rate[turn] / SLICES;
        }
        r->ratios[i] = rate[TURN_NODE] / rate[TURN_OPENSSL] * (double)b->cores / cores;
    }
    set_turn(t, TURN_END);
    while (started--)
        wait(NULL);
    error = atomic_load(&t->error);
    munmap(t, sizeof(*t));
    if (error)
        fail(b, error);
}

/* The sysfs that belongs to the node: /sys, or the daemon's mount. */
static void sysfs_of(const struct bench *b, char out[PATH_BYTES])
{
    size_t len = strlen(b->node);

    if (strncmp(b->node, "/dev/", 5) == 0) {
        strcpy(out, "/sys");
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        while (len && b->node[--len] != '/')
            ;
    snprintf(out, PATH_BYTES, "%.*s", (int)len, b->node);
}

/* Reads one word of a card's attribute. False: no such card or attribute. */
static bool card_read(const struct bench *b, unsigned apid, const char *name, char out[WORD_BYTES])
{
    char sysfs[PATH_BYTES], path[PATH_BYTES + 64];
    FILE *file;
    bool read;

    sysfs_of(b, sysfs);
    snprintf(path, sizeof path, "%s/devices/ap/card%02x/%s", sysfs, apid, name);
    file = fopen(path, "re");
    read = file && fscanf(file, "%31s", out) == 1;
    if (file)
        fclose(file);
    return read;
}

static void read_cards(const struct bench *b, uint64_t requests[CARDS])
{
    char word[WORD_BYTES];

    for (unsigned i = 0; i < CARDS; i++)
        requests[i] = card_read(b, i, "request_count", word) ? strtoull(word, NULL, 10) : 0;
}

/* Prints the share of each adapter. */
static void show_cards(const struct bench *b, const uint64_t before[CARDS], unsigned bits,
                       unsigned clients, double rate)
{
    uint64_t after[CARDS], all = 0;

    read_cards(b, after);
    for (unsigned i = 0; i < CARDS; i++)
        all += after[i] - before[i];
    for (unsigned i = 0; i < CARDS; i++) {
        char type[WORD_BYTES] = "?";
        double part = rate * (double)(after[i] - before[i]) / (double)all;
        const char *mode;

        if (after[i] == before[i])
            continue;
        card_read(b, i, "type", type);
        mode = type[strlen(type) - 1] == 'A' ? "accelerator" : "CCA";
        printf("{\"what\":\"adapter\",\"adapter\":%u,\"type\":\"%s\",\"mode\":\"%s\","
               "\"bits\":%u,\"clients\":%u,\"rate\":%.1f}\n",
               i, type, mode, bits, clients, part);
        fprintf(stderr, "               %9.0f  adapter 0x%02x, %s, %s\n", part, i, type, mode);
    }
}

/* A client alone waits for each answer: it can use one core, two clients two. */
static void bench_rate(const struct bench *b, unsigned bits, unsigned clients)
{
    double cores = clients < b->cores ? clients : (double)b->cores, ratio;
    struct bench_sample *s = bench_sample_new(bits);
    struct rates r = {0};
    uint64_t before[CARDS];

    read_cards(b, before);
    measure_both(b, s, clients, cores, &r);
    bench_sample_free(s);
    printf("{\"what\":\"crt\",\"bits\":%u,\"clients\":%u,\"rate\":%.1f,\"openssl\":%.1f,"
           "\"cores\":%ld,\"full\":%s",
           bits, clients, r.mean[TURN_NODE], r.mean[TURN_OPENSSL], b->cores,
           clients == (unsigned)b->clients ? "true" : "false");
    bench_list("ratios", r.ratios, SLICES);
    ratio = bench_percentile(r.ratios, SLICES, 50);
    printf(",\"ratio\":%.3f}\n", ratio);
    fprintf(stderr, "%4u  %7u  %9.0f  %9.0f  %5.2f\n", bits, clients, r.mean[TURN_NODE],
            r.mean[TURN_OPENSSL], ratio);
    show_cards(b, before, bits, clients, r.mean[TURN_NODE]);
    fflush(stdout);
}

/* The latency of one ME of 512 bits, and of an ioctl that does nothing. */
static int measure_latency(int fd, double *nothing, double *small)
{
    struct bench_sample *s = bench_sample_new(512);
    int error = 0, domain;

    for (unsigned i = 0; i < LATENCY_COUNT && !error; i++) {
        double start = now();

        if (ioctl(fd, (unsigned)IOCTL_DOMAIN_INDEX, &domain))
            error = errno;
        nothing[i] = now() - start;
        start = now();
        if (!error)
            error = request(fd, s, false);
        small[i] = now() - start;
    }
    bench_sample_free(s);
    return error;
}

static void bench_latency(const struct bench *b, int fd)
{
    static double nothing[LATENCY_COUNT], small[LATENCY_COUNT];
    int error = measure_latency(fd, nothing, small);
    double a = 1e6 * bench_percentile(nothing, LATENCY_COUNT, 50);
    double c = 1e6 * bench_percentile(small, LATENCY_COUNT, 50);

    if (error)
        fail(b, error);
    printf("{\"what\":\"latency\",\"noop_us\":%.2f,\"me512_us\":%.2f,\"ratio\":%.3f}\n", a, c,
           c / a);
    fprintf(stderr,
            "latency, median: an ioctl that does nothing %.1f us, one ME of 512 bits %.1f us "
            "(%.2f)\n",
            a, c, c / a);
}

/* Throughput by number of clients, then by size, and the latency. */
static void bench_sizes(const struct bench *b, int fd)
{
    for (long clients = 1; clients < b->clients && clients <= b->cores; clients *= 2)
        bench_rate(b, 2048, (unsigned)clients);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        bench_rate(b, sizes[i], (unsigned)b->clients);
    bench_latency(b, fd);
}

static const struct option options[] = {{"node", required_argument, NULL, 'n'},
                                        {"clients", required_argument, NULL, 'c'},
                                        {"seconds", required_argument, NULL, 's'},
                                        {"bits", required_argument, NULL, 'b'},
                                        {0}};

static int parse_count(const char *name, int max)
{
    int value;

    if (number_parse_int(optarg, strlen(optarg), 10, &value) < 0 || value < 1 || value > max)
        bench_fail("--%s takes a number from 1 to %d, not '%s'", name, max, optarg);
    return value;
}

static int parse_bits(void)
{
    int bits;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (number_parse_int(optarg, strlen(optarg), 10, &bits) == 0 && bits == (int)sizes[i])
            return bits;
    bench_fail("--bits takes 1024, 2048 or 4096, not '%s'", optarg);
}

static void parse_options(int argc, char **argv, struct bench *b)
{
    int got;

    while ((got = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (got == 'n')
            b->node = optarg;
        else if (got == 'c')
            b->clients = parse_count("clients", CLIENTS_MAX);
        else if (got == 's')
            b->seconds = parse_count("seconds", SECONDS_MAX);
        else if (got == 'b')
            b->bits = parse_bits();
        else
            exit(1);
    }
    if (optind != argc)
        bench_fail("unexpected operand '%s'", argv[optind]);
}

int main(int argc, char **argv)
{
    struct bench b = {.node = DEFAULT_NODE, .seconds = 4, .cores = sysconf(_SC_NPROCESSORS_ONLN)};
    int fd;

    if (b.cores < 1)
        b.cores = 1;
    b.clients = b.cores > CLIENTS_MAX / 8 ? CLIENTS_MAX : (int)(8 * b.cores);
    parse_options(argc, argv, &b);
    fd = open(b.node, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        bench_fail("%s: %s; inside a machine there is one: apus run -- bench_node", b.node,
                   error_text(errno));
    fprintf(stderr,
            "RSA CRT through %s, and OpenSSL alone on %ld cores, per second\nbits  clients  "
            "   adapters    OpenSSL  ratio\n",
            b.node, b.cores);
    if (b.bits)
        bench_rate(&b, (unsigned)b.bits, (unsigned)b.clients);
    else
        bench_sizes(&b, fd);
    close(fd);
    return 0;
}
