/* SPDX-License-Identifier: MIT */
/* Accelerators and CCA coprocessors answer: each operation from the driver's request to its
 * judgement of the reply. */
#include "firmware_world.h"

/* Requests of both forms on both kinds of adapter give OpenSSL's results. */
static void rsa_results(void **state)
{
    static const unsigned sizes[] = {512, 1024, 2048, 4096};

    for (size_t i = 0; i < 4; i++) {
        uint8_t input[512], want[512], message[4096];
        struct rsa_key k;

        rsa_key_make(&k, sizes[i]);
        memset(input, 0x3c, k.n);
        input[0] = 0;
        rsa_key_reference(&k, true, input, want);
        for (unsigned form = 0; form < 2; form++) {
            struct rsa_request r = rsa_key_crt(&k, input);
            struct buffer out = buffer_of(message, sizeof(message));
            struct outcome o;

            if (form)
                r = rsa_request_me(k.n, input, k.private_exponent, k.modulus);
            assert_int_equal(type50_format(&r, &out), 0);
            o = type50_judge(ask(&accelerator, buffer_span(&out)), k.n);
            assert_int_equal(o.error, 0);
            assert_memory_equal(o.data.data, want, k.n);
            out = buffer_of(message, sizeof(message));
            assert_int_equal(cca_rsa_format(&r, DOMAIN, &out), 0);
            o = type86_judge_rsa(ask(&cca, buffer_span(&out)), k.n);
            assert_int_equal(o.error, 0);
            assert_int_equal(o.data.len, k.n);
            assert_memory_equal(o.data.data, want, k.n);
        }
        EVP_PKEY_free(k.pkey);
    }
}

static void accelerator_refusals(void **state)
{
    const struct crypto_card old = {.mode = CRYPTO_ACCELERATOR};
    uint8_t big[512] = {0}, message[TYPE50_BYTES_MAX];
    struct buffer out = buffer_of(message, sizeof(message));
    struct rsa_request r = rsa_request_me(512, big, big, big);
    struct small s = small_make();

    assert_int_equal(type50_judge(ask(&accelerator, small_type50(&s)), 64).data.data[63], 8);
    s.modulus[63] = 0xe0;
    assert_error(ask(&accelerator, small_type50(&s)), 0x88, 0x85);
    s = small_make();
    memset(s.input, 0xff, 64);
    assert_error(ask(&accelerator, small_type50(&s)), 0x88, 0x82);
    s = small_make();
    s.exponent[63] = 0;
    assert_error(ask(&accelerator, small_type50(&s)), 0x88, 0x82);
    assert_error(ask(&accelerator, span_of(message, 0)), 0x88, 0x23);
    assert_int_equal(type50_format(&r, &out), 0);
    assert_error(ask(&old, buffer_span(&out)), 0x88, 0x84);
    assert_error(ask(&accelerator, span_of(message, out.len - 1)), 0x88, 0x23);
    message[9] = 0x21;
    assert_error(ask(&accelerator, buffer_span(&out)), 0x88, 0x34);
    out = buffer_of(message, sizeof(message));
    assert_int_equal(cca_random_format(DOMAIN, 16, &out), 0);
    assert_error(ask(&accelerator, buffer_span(&out)), 0x88, 0x20);
}

static void cca_rsa_refusals(void **state)
{
    struct small s = small_make();
    uint8_t message[1024], tiny[15] = {0};
    struct rsa_request r = rsa_request_me(15, tiny, tiny, tiny);
    struct buffer out = buffer_of(message, sizeof(message));
    struct span reply, request;

    s.modulus[63] = 0xe0;
    reply = ask(&cca, small_cca(&s, message, sizeof(message)));
    assert_service(reply, 8, 65);
    /* The driver reads a length of 0 after the rule array, and blames the request. */
    assert_int_equal(reply.len, 274);
    assert_int_equal(type86_judge_rsa(reply, 64).error, -EINVAL);
    s = small_make();
    memset(s.input, 0xff, 64);
    assert_service(ask(&cca, small_cca(&s, message, sizeof(message))), 8, 66);
    s = small_make();
    memset(s.exponent, 0, 64);
    assert_service(ask(&cca, small_cca(&s, message, sizeof(message))), 8, 770);
    s = small_make();
    request = small_cca(&s, message, sizeof(message));
    memcpy(message + PARAMS_AT + 4, "PKCS-1.2", 8);
    assert_service(ask(&cca, request), 8, 33);
    memcpy(message + PARAMS_AT + 4, "ZERO-PAD", 8);
    assert_service(ask(&cca, request), 0, 0);
    message[PARAMS_AT + 3] = 9;
    assert_service(ask(&cca, request), 8, 35);
    message[PARAMS_AT + 3] = 10;
    be16_put(message + PARAMS_AT + 12, 60000);
    assert_service(ask(&cca, request), 8, 72);
    assert_int_equal(cca_rsa_format(&r, DOMAIN, &out), 0);
    assert_service(ask(&cca, buffer_span(&out)), 8, 65);
}

