/* SPDX-License-Identifier: MIT */
/* Elliptic curves of the CCA coprocessor, from the request that libica sends to what it reads of
 * the reply. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "crypto/ec.h"
#include "crypto/firmware.h"

#include "ec_request.h"
#include "unit.h"

static const struct crypto_card cca = {.mode = CRYPTO_CCA, .serial = "99EA6076        "};
static uint8_t request_room[2048];
static struct buffer request;
static const uint8_t hash[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static int setup(void **state)
{
    request = buffer_of(request_room, sizeof(request_room));
    return 0;
}

static struct span reply_to(const struct crypto_card *card)
{
    static const uint8_t secret[32] = "secret";
    static uint8_t message[4096], room[CRYPTO_REPLY_BYTES];
    struct buffer out = buffer_of(message, sizeof(message)), reply = buffer_of(room, sizeof(room));
    struct type6 t = {.agent = {'C', 'A'}, .control = buffer_span(&request), .reply_control = 2048};
    struct crypto_domain d;

    memcpy(t.function, request.data + CPRBX_BYTES, 2);
    assert_int_equal(type6_format(&t, true, &out), 0);
    assert_int_equal(crypto_domain_derive(secret, AP_QN(6, 4), 0, &d), 0);
    assert_int_equal(crypto_answer(card, &d, buffer_span(&out), NULL, &reply), 0);
    return buffer_span(&reply);
}

/* Sends the request; the code is rtcode << 16 | rscode. */
static uint32_t ask(struct span *params)
{
    struct outcome o = type86_judge_cprb(reply_to(&cca), CPRBX_VERSION);
    struct cprbx c;

    assert_int_equal(o.error, 0);
    assert_int_equal(cprbx_parse_reply(o.control, &c), 0);
    if (params)
        *params = c.params;
    return (uint32_t)o.rtcode << 16 | o.rscode;
}

#define GOOD      0u
#define NO_MATCH  (4u << 16 | 429)
#define KEYWORD   (8u << 16 | 33)
#define LENGTH    (8u << 16 | 72)
#define SERVICE   (8u << 16 | 90)
#define BAD_TOKEN (8u << 16 | 770)
#define IMPROPER  (12u << 16 | 769)

struct pair {
    uint8_t d[CCA_EC_BYTES_MAX], q[EC_POINT_BYTES_MAX];
    struct span private, public;
};

/* What libica reads of a reply: ECKEYGEN_REPLY. */
static void generate(struct cca_ec_curve curve, struct pair *pair)
{
    size_t n = cca_ec_bytes(curve), at = 8 + 4 + 8;
    struct span p;

    ec_keygen(curve, &request);
    assert_int_equal(ask(&p), GOOD);
    assert_memory_equal(p.data, "PG\0\2\0\2", 6);
    assert_int_equal(be16_get(p.data + 6), p.len - 6);
    assert_int_equal(be16_get(p.data + 8), p.len - 8);
    assert_int_equal(be16_get(p.data + 14), p.len - 12);
    assert_int_equal(p.data[at + 9], curve.family);
    assert_int_equal(be16_get(p.data + at + 12), curve.bits);
    assert_int_equal(be16_get(p.data + at + 74), n);
    memcpy(pair->d, p.data + at + 76 + 16, n);
    at += be16_get(p.data + at + 2);
    assert_int_equal(be16_get(p.data + at + 12), 1 + 2 * n);
    memcpy(pair->q, p.data + at + 14, 1 + 2 * n);
    assert_int_equal(at + 14 + 1 + 2 * n, p.len);
    pair->private = span_of(pair->d, n);
    pair->public = span_of(pair->q, 1 + 2 * n);
}

static uint32_t sign(struct cca_ec_curve curve, const struct pair *pair, size_t hash_bytes,
                     uint8_t *signature)
{
    size_t bytes = 2 * cca_ec_bytes(curve);
    struct span p;
    uint32_t code;

    ec_sign_request(curve, pair->private, pair->public, span_of(hash, hash_bytes), &request);
    code = ask(&p);
    if (code)
        return code;
    assert_memory_equal(p.data, "SG\0\2", 4);
    assert_int_equal(be16_get(p.data + 4), bytes + 8);
    assert_int_equal(be16_get(p.data + 6), bytes + 6);
    assert_int_equal(be32_get(p.data + 8), 8 * bytes);
    assert_int_equal(p.len, 12 + bytes + 2);
    memcpy(signature, p.data + 12, bytes);
    return 0;
}

