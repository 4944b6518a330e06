/* SPDX-License-Identifier: MIT */
/* The requests that the real driver sent (tests/data/oracle/requests.txt), answered by adapters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/bn.h>

#include "crypto/firmware.h"
#include "message/type50.h"

#include "oracle.h"

static const struct crypto_card accelerator = {
    .mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
static const struct crypto_card cca = {.mode = CRYPTO_CCA, .serial = "99EA6076        "};
static struct crypto_domain domain;

static int prepare(void **state)
{
    static const uint8_t secret[32];

    return load(state) || crypto_domain_derive(secret, AP_QN(6, 4), 0, &domain);
}

static struct span answer(unsigned index, const struct crypto_card *card, uint8_t *room)
{
    struct buffer reply = buffer_of(room, CRYPTO_REPLY_BYTES);
    struct span request = span_of(messages[index].data, messages[index].len);

    assert_int_equal(crypto_answer(card, &domain, request, NULL, &reply), 0);
    return buffer_span(&reply);
}

/* 01 11 .. 11 to the power of 65537 modulo ee .. ee ef, by basic OpenSSL functions. */
static void reference_me(size_t n, uint8_t *out)
{
    BIGNUM *c = BN_new(), *e = BN_new(), *m = BN_new(), *result = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    uint8_t bytes[512];

    memset(bytes, 0x11, n);
    bytes[0] = 1;
    BN_bin2bn(bytes, (int)n, c);
    memset(bytes, 0xee, n);
    bytes[n - 1] = 0xef;
    BN_bin2bn(bytes, (int)n, m);
    BN_set_word(e, 65537);
    assert_true(BN_mod_exp_simple(result, c, e, m, ctx));
    assert_true(BN_bn2binpad(result, out, (int)n) == (int)n);
    BN_free(c);
    BN_free(e);
    BN_free(m);
    BN_free(result);
    BN_CTX_free(ctx);
}

/* Returns the request of requests.txt with n bytes. */
struct rsa_case {
    unsigned index;
    size_t n;
};

static void check_rsa(const struct rsa_case *c, bool plain,
                      void (*reference)(size_t n, uint8_t *out))
{
    uint8_t room[CRYPTO_REPLY_BYTES], want[512];
    struct span reply = answer(c->index, plain ? &accelerator : &cca, room);
    struct outcome o = plain ? type50_judge(reply, c->n) : type86_judge_rsa(reply, c->n);

    reference(c->n, want);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.data.len, c->n);
    assert_memory_equal(o.data.data, want, c->n);
}

static void me_requests(void **state)
{
    static const struct rsa_case cases[] = {{0, 64}, {1, 256}, {2, 512}, {7, 128}, {8, 256}};

    for (unsigned i = 0; i < 5; i++)
        check_rsa(&cases[i], cases[i].index < 3, reference_me);
}

static BIGNUM *part_of(size_t n, uint8_t with)
{
    uint8_t bytes[256];

    memset(bytes, with, n / 2);
    bytes[n / 2 - 1] |= 1;
    return BN_bin2bn(bytes, (int)(n / 2), NULL);
}

/* The CRT parts at the head of requests.txt are not a real key, but [messages-modexp] defines a
 * result. */
static void reference_crt(size_t n, uint8_t *out)
{
    BIGNUM *c, *dp = part_of(n, 0xa1), *dq = part_of(n, 0xa2), *p = part_of(n, 0xa3);
    BIGNUM *q = part_of(n, 0xa4), *u = part_of(n, 0xa5), *m1 = BN_new(), *m2 = BN_new();
    BN_CTX *ctx = BN_CTX_new();
    uint8_t bytes[512];

    memset(bytes, 0x11, n);
    bytes[0] = 1;
    c = BN_bin2bn(bytes, (int)n, NULL);
    assert_true(BN_mod_exp_simple(m1, c, dp, p, ctx) && BN_mod_exp_simple(m2, c, dq, q, ctx));
    assert_true(BN_sub(m1, m1, m2) && BN_mul(m1, m1, u, ctx) && BN_nnmod(m1, m1, p, ctx));
    assert_true(BN_mul(m1, m1, q, ctx) && BN_add(m1, m1, m2));
    assert_true(BN_bn2binpad(m1, out, (int)n) == (int)n);
    for (BIGNUM **b = (BIGNUM *[]){c, dp, dq, p, q, u, m1, m2, NULL}; *b; b++)
        BN_free(*b);
    BN_CTX_free(ctx);
}

static void crt_requests(void **state)
{
    static const struct rsa_case cases[] = {{3, 128}, {4, 256}, {5, 512}, {9, 256}};

    for (unsigned i = 0; i < 4; i++)
        check_rsa(&cases[i], cases[i].index < 6, reference_crt);
}

static void queries(void **state)
{
    uint8_t room[CRYPTO_REPLY_BYTES];
    struct outcome o = type86_judge_random(answer(6, &cca, room));
    struct cca_info info = {0};
    struct cprbx c;

    assert_int_equal(o.error, 0);
    assert_int_equal(o.data.len, 4096);
    o = type86_judge_cprb(answer(10, &cca, room), CPRBX_VERSION);
    assert_int_equal(o.error, 0);
    assert_int_equal(cprbx_parse_reply(o.control, &c), 0);
    assert_int_equal(c.rtcode, 0);
    assert_int_equal(cca_query_parse_reply(c.params, false, &info), 0);
    assert_memory_equal(info.serial, "99EA6076", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(me_requests),
        cmocka_unit_test(crt_requests),
        cmocka_unit_test(queries),
    };

    return cmocka_run_group_tests(tests, prepare, NULL);
}
