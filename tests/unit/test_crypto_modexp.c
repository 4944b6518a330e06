/* SPDX-License-Identifier: MIT */
/* RSA in both forms: a textbook example, OpenSSL's own results, and every refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/modexp.h"

#include "rsa_key.h"

static struct span bytes_of(const char *bytes, size_t len)
{
    return span_of(bytes, len);
}

#define BYTES(text) bytes_of(text, sizeof(text) - 1)

/* p = 61, q = 53: n = 3233, e = 17, d = 2753; 65 <-> 2790. */
static struct rsa_request textbook_crt(struct span input)
{
    struct rsa_request r = {.crt = true, .input = input};

    r.key.p = BYTES("\x3d");
    r.key.q = BYTES("\x35");
    r.key.dp = BYTES("\x35");
    r.key.dq = BYTES("\x31");
    r.key.u = BYTES("\x26");
    return r;
}

static struct rsa_request textbook_me(struct span input, struct span exponent)
{
    struct rsa_request r = {.input = input};

    r.me.exponent = exponent;
    r.me.modulus = BYTES("\x0c\xa1");
    return r;
}

static void textbook(void **state)
{
    struct rsa_request encrypt = textbook_me(BYTES("\0\x41"), BYTES("\x11"));
    struct rsa_request decrypt = textbook_me(BYTES("\x0a\xe6"), BYTES("\x0a\xc1"));
    struct rsa_request crt = textbook_crt(BYTES("\x0a\xe6"));
    uint8_t out[4];

    assert_int_equal(modexp_compute(&encrypt, NULL, out, 4), 0);
    assert_memory_equal(out, "\0\0\x0a\xe6", 4);
    assert_int_equal(modexp_compute(&decrypt, NULL, out, 2), 0);
    assert_memory_equal(out, "\0\x41", 2);
    assert_int_equal(modexp_compute(&crt, NULL, out, 2), 0);
    assert_memory_equal(out, "\0\x41", 2);
    assert_int_equal(modexp_compute(&crt, NULL, out, 1), 0);
    assert_int_equal(out[0], 0x41);
    /* The order of the primes is irrelevant as long as u matches: 53^-1 mod 61, 61^-1 mod 53. */
    crt.key.p = BYTES("\x35");
    crt.key.q = BYTES("\x3d");
    crt.key.dp = BYTES("\x31");
    crt.key.dq = BYTES("\x35");
    crt.key.u = BYTES("\x14");
    assert_int_equal(modexp_compute(&crt, NULL, out, 2), 0);
    assert_memory_equal(out, "\0\x41", 2);
}

static void against_openssl(void **state)
{
    static const unsigned sizes[] = {512, 1024, 1032, 2048, 3072, 4096};
    struct modexp_kept kept = {0};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t input[512], want[512], is[512];
        struct rsa_request r;
        struct rsa_key k;

        rsa_key_make(&k, sizes[i]);
        for (size_t b = 0; b < k.n; b++)
            input[b] = (uint8_t)(b * 7 + 1);
        input[0] = 0;
        rsa_key_reference(&k, true, input, want);
        r = rsa_key_crt(&k, input);
        for (unsigned again = 0; again < 2; again++) {
            assert_int_equal(modexp_compute(&r, &kept, is, k.n), 0);
            assert_memory_equal(is, want, k.n);
        }
        r = rsa_request_me(k.n, input, k.private_exponent, k.modulus);
        assert_int_equal(modexp_compute(&r, NULL, is, k.n), 0);
        assert_memory_equal(is, want, k.n);
        rsa_key_reference(&k, false, input, want);
        r = rsa_request_me(k.n, input, k.public_exponent, k.modulus);
        assert_int_equal(modexp_compute(&r, NULL, is, k.n), 0);
        assert_memory_equal(is, want, k.n);
        EVP_PKEY_free(k.pkey);
    }
    modexp_forget(&kept);
}

static void kept_for(struct modexp_kept *kept, const struct rsa_request *r, bool same)
{
    const BN_MONT_CTX *form = kept->forms[0];
    uint8_t want[2], is[2];

    kept->used = false;
    assert_int_equal(modexp_compute(r, NULL, want, 2), 0);
    assert_int_equal(modexp_compute(r, kept, is, 2), 0);
    assert_memory_equal(is, want, 2);
    assert_true(kept->used);
    if (same)
        assert_ptr_equal(kept->forms[0], form);
}