static uint32_t verify(struct cca_ec_curve curve, struct span q, struct span what,
                       const uint8_t *signature)
{
    ec_verify_request(curve, q, what, span_of(signature, 2 * cca_ec_bytes(curve)), &request);
    return ask(NULL);
}

static uint32_t derive(struct cca_ec_curve curve, struct span d, struct span q, uint8_t *x)
{
    size_t n = cca_ec_bytes(curve);
    struct span p;
    uint32_t code;

    ec_ecdh_request(curve, d, q, &request);
    code = ask(&p);
    if (code)
        return code;
    assert_memory_equal(p.data, "DH\0\2\0\x0e", 6);
    assert_int_equal(be16_get(p.data + 18), n + 6);
    assert_int_equal(be16_get(p.data + 20), n + 4);
    assert_int_equal(p.len, 24 + n);
    memcpy(x, p.data + 24, n);
    return 0;
}

static void all_curves(void **state)
{
    static const size_t hashes[] = {20, 28, 32, 48, 64};
    uint8_t signature[2 * CCA_EC_BYTES_MAX], x[2][CCA_EC_BYTES_MAX];

    for (size_t i = 0; i < EC_CURVES; i++) {
        struct cca_ec_curve curve = ec_curves[i];
        struct pair a, b;

        generate(curve, &a);
        generate(curve, &b);
        assert_memory_not_equal(a.d, b.d, a.private.len);
        for (size_t h = 0; h < ARRAY_LEN(hashes); h++) {
            struct span what = span_of(hash, hashes[h]);

            assert_int_equal(sign(curve, &a, what.len, signature), GOOD);
            assert_int_equal(verify(curve, a.public, what, signature), GOOD);
            assert_int_equal(verify(curve, b.public, what, signature), NO_MATCH);
            what.data++;
            assert_int_equal(verify(curve, a.public, what, signature), NO_MATCH);
        }
        assert_int_equal(derive(curve, a.private, b.public, x[0]), GOOD);
        assert_int_equal(derive(curve, b.private, a.public, x[1]), GOOD);
        assert_memory_equal(x[0], x[1], a.private.len);
    }
}

