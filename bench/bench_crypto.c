/* SPDX-License-Identifier: MIT */
/*
 * Compares RSA CRT through the firmware with OpenSSL's own private key operation, in one run on the
 * same cores. One JSON object per line:
 *   {"bits":2048,"threads":1,"openssl":ops/s,"firmware":ops/s,"pool":ops/s,
 *    "firmware_ratio":r,"pool_ratio":r}
 * firmware calls crypto_answer on each thread; pool has one more thread that submits and collects.
 * All sides alternate in short slices, so that the load of the machine affects them equally.
 *
 *   bench_crypto [seconds per measurement]
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "bench.h"
#include "crypto/job.h"
#include "message/type50.h"
#include "sample.h"

#define SLICES      10
#define THREADS_MAX 64

struct key {
    struct bench_sample *sample;
    uint8_t request[TYPE50_BYTES_MAX];
    size_t request_len;
};

static double now(void)
{
    return 1e-9 * (double)bench_now();
}

static void key_make(struct key *k, unsigned bits)
{
    struct buffer out = buffer_of(k->request, sizeof(k->request));
    struct bench_sample *s = k->sample = bench_sample_new(bits);
    struct rsa_request r = rsa_request_crt(s->n, s->input, s->p, s->q, s->dp, s->dq, s->u);

    if (type50_format(&r, &out) < 0)
        abort();
    k->request_len = out.len;
}

static unsigned long slice_openssl(const struct key *k, double until)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->sample->key, NULL);
    uint8_t out[RSA_BYTES_MAX];
    unsigned long count = 0;

    if (!ctx || EVP_PKEY_decrypt_init(ctx) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) <= 0)
        abort();
    for (; now() < until; count++) {
        size_t len = sizeof(out);

        if (EVP_PKEY_decrypt(ctx, out, &len, k->sample->input, k->sample->n) <= 0)
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
           8 * k->sample->n, threads, openssl, firmware, pool, firmware / openssl, pool / openssl);
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
        bench_sample_free(k.sample);
        OPENSSL_cleanse(&k, sizeof(k));
    }
    return 0;
}
