/* SPDX-License-Identifier: MIT */
/*
 * RSA CRT through the firmware against OpenSSL's own private operation, in one run on the same
 * cores. One JSON object per line:
 *   {"bits":2048,"threads":1,"openssl":ops/s,"firmware":ops/s,"pool":ops/s,
 *    "firmware_ratio":r,"pool_ratio":r}
 * firmware calls crypto_answer on each thread; pool has one more thread that submits and collects.
 * All sides alternate in short slices, so that none profits from a quieter moment.
 *
 *   bench_crypto [seconds per measurement]
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/job.h"
#include "message/type50.h"

#define SLICES      10
#define THREADS_MAX 64

struct key {
    EVP_PKEY *pkey;
    size_t n;
    uint8_t request[TYPE50_BYTES_MAX], input[RSA_BYTES_MAX];
    size_t request_len;
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void part(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t len)
{
    BIGNUM *bn = NULL;

    if (!EVP_PKEY_get_bn_param(pkey, name, &bn) || BN_bn2binpad(bn, out, (int)len) < 0)
        abort();
    BN_clear_free(bn);
}

static void key_make(struct key *k, unsigned bits)
{
    uint8_t p[264], q[256], dp[264], dq[256], u[264];
    struct buffer out = buffer_of(k->request, sizeof(k->request));
    struct rsa_request r;
    size_t l, s;

    k->n = bits / 8;
    l = rsa_crt_long(k->n);
    s = rsa_crt_short(k->n);
    k->pkey = EVP_RSA_gen(bits);
    if (!k->pkey)
        abort();
    part(k->pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, p, l);
    part(k->pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, q, s);
    part(k->pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, dp, l);
    part(k->pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, dq, s);
    part(k->pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, u, l);
    memset(k->input, 0x5a, k->n);
    k->input[0] = 0;
    r = rsa_request_crt(k->n, k->input, p, q, dp, dq, u);
    if (type50_format(&r, &out) < 0)
        abort();
    k->request_len = out.len;
}

static unsigned long slice_openssl(const struct key *k, double until)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
    uint8_t out[RSA_BYTES_MAX];
    unsigned long count = 0;

    if (!ctx || EVP_PKEY_decrypt_init(ctx) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) <= 0)
        abort();
    for (; now() < until; count++) {
        size_t len = sizeof(out);

        if (EVP_PKEY_decrypt(ctx, out, &len, k->input, k->n) <= 0)
            abort();
    }
    EVP_PKEY_CTX_free(ctx);
    return count;
}

static unsigned long slice_firmware(const struct key *k, double until)
{
    static const struct crypto_card card = {
        .mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
    uint8_t out[TYPE80_BYTES_MAX];
    unsigned long count = 0;

    for (; now() < until; count++) {
        struct buffer reply = buffer_of(out, sizeof(out));

        if (crypto_answer(&card, NULL, span_of(k->request, k->request_len), NULL, &reply) < 0 ||
            out[1] != REPLY_TYPE80)
            abort();
    }
    return count;
}

struct worker {
    const struct key *key;
    unsigned long (*slice)(const struct key *k, double until);
    double until;
    unsigned long count;
};

static void *run(void *argument)
{
    struct worker *w = argument;

    w->count = w->slice(w->key, w->until);
    return NULL;
}

static double rate(const struct key *k, unsigned threads, double seconds,
                   unsigned long (*slice)(const struct key *k, double until))
{
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    double start = now();
    unsigned long count = 0;

    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (struct worker){k, slice, start + seconds, 0};
        if (pthread_create(&ids[i], NULL, run, &workers[i]))
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        count += workers[i].count;
    }
    return (double)count / (now() - start);
}

static unsigned long pool_done;

static void count_done(struct pool_job *job)
{
    pool_done++;
    crypto_job_free(crypto_job_of(job));
}

static double rate_pool(const struct key *k, unsigned threads, double seconds)
{
    const struct crypto_card card = {.mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
    const struct pool_limits limits = {threads, 4 * threads, 4 * threads};
    double start, end;
    struct pool *pool;

    if (pool_new(&limits, &crypto_job_own, &pool) < 0)
        abort();
    pool_done = 0;
    start = now();
    while (now() < start + seconds) {
        struct pollfd fd = {.fd = pool_fd(pool), .events = POLLIN};
        struct crypto_job *job;

        for (;;) {
            job =
                crypto_job_new(&card, NULL, span_of(k->request, k->request_len), TYPE80_BYTES_MAX);
            if (!job)
                abort();
            job->pool.done = count_done;
            if (pool_submit(pool, 0, &job->pool) < 0)
                break;
        }
        crypto_job_free(job);
        poll(&fd, 1, -1);
        pool_collect(pool);
    }
    pool_stop(pool);
    pool_collect(pool);
    end = now();
    pool_free(pool);
    return (double)pool_done / (end - start);
}

static void compare(const struct key *k, unsigned threads, double seconds)
{
    double openssl = 0, firmware = 0, pool = 0;

    for (unsigned i = 0; i < SLICES; i++) {
        openssl += rate(k, threads, seconds / SLICES, slice_openssl) / SLICES;
        firmware += rate(k, threads, seconds / SLICES, slice_firmware) / SLICES;
        pool += rate_pool(k, threads, seconds / SLICES) / SLICES;
    }
    printf("{\"bits\":%zu,\"threads\":%u,\"openssl\":%.1f,\"firmware\":%.1f,\"pool\":%.1f,"
           "\"firmware_ratio\":%.3f,\"pool_ratio\":%.3f}\n",
           8 * k->n, threads, openssl, firmware, pool, firmware / openssl, pool / openssl);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned all = cores > THREADS_MAX ? THREADS_MAX : cores < 1 ? 1 : (unsigned)cores;

    for (unsigned bits = 2048; bits <= 4096; bits += 2048) {
        struct key k;

        key_make(&k, bits);
        compare(&k, 1, seconds);
        compare(&k, all, seconds);
        EVP_PKEY_free(k.pkey);
        OPENSSL_cleanse(&k, sizeof(k));
    }
    return 0;
}
