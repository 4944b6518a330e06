/* SPDX-License-Identifier: MIT */
#include "message/keyless.h"

#include "message/cca_ec.h"
#include "message/ep11.h"
#include "message/type50.h"

/* What ep11_set_domain reads: the heads of the SEQUENCE, of the function and of the domain. */
#define EP11_HEAD_BYTES 18u

static bool blank(uint8_t *at, size_t len)
{
    bool any = false;

    for (size_t i = 0; i < len; i++)
        any |= at[i] != 0;
    if (any)
        memset(at, 0, len);
    return any;
}

static bool blank_from(uint8_t *bytes, size_t len, size_t from)
{
    return from < len && blank(bytes + from, len - from);
}

/* A span that was parsed from what bytes points to. */
static bool blank_span(struct span s, uint8_t *bytes)
{
    return s.len && blank(bytes + (s.data - (const uint8_t *)bytes), s.len);
}

bool rsa_is_private(const struct rsa_request *r)
{
    struct span e = r->me.exponent;

    while (!r->crt && e.len && !*e.data)
        e = span_of(e.data + 1, e.len - 1);
    return r->crt || e.len > RSA_PUBLIC_EXPONENT_BYTES;
}

static bool blank_rsa(const struct rsa_request *r, uint8_t *bytes)
{
    const struct span parts[] = {r->key.p, r->key.q, r->key.dp, r->key.dq, r->key.u};
    bool any = false;

    if (!rsa_is_private(r))
        return false;
    if (!r->crt)
        return blank_span(r->me.exponent, bytes);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        any |= blank_span(parts[i], bytes);
    return any;
}

/* Random numbers, queries, and keys that are generated, or wrapped with a master key. */
static bool is_without_keys(const uint8_t function[2])
{
    static const char *const services[] = {"RL", "FQ", "KG", "US"};

    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (cca_function_is(function, services[i]))
            return true;
    return false;
}

static bool blank_ec(const struct cca_ec_request *r, uint8_t *bytes)
{
    bool any = blank_span(r->d, bytes);

    return blank_span(r->ignored_d, bytes) || any;
}

/* Of a service whose keys are known; otherwise *known becomes false. */
static bool blank_params(const struct cca_params *params, uint8_t *control, bool *known)
{
    struct cca_ec_request ec;
    struct rsa_request rsa;
    bool is_rsa =
        cca_function_is(params->function, "PK") || cca_function_is(params->function, "PD");

    if (is_without_keys(params->function))
        return false;
    if (is_rsa && cca_rsa_parse(params, &rsa) == 0)
        return blank_rsa(&rsa, control);
    if (cca_ec_is(params->function) && cca_ec_parse(params, &ec) == 0)
        return blank_ec(&ec, control);
    *known = false;
    return false;
}

bool keyless_cca(uint8_t *control, size_t len, uint8_t *data, size_t data_len)
{
    struct cca_params params;
    struct cprbx block;
    bool any, known = true;

    if (cprbx_parse(span_of(control, len), &block) < 0) {
        any = blank(control, len);
        return blank(data, data_len) || any;
    }
    if (cca_params_parse(block.params, &params) == 0) {
        any = blank_params(&params, control, &known);
        if (known)
            return any;
    }
    /* The letters of the service stay. */
    any = blank_from(control, len, CPRBX_BYTES + 2);
    return blank(data, data_len) || any;
}

static bool keyless_ep11_block(uint8_t *control, size_t len)
{
    struct ep11_payload payload;
    struct ep11_cprb block;

    if (ep11_parse(span_of(control, len), &block) < 0)
        return blank(control, len);
    if (ep11_payload_parse(block.payload, &payload) < 0)
        return blank_from(control, len, EP11_CPRB_BYTES + EP11_HEAD_BYTES);
    if (payload.function == EP11_GENERATE_RANDOM || payload.function == EP11_GET_INFO)
        return false;
    return blank_span(payload.rest, control);
}

bool keyless_ep11(uint8_t *control, size_t len, uint8_t *data, size_t data_len)
{
    bool any = keyless_ep11_block(control, len);

    return blank(data, data_len) || any;
}

/* An empty block is nowhere. */
static uint8_t *place_of(struct span block, uint8_t *message)
{
    return block.len ? message + (block.data - (const uint8_t *)message) : message;
}

static bool keyless_type6(uint8_t *message, const struct type6 *m)
{
    return (m->agent[0] == 'X' ? keyless_ep11 : keyless_cca)(
        place_of(m->control, message), m->control.len, place_of(m->data, message), m->data.len);
}

bool keyless_message(uint8_t *message, size_t len)
{
    struct type50_request request;
    struct type6 coprocessor;

    if (type6_parse(span_of(message, len), &coprocessor) == 0)
        return keyless_type6(message, &coprocessor);
    if (type50_parse(span_of(message, len), &request) == 0)
        return blank_rsa(&request.rsa, message);
    return blank_from(message, len, TYPE50_HEADER_BYTES);
}

bool keyless_reply_control(uint8_t *control, size_t len)
{
    struct cca_ec_request pair;
    struct cca_params params;
    struct cprbx block;

    if (cprbx_parse_reply(span_of(control, len), &block) < 0 || block.rtcode ||
        cca_params_parse(block.params, &params) < 0 || !cca_function_is(params.function, "PG"))
        return false;
    if (cca_ec_parse_keygen_reply(&params, &pair) < 0)
        return blank_from(control, len, CPRBX_BYTES + 2);
    return blank_span(pair.d, control);
}

bool keyless_reply(uint8_t *message, size_t len)
{
    struct outcome o = type86_judge_cprb(span_of(message, len), CPRBX_VERSION);

    return !o.error && keyless_reply_control(place_of(o.control, message), o.control.len);
}
