/* SPDX-License-Identifier: MIT */
/* Requests through the pool: each gets its own reply, and no operand remains in memory. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/job.h"
#include "crypto/memory.h"
#include "message/type50.h"

#include "rsa_key.h"

#define JOBS 400u
#define N    32u

static const struct crypto_card accelerator = {.mode = CRYPTO_ACCELERATOR};
static const struct crypto_card cca = {.mode = CRYPTO_CCA, .serial = "00000000"};

static unsigned collected;

/* input = index, exponent 3, modulus 2^255 and a bit: the result is the cube of the index. */
static struct span make_request(unsigned index, bool plain, uint8_t *room, size_t size)
{
    uint8_t input[N] = {0}, exponent[N] = {0}, modulus[N] = {0x80};
    struct rsa_request r = rsa_request_me(N, input, exponent, modulus);
    struct buffer out = buffer_of(room, size);

    be32_put(input + N - 4, index);
    exponent[N - 1] = 3;
    modulus[N - 1] = 1;
    assert_int_equal(plain ? type50_format(&r, &out) : cca_rsa_format(&r, 4, &out), 0);
    return buffer_span(&out);
}

static void check_done(struct pool_job *pool_job)
{
    struct crypto_job *job = crypto_job_of(pool_job);
    unsigned index = (unsigned)(uintptr_t)job->context;
    struct span reply = buffer_span(&job->reply);
    struct outcome o =
        job->card.mode == CRYPTO_CCA ? type86_judge_rsa(reply, N) : type50_judge(reply, N);

    assert_int_equal(o.error, 0);
    assert_int_equal(be64_get(o.data.data + N - 8), (uint64_t)index * index * index);
    assert_int_equal(job->request.len, 0);
    for (size_t i = 0; i < job->request.room; i++)
        assert_int_equal(job->request.data[i], 0);
    collected++;
    crypto_job_free(job);
}

static void wait_collect(struct pool *pool)
{
    struct pollfd fd = {.fd = pool_fd(pool), .events = POLLIN};

    assert_int_equal(poll(&fd, 1, 10000), 1);
    pool_collect(pool);
}

static void through_the_pool(void **state)
{
    const struct pool_limits limits = {3, 4, 16};
    static const uint8_t secret[CRYPTO_KEY_BYTES];
    struct crypto_domain domain;
    struct pool *pool;

    assert_int_equal(crypto_domain_derive(secret, AP_QN(5, 4), 0, &domain), 0);
    assert_int_equal(pool_new(&limits, &crypto_job_own, &pool), 0);
    for (unsigned i = 0; i < JOBS; i++) {
        uint8_t room[1024];
        bool plain = i % 2;
        struct span request = make_request(i, plain, room, sizeof(room));
        struct crypto_job *job =
            crypto_job_new(plain ? &accelerator : &cca, &domain, request, CRYPTO_REPLY_BYTES);

        assert_non_null(job);
        job->context = (void *)(uintptr_t)i;
        job->pool.done = check_done;
        while (pool_submit(pool, i % 7, &job->pool) == -EAGAIN)
            wait_collect(pool);
    }
    pool_free(pool);
    assert_int_equal(collected, JOBS);
}

/* An adapter with room for only an error reply returns one. */
static void smallest_reply(void **state)
{
    uint8_t room[1024];
    struct span request = make_request(5, true, room, sizeof(room));
    struct crypto_job *job = crypto_job_new(&accelerator, NULL, request, ERROR_REPLY_BYTES);

    assert_non_null(job);
    job->pool.work(&job->pool, NULL);
    assert_int_equal(job->reply.len, ERROR_REPLY_BYTES);
    assert_int_equal(job->reply.data[4], ERROR_TRUNCATED);
    crypto_job_free(job);
    crypto_job_free(NULL);
}

static void work_now(struct span request, struct modexp_kept *kept)
{
    struct crypto_job *job = crypto_job_new(&accelerator, NULL, request, CRYPTO_REPLY_BYTES);

    assert_non_null(job);
    job->pool.work(&job->pool, kept);
    assert_int_equal(job->reply.data[1], request.len ? REPLY_TYPE80 : REPLY_TYPE88);
    crypto_job_free(job);
}

/* A worker keeps nothing of a private key once it gets another request. */
static void a_key_is_kept_for_its_own_requests(void **state)
{
    uint8_t private_room[2048], public_room[1024], input[512] = {0};
    struct span private, public = make_request(5, true, public_room, sizeof(public_room));
    struct buffer out = buffer_of(private_room, sizeof(private_room));
    struct modexp_kept kept = {0};
    const BN_MONT_CTX *form;
    struct rsa_request r;
    struct rsa_key k;

    rsa_key_make(&k, 1024);
    r = rsa_key_crt(&k, input);
    assert_int_equal(type50_format(&r, &out), 0);
    private = buffer_span(&out);
    work_now(private, &kept);
    form = kept.forms[0];
    assert_non_null(form);
    work_now(private, &kept);
    assert_ptr_equal(kept.forms[0], form);
    work_now(public, &kept);
    assert_null(kept.forms[1]);
    for (size_t i = 0; i + k.n / 2 < sizeof(kept.numbers); i++)
        assert_memory_not_equal(kept.numbers + i, k.q, k.n / 2);
    work_now(span_of("", 0), &kept);
    assert_null(kept.forms[0]);
    work_now(private, &kept);
    crypto_job_own.tidy(&kept);
    assert_null(kept.forms[0]);
    EVP_PKEY_free(k.pkey);
}

static const uint8_t key[24] = "a key that nobody has";

/* What a function leaves that has returned. */
static __attribute__((noinline)) void leave_key(void)
{
    uint8_t frame[8192];

    memset(frame, 0, sizeof frame);
    for (size_t at = 0; at + sizeof key <= sizeof frame; at += 1024)
        memcpy(frame + at, key, sizeof key);
    __asm__ volatile("" : : "m"(frame));
}

static __attribute__((noinline)) bool is_left(void)
{
    uint8_t frames[8192];

    __asm__ volatile("" : "=m"(frames));
    return memmem(frames, sizeof frames, key, sizeof key);
}

static void the_stack_is_cleansed(void **state)
{
    leave_key();
    assert_true(is_left());
    leave_key();
    crypto_stack_cleanse();
    assert_false(is_left());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stack_is_cleansed),
        cmocka_unit_test(through_the_pool),
        cmocka_unit_test(smallest_reply),
        cmocka_unit_test(a_key_is_kept_for_its_own_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
