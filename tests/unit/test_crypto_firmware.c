/* SPDX-License-Identifier: MIT */
/* Adapters answer: each operation from the driver's request to its judgement of the reply. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/refused.h"
#include "message/type50.h"

#include "rsa_key.h"

static const struct crypto_card accelerator = {
    .mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
static const struct crypto_card cca = {.mode = CRYPTO_CCA, .serial = "99EA6076        "};
static const struct crypto_card ep11 = {.mode = CRYPTO_EP11,
                                        .serial = "9998877766655544",
                                        .api_ordinal = 4,
                                        .firmware_major = 7,
                                        .firmware_minor = 24,
                                        .op_modes = 0x5,
                                        .domains = 16};

#define DOMAIN 4u

static struct crypto_domain domain_of(unsigned apqi, uint64_t generation)
{
    static const uint8_t secret[32] = "secret";
    struct crypto_domain d;

    assert_int_equal(crypto_domain_derive(secret, AP_QN(6, apqi), generation, &d), 0);
    return d;
}

/* Sends one request through an adapter; the reply is valid until the next call. */
static struct span ask_domain(const struct crypto_card *card, const struct crypto_domain *d,
                              struct span request)
{
    static uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer reply = buffer_of(room, sizeof(room));

    assert_int_equal(crypto_answer(card, d, request, NULL, &reply), 0);
    assert_true(reply.len >= ERROR_REPLY_BYTES);
    return buffer_span(&reply);
}

static struct span ask(const struct crypto_card *card, struct span request)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);

    return ask_domain(card, &d, request);
}

static void assert_error(struct span reply, uint8_t type, uint8_t code)
{
    assert_int_equal(reply.len, ERROR_REPLY_BYTES);
    assert_int_equal(reply.data[1], type);
    assert_int_equal(reply.data[4], code);
}

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

/* Short operands for refusals: n = 64, input 2, exponent 3, an odd modulus. */
struct small {
    uint8_t input[64], exponent[64], modulus[64];
};

static struct small small_make(void)
{
    struct small s = {{0}};

    s.input[63] = 2;
    s.exponent[63] = 3;
    memset(s.modulus, 0xe1, sizeof(s.modulus));
    return s;
}

static struct span small_type50(const struct small *s)
{
    static uint8_t message[TYPE50_BYTES_MAX];
    struct buffer out = buffer_of(message, sizeof(message));
    struct rsa_request r = rsa_request_me(64, s->input, s->exponent, s->modulus);

    assert_int_equal(type50_format(&r, &out), 0);
    return buffer_span(&out);
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

static struct span small_cca(const struct small *s, uint8_t *message, size_t room)
{
    struct buffer out = buffer_of(message, room);
    struct rsa_request r = rsa_request_me(64, s->input, s->exponent, s->modulus);

    assert_int_equal(cca_rsa_format(&r, DOMAIN, &out), 0);
    return buffer_span(&out);
}

static void assert_service(struct span reply, unsigned rtcode, unsigned rscode)
{
    struct outcome o = type86_judge_cprb(reply, CPRBX_VERSION);

    assert_int_equal(o.error, 0);
    assert_int_equal(o.rtcode, rtcode);
    assert_int_equal(o.rscode, rscode);
}

#define PARAMS_AT (TYPE6_HEADER_BYTES + CPRBX_BYTES)

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

/* Sends the control block of an xcRB through the adapter; returns the reply's parameters. */
static struct span ask_control(const struct crypto_domain *d, struct buffer *control,
                               struct outcome *o)
{
    static uint8_t message[8192];
    struct buffer out = buffer_of(message, sizeof(message));
    struct type6 request = {.agent = {'C', 'A'}, .control = buffer_span(control)};
    struct cprbx c;

