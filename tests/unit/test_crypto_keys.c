/* SPDX-License-Identifier: MIT */
/* Master keys of domains; a secure key is valid only where and while its master key exists. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/keys.h"

static const uint8_t secret[32] = "a secret of the machine, 32 byte";
static const uint8_t clear_key[32] = "an AES key that nobody may see..";

static struct crypto_domain derive(unsigned apid, unsigned apqi, uint64_t generation)
{
    struct crypto_domain d;

    assert_int_equal(crypto_domain_derive(secret, AP_QN(apid, apqi), generation, &d), 0);
    return d;
}

static void derivation(void **state)
{
    const struct crypto_domain d = derive(5, 4, 0);
    struct crypto_domain others[] = {derive(6, 4, 0), derive(5, 5, 0), derive(5, 4, 1)}, again;
    uint8_t message[19] = "apus key\1\5\4", want[32], other_secret[32] = {1};

    again = derive(5, 4, 0);
    assert_memory_equal(&again, &d, sizeof(d));
    assert_int_equal(d.index, 4);
    /* The rule itself: HMAC-SHA256 of label, register, APQN and generation. */
    HMAC(EVP_sha256(), secret, 32, message, sizeof(message), want, NULL);
    assert_memory_equal(d.cca[CCA_AES][CCA_CURRENT].key, want, 32);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < CCA_MASTER_KEYS; k++)
            assert_memory_not_equal(others[i].cca[k][CCA_CURRENT].key, d.cca[k][CCA_CURRENT].key,
                                    32);
        assert_memory_not_equal(others[i].wrapping, d.wrapping, 32);
        assert_memory_equal(others[i].protected_key, d.protected_key, 32);
    }
    assert_int_equal(crypto_domain_derive(other_secret, AP_QN(5, 4), 0, &again), 0);
    assert_memory_not_equal(again.cca[CCA_AES][CCA_CURRENT].key, want, 32);
    assert_memory_not_equal(again.protected_key, d.protected_key, 32);
    crypto_domain_done(&again);
    assert_memory_equal(&again, &(struct crypto_domain){0}, sizeof(again));
}

static void patterns(void **state)
{
    const struct crypto_domain d = derive(5, 4, 0);
    struct cca_info info = {.serial = "12345678"};
    uint8_t input[33] = {1}, digest[32], wrapping[32];

    assert_int_equal(crypto_domain_info(&d, &info), 0);
    assert_memory_equal(info.serial, "12345678", 8);
    memcpy(input + 1, d.cca[CCA_AES][CCA_CURRENT].key, 32);
    EVP_Digest(input, 33, digest, NULL, EVP_sha256(), NULL);
    assert_memory_equal(info.keys[CCA_AES][CCA_CURRENT].pattern, digest, 8);
    for (unsigned k = 0; k < CCA_MASTER_KEYS; k++) {
        assert_int_equal(info.keys[k][CCA_NEW].state, '1');
        assert_int_equal(info.keys[k][CCA_CURRENT].state, '2');
        assert_int_equal(info.keys[k][CCA_OLD].state, '1');
    }
    memcpy(input + 1, d.wrapping, 32);
    EVP_Digest(input, 33, digest, NULL, EVP_sha256(), NULL);
    assert_int_equal(crypto_wrapping_pattern(&d, wrapping), 0);
    assert_memory_equal(wrapping, digest, 32);
}

static void assert_code(struct cca_code c, unsigned rtcode, unsigned rscode)
{
    assert_int_equal(c.rtcode, rtcode);
    assert_int_equal(c.rscode, rscode);
}

static struct cca_code unwrap(const struct crypto_domain *d, const uint8_t *token, uint8_t *clear,
                              size_t *len)
{
    return crypto_token_unwrap(d, span_of(token, CCA_TOKEN_BYTES), clear, len);
}

static void tokens(void **state)
{
    const struct crypto_domain d = derive(5, 4, 0);

    for (size_t len = 0; len <= 40; len++) {
        uint8_t token[CCA_TOKEN_BYTES], clear[32];
        size_t got = 0;

        if (len != 16 && len != 24 && len != 32) {
            assert_code(crypto_token_wrap(&d, span_of(clear_key, len), token), 8, 72);
            continue;
        }
        assert_code(crypto_token_wrap(&d, span_of(clear_key, len), token), 0, 0);
        /* The fields of a token that the pkey driver checks: type, version, bit size. */
        assert_memory_equal(token, "\1\0\0\0\4", 5);
        assert_int_equal(be16_get(token + 56), 8 * len);
        for (size_t at = 0; at + 8 <= CCA_TOKEN_BYTES; at++)
            assert_memory_not_equal(token + at, clear_key, 8);
        assert_code(unwrap(&d, token, clear, &got), 0, 0);
        assert_int_equal(got, len);
        assert_memory_equal(clear, clear_key, len);
    }
}

