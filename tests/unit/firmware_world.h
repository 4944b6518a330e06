/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_FIRMWARE_WORLD_H
#define APUS_TESTS_FIRMWARE_WORLD_H

/* Adapters, and requests to them. */

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

#define PARAMS_AT (TYPE6_HEADER_BYTES + CPRBX_BYTES)

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

static inline struct crypto_domain domain_of(unsigned apqi, uint64_t generation)
{
    static const uint8_t secret[32] = "secret";
    struct crypto_domain d;

    assert_int_equal(crypto_domain_derive(secret, AP_QN(6, apqi), generation, &d), 0);
    return d;
}

/* Sends one request through an adapter; the reply is valid until the next call. */
static inline struct span ask_domain(const struct crypto_card *card, const struct crypto_domain *d,
                                     struct span request)
{
    static uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer reply = buffer_of(room, sizeof(room));

    assert_int_equal(crypto_answer(card, d, request, NULL, &reply), 0);
    assert_true(reply.len >= ERROR_REPLY_BYTES);
    return buffer_span(&reply);
}

static inline struct span ask(const struct crypto_card *card, struct span request)
{
    const struct crypto_domain d = domain_of(DOMAIN, 0);

    return ask_domain(card, &d, request);
}

static inline void assert_error(struct span reply, uint8_t type, uint8_t code)
{
    assert_int_equal(reply.len, ERROR_REPLY_BYTES);
    assert_int_equal(reply.data[1], type);
    assert_int_equal(reply.data[4], code);
}

/* Short operands for refusals: n = 64, input 2, exponent 3, an odd modulus. */
struct small {
    uint8_t input[64], exponent[64], modulus[64];
};

static inline struct small small_make(void)
{
    struct small s = {{0}};

    s.input[63] = 2;
    s.exponent[63] = 3;
    memset(s.modulus, 0xe1, sizeof(s.modulus));
    return s;
}

static inline struct span small_type50(const struct small *s)
{
    static uint8_t message[TYPE50_BYTES_MAX];
    struct buffer out = buffer_of(message, sizeof(message));
    struct rsa_request r = rsa_request_me(64, s->input, s->exponent, s->modulus);

    assert_int_equal(type50_format(&r, &out), 0);
    return buffer_span(&out);
}

static inline struct span small_cca(const struct small *s, uint8_t *message, size_t room)
{
    struct buffer out = buffer_of(message, room);
    struct rsa_request r = rsa_request_me(64, s->input, s->exponent, s->modulus);

    assert_int_equal(cca_rsa_format(&r, DOMAIN, &out), 0);
    return buffer_span(&out);
}

static inline void assert_service(struct span reply, unsigned rtcode, unsigned rscode)
{
    struct outcome o = type86_judge_cprb(reply, CPRBX_VERSION);

    assert_int_equal(o.error, 0);
    assert_int_equal(o.rtcode, rtcode);
    assert_int_equal(o.rscode, rscode);
}

/* Sends the control block of an xcRB through the adapter; returns the reply's parameters. */
static inline struct span ask_control(const struct crypto_domain *d, struct buffer *control,
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

static inline void assert_refused(const struct crypto_card *card, struct span reply,
                                  const char *want)
{
    char name[CRYPTO_SERVICE_TEXT] = "";

    assert_int_equal(crypto_refused(card->mode, reply, name), want != NULL);
    if (want)
        assert_string_equal(name, want);
}

#endif