    memcpy(request.function, control->data + CPRBX_BYTES, 2);
    request.reply_control = CCA_QUERY_CONTROL_BYTES;
    assert_int_equal(type6_format(&request, true, &out), 0);
    *o = type86_judge_cprb(ask_domain(&cca, d, buffer_span(&out)), CPRBX_VERSION);
    assert_int_equal(o->error, 0);
    assert_int_equal(cprbx_parse_reply(o->control, &c), 0);
    return c.params;
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

static struct span ask_ep11(struct buffer *control, uint32_t reply_bytes)
{
    static uint8_t message[512];
    struct buffer out = buffer_of(message, sizeof(message));

    assert_int_equal(ep11_format_message(buffer_span(control), reply_bytes, &out), 0);
    return ask(&ep11, buffer_span(&out));
}

/* Offsets of the last bytes of fields in the control block of a query. */
#define API_AT      (EP11_CPRB_BYTES + 4 + 3)
#define FUNCTION_AT (EP11_CPRB_BYTES + 4 + 5)
#define SUBTYPE_AT  (EP11_CPRB_BYTES + 4 + 6 + 6 + 6 + 5)

/* The return value of an EP11 function, and its data. */
static uint32_t ep11_result(struct span reply, struct span *data)
{
    struct outcome o = type86_judge_cprb(reply, EP11_VERSION);
    struct ep11_payload payload;
    struct ep11_cprb c;
    uint32_t value;

    assert_int_equal(o.error, 0);
    assert_int_equal(ep11_parse(o.control, &c), 0);
    assert_int_equal(c.return_code, 0);
    assert_int_equal(ep11_reply_parse(c.payload, &payload, &value), 0);
    assert_int_equal(payload.domain, DOMAIN);
    if (!value)
        assert_int_equal(ep11_octets_parse(&payload.rest, data), 0);
    return value;
}

static void assert_refused(const struct crypto_card *card, struct span reply, const char *want)
{
    char name[CRYPTO_SERVICE_TEXT] = "";

    assert_int_equal(crypto_refused(card->mode, reply, name), want != NULL);
    if (want)
        assert_string_equal(name, want);
}

/* What an adapter does not have has a name. */
static void services_that_are_missing(void **state)
{
    struct small s = small_make();
    uint8_t message[1024], room[128];
    struct span request = small_cca(&s, message, sizeof(message));
    struct buffer control = buffer_of(room, sizeof(room));

    assert_refused(&cca, ask(&cca, request), NULL);
    memcpy(message + PARAMS_AT, "SY", 2);
    assert_refused(&cca, ask(&cca, request), "CCA service SY (T2)");
    message[TYPE6_HEADER_BYTES + 7] = '3';
    assert_refused(&cca, ask(&cca, request), "CCA service SY (T3)");
    memcpy(message + PARAMS_AT, "\n\x7f", 2);
    assert_refused(&cca, ask(&cca, request), "CCA service 0x0a7f (T3)");
    message[0] = 1;
    assert_refused(&cca, ask(&cca, request), NULL); /* an error reply */
    assert_refused(&accelerator, ask(&accelerator, small_type50(&s)), NULL);
    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_API, &control), 0);
    assert_refused(&ep11, ask_ep11(&control, 1024), NULL);
    room[FUNCTION_AT] = 21;
    assert_refused(&ep11, ask_ep11(&control, 1024), "EP11 function GenerateKey");
    room[FUNCTION_AT] = 17;
    assert_refused(&ep11, ask_ep11(&control, 1024), "EP11 function 17");
    room[5] = EP11_FLAG_ADMIN;
    assert_refused(&ep11, ask_ep11(&control, 1024), "EP11 administration");
}

