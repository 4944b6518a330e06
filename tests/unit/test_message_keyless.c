/* SPDX-License-Identifier: MIT */
/* Requests lose their keys, and nothing else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/cca.h"
#include "message/ep11.h"
#include "message/keyless.h"
#include "message/type50.h"

#include "ec_request.h"

#define N      128u
#define KEY    0xa5 /* each byte of a key */
#define PUBLIC 0x3c /* each byte of what is none */

static uint8_t message[8192];

struct parts {
    uint8_t input[N], key[N + 8], exponent[N];
};

static struct parts parts_new(void)
{
    struct parts p;

    memset(&p, PUBLIC, sizeof p);
    memset(p.key, KEY, sizeof p.key);
    memset(p.exponent, 0, sizeof p.exponent);
    p.exponent[N - 1] = 3;
    return p;
}

static size_t count(const uint8_t *bytes, size_t len, uint8_t byte)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += bytes[i] == byte;
    return n;
}

/* All KEY bytes of the first len of message become 0, and all others stay. */
static void assert_only_keys_go(size_t len)
{
    uint8_t *before = malloc(len);

    assert_non_null(before);
    memcpy(before, message, len);
    assert_true(keyless_message(message, len));
    for (size_t i = 0; i < len; i++)
        assert_int_equal(message[i], before[i] == KEY ? 0 : before[i]);
    assert_false(keyless_message(message, len));
    free(before);
}

typedef int format_fn(const struct rsa_request *rsa, struct buffer *out);

static int format_cca(const struct rsa_request *rsa, struct buffer *out)
{
    return cca_rsa_format(rsa, 6, out);
}

static format_fn *const formats[] = {type50_format, format_cca};

static void test_crt(void **state)
{
    struct parts p = parts_new();
    struct rsa_request r = rsa_request_crt(N, p.input, p.key, p.key, p.key, p.key, p.key);

    for (unsigned i = 0; i < 2; i++) {
        struct buffer out = buffer_of(message, sizeof message);
        size_t found;

        assert_int_equal(formats[i](&r, &out), 0);
        found = count(message, out.len, KEY);
        assert_true(found >= 5 * N / 2 && found <= 5 * N / 2 + 24);
        assert_only_keys_go(out.len);
    }
}

static void test_private_exponent(void **state)
{
    struct parts p = parts_new();
    struct rsa_request r = rsa_request_me(N, p.input, p.key, p.input);

    for (unsigned i = 0; i < 2; i++) {
        struct buffer out = buffer_of(message, sizeof message);

        assert_int_equal(formats[i](&r, &out), 0);
        assert_int_equal(count(message, out.len, KEY), N);
        assert_only_keys_go(out.len);
    }
}

static void test_public_exponent_stays(void **state)
{
    struct parts p = parts_new();
    struct rsa_request r = rsa_request_me(N, p.input, p.exponent, p.input);

    for (unsigned i = 0; i < 2; i++) {
        struct buffer out = buffer_of(message, sizeof message);

        assert_int_equal(formats[i](&r, &out), 0);
        assert_false(keyless_message(message, out.len));
        memset(p.exponent + N - 8, 1, 8);
        assert_false(rsa_is_private(&r));
        p.exponent[N - 9] = 1;
        assert_true(rsa_is_private(&r));
        p = parts_new();
    }
}

/* The key of a clear key import goes, the service and the domain stay. */
static void test_import(void **state)
{
    struct parts p = parts_new();
    struct buffer out = buffer_of(message, sizeof message);
    struct cca_params params;
    struct cprbx block;
    uint8_t data[4] = {KEY, KEY, KEY, KEY};

    assert_int_equal(cca_import_format(6, span_of(p.key, 32), &out), 0);
    assert_int_equal(count(message, out.len, KEY), 32);
    assert_true(keyless_cca(message, out.len, data, sizeof data));
    assert_int_equal(count(message, out.len, KEY), 0);
    assert_int_equal(count(data, sizeof data, 0), sizeof data);
    assert_int_equal(cprbx_parse(buffer_span(&out), &block), 0);
    assert_int_equal(block.domain, 6);
    assert_memory_equal(block.params.data, "CM", 2);
    assert_int_equal(cca_params_parse(block.params, &params), -EMSGSIZE);
}