static void envelope_refusals(void **state)
{
    struct small s = small_make();
    uint8_t message[1024];
    struct span request = small_cca(&s, message, sizeof(message));

    assert_error(ask(&cca, span_of(message, 50)), 0x82, 0x80);
    assert_error(ask(&cca, span_of(message, request.len - 1)), 0x82, 0x80);
    assert_error(ask(&cca, small_type50(&s)), 0x82, 0x20);
    assert_error(ask(&ep11, small_type50(&s)), 0x82, 0x20);
    assert_error(ask(&ep11, request), 0x82, 0x40);
    message[33] = 'B';
    assert_error(ask(&cca, request), 0x82, 0x40);
    message[33] = 'A';
    message[TYPE6_HEADER_BYTES + 2] = 1;
    assert_error(ask(&cca, request), 0x82, 0x40);
    message[TYPE6_HEADER_BYTES + 2] = 2;
    message[TYPE6_HEADER_BYTES + 171] = DOMAIN + 1;
    assert_error(ask(&cca, request), 0x82, 0x8a);
    message[TYPE6_HEADER_BYTES + 171] = DOMAIN;
    be32_put(message + TYPE6_HEADER_BYTES + 12, 100000);
    assert_error(ask(&cca, request), 0x82, 0x80);
    request = small_cca(&s, message, sizeof(message));
    be32_put(message + 72, CPRBX_BYTES + 10);
    assert_error(ask(&cca, request), 0x82, 0xa0);
    request = small_cca(&s, message, sizeof(message));
    memcpy(message + PARAMS_AT, "QQ", 2);
    assert_service(ask(&cca, request), 8, 90);
    message[TYPE6_HEADER_BYTES + 7] = '3';
    assert_service(ask(&cca, request), 8, 90);
}

/* A command for another domain arrives only if that is a control domain, so the service is what is
 * missing. */
static void administration(void **state)
{
    uint8_t message[1024];
    struct small s = small_make();
    struct span request = small_cca(&s, message, sizeof(message));

    for (char id = '3'; id <= '7'; id++) {
        message[TYPE6_HEADER_BYTES + 7] = (uint8_t)id;
        message[TYPE6_HEADER_BYTES + 171] = DOMAIN + 1;
        assert_service(ask(&cca, request), 8, 90);
    }
}

static void random_numbers(void **state)
{
    uint8_t message[512], first[64];
    struct buffer out = buffer_of(message, sizeof(message));
    struct outcome o;

    assert_int_equal(cca_random_format(DOMAIN, 4096, &out), 0);
    o = type86_judge_random(ask(&cca, buffer_span(&out)));
    assert_int_equal(o.error, 0);
    assert_int_equal(o.data.len, 4096);
    memcpy(first, o.data.data, sizeof(first));
    o = type86_judge_random(ask(&cca, buffer_span(&out)));
    assert_memory_not_equal(o.data.data, first, sizeof(first));
    be32_put(message + 76, 4095); /* the driver's buffer is too small */
    assert_error(ask(&cca, buffer_span(&out)), 0x82, 0xa0);
    out.len = 0;
    assert_int_equal(cca_random_format(DOMAIN, CRYPTO_REPLY_BYTES, &out), 0);
    assert_error(ask(&cca, buffer_span(&out)), 0x82, 0xa0);
    out.len = 0;
    assert_int_equal(cca_random_format(DOMAIN, 0, &out), 0);
    assert_service(ask(&cca, buffer_span(&out)), 8, 72);
}

static void facility_queries(void **state)
{
    static const char *const keywords[] = {"STATICSA", "STATICSB"};
    const struct crypto_domain d = domain_of(DOMAIN, 0);
    struct cca_info want = {0};
    struct outcome o;

    memcpy(want.serial, "99EA6076", 8);
    assert_int_equal(crypto_domain_info(&d, &want), 0);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t room[CCA_QUERY_CONTROL_BYTES];
        struct buffer control = buffer_of(room, sizeof(room));
        struct cca_info info = {0};

        assert_int_equal(cca_query_format(DOMAIN, keywords[i], 0, &control), 0);
        assert_int_equal(cca_query_parse_reply(ask_control(&d, &control, &o), i == 1, &info), 0);
        assert_int_equal(o.rtcode, 0);
        assert_memory_equal(info.serial, "99EA6076", 8);
        assert_int_equal(info.keys[CCA_AES][CCA_CURRENT].state, '2');
        assert_memory_equal(info.keys[CCA_AES][CCA_CURRENT].pattern,
                            want.keys[CCA_AES][CCA_CURRENT].pattern, 8);
        if (i == 1)
            assert_memory_equal(info.keys[CCA_APKA][CCA_CURRENT].pattern,
                                want.keys[CCA_APKA][CCA_CURRENT].pattern, 8);
        memcpy(room + CPRBX_BYTES + 4, "STATXXXX", 8);
        ask_control(&d, &control, &o);
        assert_int_equal(o.rtcode, 8);
        assert_int_equal(o.rscode, 33);
    }
}