static size_t number(const char *hex, uint8_t *out)
{
    size_t len = strlen(hex) / 2;
    unsigned byte;

    for (size_t i = 0; i < len; i++) {
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return len;
}

static struct span point(const char *x, const char *y, uint8_t out[EC_POINT_BYTES_MAX])
{
    size_t n = number(x, out + 1);

    out[0] = 4;
    number(y, out + 1 + n);
    return span_of(out, 1 + 2 * n);
}

/* RFC 6979, A.2.5: P-256, SHA-256 of "sample". */
static void known_signature(void **state)
{
    static const struct cca_ec_curve p256 = {CCA_EC_PRIME, 256};
    uint8_t q[EC_POINT_BYTES_MAX], what[32], signature[64];
    struct span public =
        point("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
              "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299", q);

    number("AF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF", what);
    number("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
           "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
           signature);
    assert_int_equal(verify(p256, public, span_of(what, 32), signature), GOOD);
    signature[63] ^= 1;
    assert_int_equal(verify(p256, public, span_of(what, 32), signature), NO_MATCH);
}

/* RFC 5903, 8.1 (P-256), and RFC 7027, A.1 (brainpoolP256r1). */
static void known_secrets(void **state)
{
    static const struct {
        struct cca_ec_curve curve;
        const char *d, *x, *y, *secret;
    } cases[] = {{{CCA_EC_PRIME, 256},
                  "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
                  "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63",
                  "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
                  "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"},
                 {{CCA_EC_BRAINPOOL, 256},
                  "81DB1EE100150FF2EA338D708271BE38300CB54241D79950F77B063039804F1D",
                  "8D2D688C6CF93E1160AD04CC4429117DC2C41825E1E9FCA0ADDD34E6F1B39F7B",
                  "990C57520812BE512641E47034832106BC7D3E8DD0E4C7F1136D7006547CEC6A",
                  "89AFC39D41D3B327814B80940B042590F96556EC91E6AE7939BCE31F3A18BF2B"}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t d[32], q[EC_POINT_BYTES_MAX], want[32], x[CCA_EC_BYTES_MAX];
        struct span public = point(cases[i].x, cases[i].y, q);

        number(cases[i].d, d);
        number(cases[i].secret, want);
        assert_int_equal(derive(cases[i].curve, span_of(d, 32), public, x), GOOD);
        assert_memory_equal(x, want, 32);
    }
}

/* The order of P-256. */
#define ORDER "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"

static void private_keys_out_of_range(void **state)
{
    static const struct cca_ec_curve p256 = {CCA_EC_PRIME, 256};
    uint8_t signature[64], x[CCA_EC_BYTES_MAX];
    struct pair pair;

    generate(p256, &pair);
    number(ORDER, pair.d);
    assert_int_equal(sign(p256, &pair, 32, signature), BAD_TOKEN);
    assert_int_equal(derive(p256, pair.private, pair.public, x), BAD_TOKEN);
    pair.d[31]--;
    assert_int_equal(sign(p256, &pair, 32, signature), GOOD);
    assert_int_equal(derive(p256, pair.private, pair.public, x), GOOD);
    memset(pair.d, 0, 32);
    assert_int_equal(sign(p256, &pair, 32, signature), BAD_TOKEN);
    assert_int_equal(derive(p256, pair.private, pair.public, x), BAD_TOKEN);
    pair.d[31] = 1;
    assert_int_equal(sign(p256, &pair, 32, signature), GOOD);
    memset(pair.d, 0xff, 32);
    assert_int_equal(sign(p256, &pair, 32, signature), BAD_TOKEN);
}

static void points_off_the_curve(void **state)
{
    for (size_t i = 0; i < EC_CURVES; i++) {
        uint8_t signature[2 * CCA_EC_BYTES_MAX], x[CCA_EC_BYTES_MAX];
        struct pair pair;
        struct span what = span_of(hash, 32);

        generate(ec_curves[i], &pair);
        assert_int_equal(sign(ec_curves[i], &pair, 32, signature), GOOD);
        pair.q[pair.public.len - 1] ^= 1;
        assert_int_equal(sign(ec_curves[i], &pair, 32, x), BAD_TOKEN);
        assert_int_equal(verify(ec_curves[i], pair.public, what, signature), BAD_TOKEN);
        assert_int_equal(derive(ec_curves[i], pair.private, pair.public, x), BAD_TOKEN);
        memset(pair.q + 1, 0, pair.public.len - 1);
        assert_int_equal(derive(ec_curves[i], pair.private, pair.public, x), BAD_TOKEN);
        memset(pair.q + 1, 0xff, pair.public.len - 1);
        assert_int_equal(derive(ec_curves[i], pair.private, pair.public, x), BAD_TOKEN);
        pair.q[0] = 2;
        assert_int_equal(verify(ec_curves[i], pair.public, what, signature), BAD_TOKEN);
    }
}

/* A signature takes the private key alone; libica's caller may not know the other. */
static void no_public_key(void **state)
{
    for (size_t i = 0; i < EC_CURVES; i++) {
        uint8_t signature[2 * CCA_EC_BYTES_MAX], q[EC_POINT_BYTES_MAX];
        struct pair pair;

        generate(ec_curves[i], &pair);
        memcpy(q, pair.q, pair.public.len);
        memset(pair.q + 1, 0, pair.public.len - 1);
        assert_int_equal(sign(ec_curves[i], &pair, 32, signature), GOOD);
        assert_int_equal(verify(ec_curves[i], pair.public, span_of(hash, 32), signature),
                         BAD_TOKEN);
        memcpy(pair.q, q, pair.public.len);
        assert_int_equal(verify(ec_curves[i], pair.public, span_of(hash, 32), signature), GOOD);
    }
}

static void signatures_that_cannot_be(void **state)
{
    static const struct cca_ec_curve p256 = {CCA_EC_PRIME, 256};
    uint8_t good[64], bad[64];
    struct pair pair;

    generate(p256, &pair);
    assert_int_equal(sign(p256, &pair, 32, good), GOOD);
    for (unsigned half = 0; half < 64; half += 32) {
        memcpy(bad, good, 64);
        memset(bad + half, 0, 32);
        assert_int_equal(verify(p256, pair.public, span_of(hash, 32), bad), IMPROPER);
        number(ORDER, bad + half);
        assert_int_equal(verify(p256, pair.public, span_of(hash, 32), bad), IMPROPER);
        memset(bad + half, 0xff, 32);
        assert_int_equal(verify(p256, pair.public, span_of(hash, 32), bad), IMPROPER);
        number(ORDER, bad + half);
        bad[half + 31]--;
        assert_int_equal(verify(p256, pair.public, span_of(hash, 32), bad), NO_MATCH);
    }
}

static void unknown_curves(void **state)
{
    static const struct cca_ec_curve unknown[] = {{CCA_EC_PRIME, 160},     {CCA_EC_PRIME, 0},
                                                  {CCA_EC_PRIME, 65535},   {CCA_EC_BRAINPOOL, 521},
                                                  {CCA_EC_BRAINPOOL, 257}, {2, 256}};

    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        ec_keygen(unknown[i], &request);
        assert_int_equal(ask(NULL), BAD_TOKEN);
    }
}