static void what_is_kept_is_for_one_key(void **state)
{
    static const struct modexp_kept empty;
    struct rsa_request key = textbook_crt(BYTES("\x0a\xe6")), other_p = key, other_q = key;
    struct rsa_request even = key, public = textbook_me(BYTES("\0\x41"), BYTES("\x11"));
    uint8_t both[RSA_BYTES_MAX] = {0};
    struct modexp_kept kept = {0};

    other_p.key.p = BYTES("\x47");
    other_q.key.q = BYTES("\x43");
    even.key.q = BYTES("\x34");
    kept_for(&kept, &key, false);
    kept_for(&kept, &key, true);
    assert_int_equal(modexp_compute(&even, &kept, (uint8_t[2]){0}, 2), -EDOM);
    kept_for(&kept, &key, true);
    kept_for(&kept, &other_p, false);
    kept_for(&kept, &key, false);
    kept_for(&kept, &other_q, false);
    kept_for(&kept, &other_q, true);
    kept_for(&kept, &public, false);
    kept_for(&kept, &public, true);
    kept_for(&kept, &key, false);
    /* A modulus consisting of the bytes of both primes. */
    both[RSA_BYTES_MAX / 2 - 1] = 0x3d;
    both[RSA_BYTES_MAX - 1] = 0x35;
    public.me.modulus = span_of(both, sizeof(both));
    public.me.exponent = BYTES("\1");
    kept_for(&kept, &public, false);
    kept_for(&kept, &key, false);
    modexp_forget(&kept);
    assert_memory_equal(&kept, &empty, sizeof(kept));
    modexp_forget(&kept);
}

static void refused(const struct rsa_request *r, int error)
{
    uint8_t out[2] = {0x5a, 0x5a};

    assert_int_equal(modexp_compute(r, NULL, out, 2), error);
    assert_memory_equal(out, "\x5a\x5a", 2);
}

static void me_refusals(void **state)
{
    static uint8_t long_number[513] = {1};
    struct rsa_request r = textbook_me(BYTES("\x0c\xa0"), BYTES("\x03")), bad;
    uint8_t one[1];

    assert_int_equal(modexp_compute(&r, NULL, one, 1), -ERANGE); /* n - 1 needs two bytes */
    bad = r, bad.input = BYTES("\x0c\xa1");
    refused(&bad, -ERANGE);
    bad = r, bad.me.exponent = BYTES("\0\0");
    refused(&bad, -EINVAL);
    bad = r, bad.me.modulus = BYTES("\0\0");
    refused(&bad, -EINVAL);
    bad = r, bad.me.modulus = BYTES("\1");
    refused(&bad, -EINVAL);
    bad = r, bad.me.modulus = BYTES("\x0c\xa2");
    refused(&bad, -EDOM);
    bad = r, bad.me.exponent = span_of(long_number, sizeof(long_number));
    refused(&bad, -EINVAL);
    bad = r, bad.input = span_of(NULL, 0), bad.me.modulus = span_of(NULL, 0);
    refused(&bad, -EINVAL);
}

static void crt_refusals(void **state)
{
    static uint8_t long_number[257] = {1};
    struct rsa_request r = textbook_crt(BYTES("\x0a\xe6")), bad;

    bad = r, bad.input = BYTES("\x0c\xa1");
    refused(&bad, -ERANGE);
    bad = r, bad.key.p = BYTES("\x3e");
    refused(&bad, -EDOM);
    bad = r, bad.key.q = BYTES("\x34");
    refused(&bad, -EDOM);
    bad = r, bad.key.q = BYTES("\1");
    refused(&bad, -EINVAL);
    bad = r, bad.key.p = BYTES("\0");
    refused(&bad, -EINVAL);
    bad = r, bad.key.dq = BYTES("\0");
    refused(&bad, -EINVAL);
    bad = r, bad.key.u = span_of(long_number, sizeof(long_number));
    refused(&bad, -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(textbook),
        cmocka_unit_test(against_openssl),
        cmocka_unit_test(what_is_kept_is_for_one_key),
        cmocka_unit_test(me_refusals),
        cmocka_unit_test(crt_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