static void copy_token(struct span params, uint8_t token[CCA_TOKEN_BYTES])
{
    struct span t;

    assert_int_equal(cca_key_parse_reply(params, &t), 0);
    assert_int_equal(t.len, CCA_TOKEN_BYTES);
    memcpy(token, t.data, t.len);
}

/* Generated and imported keys can be converted to protected keys in their own domain only. */
static void secure_keys(void **state)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0), zeroized = domain_of(DOMAIN, 1);
    static const uint8_t clear[32] = "0123456789abcdef0123456789abcdef";
    uint8_t room[1024], token[CCA_TOKEN_BYTES], back[32];
    struct cca_protected_key key;
    struct outcome o;

    for (size_t len = 16; len <= 32; len += 8) {
        for (unsigned import = 0; import < 2; import++) {
            struct buffer control = buffer_of(room, sizeof(room));

            if (import)
                assert_int_equal(cca_import_format(DOMAIN, span_of(clear, len), &control), 0);
            else
                assert_int_equal(cca_keygen_format(DOMAIN, len, &control), 0);
            copy_token(ask_control(&d, &control, &o), token);
            assert_int_equal(o.rtcode, 0);
            assert_int_equal(be16_get(token + 56), 8 * len);
            control.len = 0;
            assert_int_equal(cca_unwrap_format(DOMAIN, span_of(token, 64), &control), 0);
            assert_int_equal(cca_unwrap_parse_reply(ask_control(&d, &control, &o), &key), 0);
            assert_int_equal(key.clear_bytes, len);
            assert_int_equal(crypto_unprotect(&d, key.key, key.pattern, back), 0);
            if (import)
                assert_memory_equal(back, clear, len);
            ask_control(&zeroized, &control, &o);
            assert_int_equal(o.rtcode, 8);
            assert_int_equal(o.rscode, 48);
        }
    }
}

/* The kernel leaves the second key type zero (cca_genseckey); the manuals specify blanks. */
static void second_key_type_is_empty(void **state)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);
    uint8_t room[1024], token[CCA_TOKEN_BYTES], *type2 = room + CPRBX_BYTES + 6 + 3 * 8;
    struct buffer control = buffer_of(room, sizeof(room));
    struct outcome o;

    assert_int_equal(cca_keygen_format(DOMAIN, 32, &control), 0);
    memset(type2, 0, 8);
    copy_token(ask_control(&d, &control, &o), token);
    assert_int_equal(o.rtcode, 0);
    memset(type2, ' ', 8);
    copy_token(ask_control(&d, &control, &o), token);
    assert_int_equal(o.rtcode, 0);
    memcpy(type2, "AESDATA ", 8);
    ask_control(&d, &control, &o);
    assert_int_equal(o.rtcode, 8);
    assert_int_equal(o.rscode, 33);
}

static void secure_key_refusals(void **state)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);
    uint8_t room[1024];
    struct buffer control = buffer_of(room, sizeof(room));
    struct outcome o;

    assert_int_equal(cca_keygen_format(DOMAIN, 17, &control), -EINVAL);
    assert_int_equal(cca_import_format(DOMAIN, span_of(room, 31), &control), -EINVAL);
    assert_int_equal(cca_unwrap_format(DOMAIN, span_of(room, 63), &control), -EINVAL);
    assert_int_equal(cca_keygen_format(DOMAIN, 32, &control), 0);
    memcpy(room + CPRBX_BYTES + 6 + 8, "KEYLN99 ", 8);
    ask_control(&d, &control, &o);
    assert_int_equal(o.rscode, 33);
    control.len = CPRBX_BYTES + 10;
    be32_put(room + 12, 10);
    ask_control(&d, &control, &o);
    assert_int_equal(o.rscode, 72);
    control.len = 0;
    assert_int_equal(cca_import_format(DOMAIN, span_of("0123456789abcdef", 16), &control), 0);
    be16_put(room + CPRBX_BYTES + 12, 2 + 15);
    ask_control(&d, &control, &o);
    assert_int_equal(o.rscode, 72);
    memcpy(room + CPRBX_BYTES + 4, "DES     ", 8);
    ask_control(&d, &control, &o);
    assert_int_equal(o.rscode, 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsa_results),         cmocka_unit_test(accelerator_refusals),
        cmocka_unit_test(cca_rsa_refusals),    cmocka_unit_test(envelope_refusals),
        cmocka_unit_test(administration),      cmocka_unit_test(random_numbers),
        cmocka_unit_test(facility_queries),    cmocka_unit_test(secure_keys),
        cmocka_unit_test(secure_key_refusals), cmocka_unit_test(second_key_type_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