static void keywords(void **state)
{
    static const struct cca_ec_curve p256 = {CCA_EC_PRIME, 256};
    uint8_t x[CCA_EC_BYTES_MAX];
    struct pair pair;

    generate(p256, &pair);
    assert_int_equal(derive(p256, pair.private, pair.public, x), GOOD);
    memcpy(request.data + CPRBX_BYTES + 4, "DERIV01 ", 8);
    assert_int_equal(ask(NULL), KEYWORD);
    ec_keygen(p256, &request);
    memcpy(request.data + CPRBX_BYTES + 4, "MASTER  ", 8); /* a secure key */
    assert_int_equal(ask(NULL), KEYWORD);
    sign(p256, &pair, 32, request_room + 1024);
    memcpy(request.data + CPRBX_BYTES + 4, "ISO-9796", 8);
    assert_int_equal(ask(NULL), KEYWORD);
}

static void hashes_of_other_lengths(void **state)
{
    static const struct cca_ec_curve p256 = {CCA_EC_PRIME, 256};
    uint8_t signature[64];
    struct pair pair;

    generate(p256, &pair);
    assert_int_equal(sign(p256, &pair, 20, signature), GOOD);
    for (size_t len = 0; len < 64; len++) {
        bool good = len == 20 || len == 28 || len == 32 || len == 48;

        assert_int_equal(sign(p256, &pair, len, signature), good ? GOOD : LENGTH);
        if (!good)
            assert_int_equal(verify(p256, pair.public, span_of(hash, len), signature), LENGTH);
    }
}

/* Whatever field of a request is damaged, the reply is a code, and nothing else of it is said. */
static void every_byte_damaged(void **state)
{
    static const struct cca_ec_curve p256 = {CCA_EC_PRIME, 256};
    uint8_t good[2048], signature[64];
    struct pair pair;

    generate(p256, &pair);
    assert_int_equal(sign(p256, &pair, 32, signature), GOOD);
    for (unsigned what = 0; what < 4; what++) {
        if (what == 0)
            ec_keygen(p256, &request);
        else if (what == 1)
            ec_sign_request(p256, pair.private, pair.public, span_of(hash, 32), &request);
        else if (what == 2)
            ec_verify_request(p256, pair.public, span_of(hash, 32), span_of(signature, 64),
                              &request);
        else
            ec_ecdh_request(p256, pair.private, pair.public, &request);
        memcpy(good, request.data, request.len);
        for (size_t at = CPRBX_BYTES; at < request.len; at++) {
            struct span params;
            uint32_t code;

            request.data[at] ^= 0xff;
            code = ask(&params);
            assert_true(code == GOOD || code >> 16 == 8 || code == NO_MATCH || code == IMPROPER);
            if (code)
                assert_int_equal(params.len, 4);
            request.data[at] = good[at];
        }
    }
}

/* The domain's keys are not needed: clear keys. The other modes know nothing of them. */
static void other_modes(void **state)
{
    const struct crypto_card accelerator = {.mode = CRYPTO_ACCELERATOR};
    const struct crypto_card ep11 = {.mode = CRYPTO_EP11, .api_ordinal = 4};

    ec_keygen(ec_curves[0], &request);
    assert_int_equal(reply_to(&accelerator).data[1], 0x88);
    assert_int_equal(reply_to(&accelerator).data[4], ERROR_MESSAGE_TYPE);
    assert_int_equal(reply_to(&ep11).data[1], 0x82);
    assert_int_equal(reply_to(&ep11).data[4], ERROR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_curves),
        cmocka_unit_test(known_signature),
        cmocka_unit_test(known_secrets),
        cmocka_unit_test(private_keys_out_of_range),
        cmocka_unit_test(points_off_the_curve),
        cmocka_unit_test(no_public_key),
        cmocka_unit_test(signatures_that_cannot_be),
        cmocka_unit_test(unknown_curves),
        cmocka_unit_test(keywords),
        cmocka_unit_test(hashes_of_other_lengths),
        cmocka_unit_test(every_byte_damaged),
        cmocka_unit_test(other_modes),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