static void ep11_queries(void **state)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);
    struct ep11_module_info module;
    struct ep11_domain_info info;
    uint8_t room[128], pattern[32];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_MODULE, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(data.len, EP11_MODULE_BYTES);
    assert_int_equal(ep11_module_parse(data, &module), 0);
    assert_int_equal(module.api_ordinal, 4);
    assert_int_equal(module.firmware_major, 7);
    assert_int_equal(module.firmware_minor, 24);
    assert_memory_equal(module.serial, "9998877766655544", 16);
    assert_int_equal(module.op_modes, 5);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_DOMAIN, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(ep11_domain_parse(data, &info), 0);
    assert_int_equal(info.index, DOMAIN);
    assert_int_equal(info.flags, EP11_DOMAIN_READY | EP11_DOMAIN_CURRENT);
    assert_int_equal(crypto_wrapping_pattern(&d, pattern), 0);
    assert_memory_equal(info.current, pattern, 32);
    assert_error(ask_ep11(&control, 64), 0x82, 0xa0);
}

static void ep11_random_and_refusals(void **state)
{
    uint8_t room[128];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_random_format(DOMAIN, 100, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(data.len, 100);
    assert_memory_not_equal(data.data, (uint8_t[16]){0}, 16);
    control.len = 0;
    assert_int_equal(ep11_random_format(DOMAIN, 5000, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 8192), &data), 0x21);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN, (enum ep11_query)99, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 7);
    room[FUNCTION_AT] = 21; /* a function that the adapter does not support */
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x54);
    room[FUNCTION_AT] = 44; /* the highest function number */
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x54);
    room[32] = 0x31;
    assert_error(ask_ep11(&control, 1024), 0x82, 0x40);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN + 1, EP11_QUERY_MODULE, &control), 0);
    assert_error(ask_ep11(&control, 1024), 0x82, 0x8a);
}

/* Functions newer than the adapter, or none, give another error than unsupported ones. */
static void ep11_other_levels(void **state)
{
    uint8_t room[128];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_DOMAIN, &control), 0);
    room[API_AT] = 4;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    room[API_AT] = 5;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
    room[API_AT] = 0;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
    room[API_AT] = 1;
    room[FUNCTION_AT] = 45;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
    room[FUNCTION_AT] = 0;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0x80010013);
}

static void ep11_other_queries(void **state)
{
    uint8_t room[128];
    struct buffer control = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_API, &control), 0);
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 0);
    assert_int_equal(data.len, 8);
    assert_memory_equal(data.data, ((uint8_t[8]){[3] = 4}), 8);
    room[SUBTYPE_AT] = 1;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 7);
    control.len = 0;
    assert_int_equal(ep11_query_format(DOMAIN, EP11_QUERY_MODULE, &control), 0);
    room[SUBTYPE_AT] = 4;
    assert_int_equal(ep11_result(ask_ep11(&control, 1024), &data), 7);
}

/* With decreasing room there is still one whole reply, down to the size of an error reply. */
static void room_gets_short(void **state)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);
    struct small s = small_make();
    uint8_t message[1024], room[512];
    struct span requests[2] = {small_type50(&s), small_cca(&s, message, sizeof(message))};
    const struct crypto_card *cards[2] = {&accelerator, &cca};

    for (unsigned i = 0; i < 2; i++) {
        for (size_t space = 0; space <= sizeof(room); space++) {
            struct buffer reply = buffer_of(room, space);
            int r = crypto_answer(cards[i], &d, requests[i], NULL, &reply);

            assert_int_equal(r, space < ERROR_REPLY_BYTES ? -ENOSPC : 0);
            if (!r && room[1] != (i ? 0x86 : 0x80))
                assert_error(buffer_span(&reply), i ? 0x82 : 0x88, 0xa0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsa_results),
        cmocka_unit_test(accelerator_refusals),
        cmocka_unit_test(cca_rsa_refusals),
        cmocka_unit_test(envelope_refusals),
        cmocka_unit_test(administration),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(facility_queries),
        cmocka_unit_test(secure_keys),
        cmocka_unit_test(secure_key_refusals),
        cmocka_unit_test(services_that_are_missing),
        cmocka_unit_test(ep11_queries),
        cmocka_unit_test(ep11_random_and_refusals),
        cmocka_unit_test(second_key_type_is_empty),
        cmocka_unit_test(ep11_other_levels),
        cmocka_unit_test(ep11_other_queries),
        cmocka_unit_test(room_gets_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