static void tokens_of_others(void **state)
{
    struct crypto_domain d = derive(5, 4, 0), other = derive(5, 5, 0), card = derive(6, 4, 0);
    struct crypto_domain zeroized = derive(5, 4, 1), rotated = zeroized;
    uint8_t token[CCA_TOKEN_BYTES], clear[32] = {0};
    size_t len = 0;

    assert_code(crypto_token_wrap(&d, span_of(clear_key, 32), token), 0, 0);
    assert_code(unwrap(&other, token, clear, &len), 8, 48);
    assert_code(unwrap(&card, token, clear, &len), 8, 48);
    assert_code(unwrap(&zeroized, token, clear, &len), 8, 48);
    assert_memory_equal(clear, (uint8_t[32]){0}, 32);
    assert_int_equal(len, 0);
    /* A key of the old master key still works, with the reason code that says so. */
    rotated.cca[CCA_AES][CCA_OLD] = d.cca[CCA_AES][CCA_CURRENT];
    assert_code(unwrap(&rotated, token, clear, &len), 0, 10001);
    assert_memory_equal(clear, clear_key, 32);
    d.cca[CCA_AES][CCA_CURRENT].state = '1';
    assert_code(unwrap(&d, token, clear, &len), 12, 764);
    assert_code(crypto_token_wrap(&d, span_of(clear_key, 32), token), 12, 764);
}

/* Changes a byte and corrects the check word. */
static void damage(uint8_t *token, unsigned at, uint8_t to)
{
    uint32_t sum = 0;

    token[at] = to;
    for (unsigned i = 0; i < 60; i += 4)
        sum += be32_get(token + i);
    be32_put(token + 60, sum);
}

static void damaged_tokens(void **state)
{
    static const struct {
        unsigned at;
        uint8_t to;
        unsigned rscode;
    } cases[] = {{0, 2, 47}, {4, 5, 49}, {56, 2, 47}, {57, 0x81, 47}, {59, 31, 47}, {8, 0, 48}};
    const struct crypto_domain d = derive(5, 4, 0);
    uint8_t good[CCA_TOKEN_BYTES], bad[CCA_TOKEN_BYTES], clear[32];
    size_t len;

    assert_code(crypto_token_wrap(&d, span_of(clear_key, 32), good), 0, 0);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(bad, good, sizeof(bad));
        damage(bad, cases[i].at, cases[i].at == 8 ? (uint8_t)~good[8] : cases[i].to);
        assert_code(unwrap(&d, bad, clear, &len), 8, cases[i].rscode);
    }
    for (unsigned at = 0; at < CCA_TOKEN_BYTES; at++) {
        memcpy(bad, good, sizeof(bad));
        bad[at] ^= 0x10;
        assert_int_equal(unwrap(&d, bad, clear, &len).rtcode, 8);
    }
    assert_code(crypto_token_unwrap(&d, span_of(good, 63), clear, &len), 8, 72);
}

static void protected_keys(void **state)
{
    const struct crypto_domain d = derive(5, 4, 0), same_machine = derive(6, 7, 3);
    struct crypto_domain other = d;

    other.protected_key[0] ^= 1;
    for (size_t len = 16; len <= 32; len += 8) {
        uint8_t key[32], pattern[32], clear[32];

        assert_int_equal(crypto_protect(&d, span_of(clear_key, len), key, pattern), 0);
        assert_memory_not_equal(key, clear_key, len);
        assert_int_equal(
            crypto_unprotect(&same_machine, span_of(key, len), span_of(pattern, 32), clear), 0);
        assert_memory_equal(clear, clear_key, len);
        assert_int_equal(crypto_unprotect(&other, span_of(key, len), span_of(pattern, 32), clear),
                         -EKEYREJECTED);
        assert_int_equal(crypto_unprotect(&d, span_of(key, 17), span_of(pattern, 32), clear),
                         -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivation),     cmocka_unit_test(patterns),
        cmocka_unit_test(tokens),         cmocka_unit_test(tokens_of_others),
        cmocka_unit_test(damaged_tokens), cmocka_unit_test(protected_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
