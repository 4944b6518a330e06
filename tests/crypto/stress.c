/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Errors that a request may end with while the machine changes around it. */
static int allowed(int err)
{
    return err == ENODEV || err == EIO;
}

#define KINDS 6

struct tally {
    atomic_ulong right[KINDS], refused[KINDS];
    atomic_uint ended;
};

struct material {
    struct operation me[3], crt[2];
};

static void make_material(struct material *m)
{
    operation_me(&m->me[0], 512, 1);
    operation_me(&m->me[1], 1024, 0);
    operation_me(&m->me[2], 2048, 1);
    operation_crt(&m->crt[0], 1024);
    operation_crt(&m->crt[1], 2048);
}

static int request(int fd, struct material *m, unsigned kind, unsigned r)
{
    uint8_t random[64];

    switch (kind) {
    case 0:
    case 1:
    case 2:
        return operation_run(fd, &m->me[kind]);
    case 3:
    case 4:
        return operation_run(fd, &m->crt[kind - 3]);
    default:
        return cca_random(fd, 0xffff, 1 + r % sizeof random, random);
    }
}

static void stress_one(const char *node, struct material *m, struct tally *t, unsigned seed,
                       double end, unsigned long count)
{
    int fd = open(node, O_RDWR);

    if (fd < 0)
        fail("%s: %s", node, strerrorname_np(errno));
    for (unsigned long i = 0; i < count && now() < end; i++) {
        unsigned r = (unsigned)rand_r(&seed), kind = r % 32;
        int err;

        kind = kind < 22 ? kind % 3 : kind < 24 ? 3 : kind == 24 ? 4 : 5;
        err = request(fd, m, kind, r >> 8);
        if (err == 0)
            atomic_fetch_add(&t->right[kind], 1);
        else if (allowed(err))
            atomic_fetch_add(&t->refused[kind], 1);
        else
            fail("request of kind %u: %s", kind, strerrorname_np(err));
        if (err)
            usleep(1000);
    }
    atomic_fetch_add(&t->ended, 1);
}

/* Each process must end by itself: a lost request would block it for ever. */
int command_stress(const char *node, unsigned processes, double seconds, unsigned long count)
{
    struct tally *t =
        mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static struct material m;
    double start = now();
    unsigned long right = 0, refused = 0;
    int failed = 0, status;

    make_material(&m);
    for (unsigned i = 0; i < processes; i++) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            stress_one(node, &m, t, i + 1, start + seconds, count / processes);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < processes; i++)
        if (wait(&status) < 0 || status)
            failed = 1;
    for (unsigned i = 0; i < KINDS; i++) {
        right += t->right[i];
        refused += t->refused[i];
        printf("kind%u %lu %lu\n", i, (unsigned long)t->right[i], (unsigned long)t->refused[i]);
    }
    printf("ended %u\nright %lu\nrefused %lu\nseconds %.2f\n", (unsigned)t->ended, right, refused,
           now() - start);
    return failed;
}

/* Private key operations by OpenSSL itself, on one core. */
static void sign(EVP_PKEY *key, unsigned bytes)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    uint8_t in[OPERAND_MAX] = {0, 1, 2, 3}, out[OPERAND_MAX];
    size_t len = bytes;

    if (EVP_PKEY_sign_init(ctx) <= 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) <= 0 ||
        EVP_PKEY_sign(ctx, out, &len, in, bytes) <= 0)
        fail("OpenSSL cannot sign");
    EVP_PKEY_CTX_free(ctx);
}

static double measure(const char *node, struct operation *o, EVP_PKEY *key, unsigned clients,
                      double seconds)
{
    atomic_ulong *done =
        mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double start = now(), took;

    for (unsigned i = 0; i < clients; i++) {
        if (fork() == 0) {
            int fd = open(node, O_RDWR);

            prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (now() < start + seconds) {
                int err = 0;

                if (key)
                    sign(key, (unsigned)o->n);
                else
                    err = operation_run(fd, o);
                if (err)
                    fail("CRT: %s", strerrorname_np(err));
                atomic_fetch_add(done, 1);
            }
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    took = now() - start;
    return (double)atomic_load(done) / took;
}

#define SLICES 5

int command_rate(const char *node, unsigned bits, unsigned clients, double seconds)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    EVP_PKEY *key = EVP_RSA_gen(bits);
    double openssl = 0, apus = 0;
    struct operation o;

    operation_crt(&o, bits);
    for (unsigned i = 0; i < SLICES; i++) {
        openssl += measure(node, &o, key, (unsigned)cores, seconds / SLICES) / SLICES;
        apus += measure(node, &o, NULL, clients, seconds / SLICES) / SLICES;
    }
    printf("openssl %.1f\napus %.1f\nratio %.3f\n", openssl, apus, apus / openssl);
    EVP_PKEY_free(key);
    return 0;
}