/* Only the private key goes, wherever it is; a request that cannot be parsed loses all. */
static void test_elliptic_curves(void **state)
{
    static const struct cca_ec_curve curve = {CCA_EC_PRIME, 256};
    uint8_t key[32], point[65], signature[64];
    struct span d = span_of(key, 32), q = span_of(point, 65), hash = span_of(signature, 32);
    struct buffer out = buffer_of(message, sizeof message);

    memset(key, KEY, sizeof key);
    memset(point, PUBLIC, sizeof point);
    memset(signature, PUBLIC, sizeof signature);
    point[0] = 4;
    ec_sign_request(curve, d, q, hash, &out);
    assert_int_equal(count(message, out.len, KEY), 32);
    assert_true(keyless_cca(message, out.len, NULL, 0));
    assert_int_equal(count(message, out.len, KEY), 0);
    assert_int_equal(count(message, out.len, PUBLIC), 64 + 32);
    assert_false(keyless_cca(message, out.len, NULL, 0));
    ec_ecdh_request(curve, d, q, &out);
    assert_int_equal(count(message, out.len, KEY), 64);
    assert_true(keyless_cca(message, out.len, NULL, 0));
    assert_int_equal(count(message, out.len, KEY), 0);
    assert_int_equal(count(message, out.len, PUBLIC), 128);
    ec_keygen(curve, &out);
    assert_false(keyless_cca(message, out.len, NULL, 0));
    ec_verify_request(curve, q, hash, span_of(signature, 64), &out);
    assert_false(keyless_cca(message, out.len, NULL, 0));
    assert_int_equal(count(message, out.len, PUBLIC), 64 + 32 + 64);
    ec_sign_request(curve, span_of(key, 31), q, hash, &out);
    assert_true(keyless_cca(message, out.len, NULL, 0));
    assert_int_equal(count(message, out.len, KEY) + count(message, out.len, PUBLIC), 0);
    assert_memory_equal(message + CPRBX_BYTES, "SG", 2);
}

/* A key hidden where none belongs. */
static void test_elliptic_curves_hidden_key(void **state)
{
    static const struct cca_ec_curve curve = {CCA_EC_PRIME, 256};
    static const char *const services[] = {"PG", "SV", "DH"};
    uint8_t key[32], point[65] = {4};
    struct span d = span_of(key, 32), q = span_of(point, 65);
    struct buffer out = buffer_of(message, sizeof message);

    memset(key, KEY, sizeof key);
    for (unsigned i = 0; i < 3; i++) {
        ec_sign_request(curve, d, q, span_of(point, 32), &out);
        memcpy(message + CPRBX_BYTES, services[i], 2);
        assert_true(keyless_cca(message, out.len, NULL, 0));
        assert_int_equal(count(message, out.len, KEY), 0);
    }
    ec_ecdh_request(curve, d, q, &out);
    memset(message + out.len - 64, KEY, 32);
    assert_true(keyless_cca(message, out.len, NULL, 0));
    assert_int_equal(count(message, out.len, KEY), 0);
}

static void test_services_without_keys(void **state)
{
    struct parts p = parts_new();
    struct buffer out = buffer_of(message, sizeof message);
    size_t first;

    assert_int_equal(cca_keygen_format(6, 32, &out), 0);
    first = out.len;
    assert_false(keyless_cca(message, first, NULL, 0));
    assert_int_equal(cca_unwrap_format(6, span_of(p.key, CCA_TOKEN_BYTES), &out), 0);
    assert_false(keyless_cca(message + first, out.len - first, NULL, 0));
    assert_int_equal(count(message, out.len, KEY), CCA_TOKEN_BYTES);
}

static void test_ep11(void **state)
{
    struct parts p = parts_new();
    struct buffer payload = buffer_of(message, 1024), out = buffer_of(message + 1024, 2048);
    struct ep11_cprb block = {.func_id = {'T', '4'}, .target = 6};
    uint8_t *control = message + 1024;
    size_t at = ep11_payload_start(1, 28, 6, &payload);
    struct ep11_payload got;

    ep11_octets_add(span_of(p.key, 64), &payload);
    ep11_payload_finish(at, &payload);
    block.payload = buffer_span(&payload);
    assert_int_equal(ep11_format(&block, &out), 0);
    assert_int_equal(count(control, out.len, KEY), 64);
    assert_true(keyless_ep11(control, out.len, NULL, 0));
    assert_int_equal(count(control, out.len, KEY), 0);
    assert_int_equal(ep11_parse(buffer_span(&out), &block), 0);
    assert_int_equal(ep11_payload_parse(block.payload, &got), 0);
    assert_int_equal(got.function, 28);
    assert_int_equal(got.domain, 6);
    out = buffer_of(message, sizeof message);
    assert_int_equal(ep11_random_format(6, 0xa5a5, &out), 0);
    assert_false(keyless_ep11(message, out.len, NULL, 0));
}

/* Of what is no request nothing stays behind the place of a header. */
static void test_anything_else(void **state)
{
    uint8_t data[2] = {KEY, KEY};

    memset(message, KEY, sizeof message);
    assert_true(keyless_message(message, 1000));
    assert_int_equal(count(message, 1000, KEY), TYPE50_HEADER_BYTES);
    assert_false(keyless_message(message, TYPE50_HEADER_BYTES));
    assert_false(keyless_message(message, 0));
    memset(message, KEY, 300);
    assert_true(keyless_cca(message, 300, data, 2));
    assert_int_equal(count(message, 300, 0) + count(data, 2, 0), 302);
    memset(message, KEY, 300);
    assert_true(keyless_ep11(message, 300, data, 2));
    assert_int_equal(count(message, 300, 0), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crt),
        cmocka_unit_test(test_private_exponent),
        cmocka_unit_test(test_public_exponent_stays),
        cmocka_unit_test(test_import),
        cmocka_unit_test(test_elliptic_curves),
        cmocka_unit_test(test_elliptic_curves_hidden_key),
        cmocka_unit_test(test_services_without_keys),
        cmocka_unit_test(test_ep11),
        cmocka_unit_test(test_anything_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
