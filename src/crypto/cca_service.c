/* SPDX-License-Identifier: MIT */
/* The firmware of a CCA coprocessor: services that are called by a T2 request block. */
#include <errno.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "crypto/cca_call.h"
#include "crypto/services.h"

#define MODULUS_BYTES_MIN 16u

static struct cca_code code_of_parse(int error)
{
    return error == -EMSGSIZE ? code(8, 72) : code(8, 770);
}

static struct cca_code code_of_compute(int error)
{
    switch (error) {
    case 0:
        return code(0, 0);
    case -EDOM:
        return code(8, 65);
    case -ERANGE:
        return code(8, 66);
    case -EINVAL:
        return code(8, 770);
    default:
        return code(12, 769);
    }
}

static struct cca_code rsa(struct cca_call *c)
{
    struct rsa_request r;
    uint8_t *result;
    int error;

    if (!cca_rules_have(c->params.rules, "MRP") && !cca_rules_have(c->params.rules, "ZERO-PAD"))
        return code(8, 33);
    error = cca_rsa_parse(&c->params, &r);
    if (error)
        return code_of_parse(error);
    if (r.input.len < MODULUS_BYTES_MIN || r.input.len > RSA_BYTES_MAX)
        return code(8, 65);
    cca_rsa_format_reply(c->params.function, r.input.len, c->reply, &result);
    if (!result)
        return code(0, 0); /* the caller detects the overflow at the end */
    return code_of_compute(modexp_compute(&r, c->kept, result, r.input.len));
}

static struct cca_code random_number(struct cca_call *c)
{
    if (!cca_rules_have(c->params.rules, "RANDOM"))
        return code(8, 33);
    if (!c->cprbx.reply_data_bytes)
        return code(8, 72);
    c->random_bytes = c->cprbx.reply_data_bytes;
    buffer_add(c->reply, "RL", 2);
    buffer_add_u16(c->reply, 2);
    return code(0, 0);
}

static struct cca_code facility_query(struct cca_call *c)
{
    bool with_apka = cca_rules_have(c->params.rules, "STATICSB");
    struct cca_info info = {0};

    if (!with_apka && !cca_rules_have(c->params.rules, "STATICSA"))
        return code(8, 33);
    memcpy(info.serial, c->card->serial, CCA_SERIAL_BYTES);
    if (crypto_domain_info(c->domain, &info) < 0)
        return code(12, 769);
    cca_query_format_reply(&info, with_apka, c->reply);
    return code(0, 0);
}

static struct cca_code wrap(struct cca_call *c, struct span clear)
{
    uint8_t token[CCA_TOKEN_BYTES];
    struct cca_code result = crypto_token_wrap(c->domain, clear, token);

    if (!result.rtcode)
        cca_key_format_reply(c->params.function, span_of(token, sizeof(token)), c->reply);
    return result;
}

static struct cca_code generate_key(struct cca_call *c)
{
    uint8_t clear[CRYPTO_KEY_BYTES];
    struct cca_code result = code(12, 769);
    size_t len;
    int error = cca_keygen_parse(&c->params, &len);

    if (error)
        return error == -EMSGSIZE ? code(8, 72) : code(8, 33);
    if (RAND_priv_bytes(clear, (int)len) == 1)
        result = wrap(c, span_of(clear, len));
    OPENSSL_cleanse(clear, sizeof(clear));
    return result;
}

static struct cca_code import_key(struct cca_call *c)
{
    struct span clear;

    if (!cca_rules_have(c->params.rules, "AES"))
        return code(8, 33);
    if (cca_import_parse(&c->params, &clear) < 0)
        return code(8, 72);
    return wrap(c, clear);
}

static struct cca_code unwrap_key(struct cca_call *c)
{
    uint8_t clear[CRYPTO_KEY_BYTES], key[CRYPTO_KEY_BYTES], pattern[CCA_PATTERN_BYTES];
    struct cca_code result;
    struct span token;
    size_t len = 0;

    if (cca_unwrap_parse(&c->params, &token) < 0)
        return code(8, 72);
    result = crypto_token_unwrap(c->domain, token, clear, &len);
    if (!result.rtcode) {
        struct cca_protected_key protected = {span_of(key, len), span_of(pattern, sizeof(pattern)),
                                              (unsigned)len};

        if (crypto_protect(c->domain, span_of(clear, len), key, pattern) < 0)
            result = code(12, 769);
        else
            cca_unwrap_format_reply(&protected, c->reply);
    }
    OPENSSL_cleanse(clear, sizeof(clear));
    return result;
}

/* Anything else is a request to administer the domain. */
static bool is_service(const struct cca_call *c)
{
    return c->cprbx.func_id[0] == 'T' && c->cprbx.func_id[1] == '2';
}

static struct cca_code run(struct cca_call *c)
{
    static const struct {
        const char *name;
        struct cca_code (*run)(struct cca_call *c);
    } services[] = {
        {"PK", rsa},          {"PD", rsa},        {"RL", random_number}, {"FQ", facility_query},
        {"KG", generate_key}, {"CM", import_key}, {"US", unwrap_key},    {"PG", cca_ec},
        {"SG", cca_ec},       {"SV", cca_ec},     {"DH", cca_ec}};

    if (!is_service(c))
        return code(8, 90);
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (cca_function_is(c->params.function, services[i].name))
            return services[i].run(c);
    return code(8, 90);
}

/* zcrypt reads a length after the rule array of ME and CRT replies even if they failed. */
static void add_failure_params(const uint8_t function[2], struct buffer *reply)
{
    buffer_add(reply, function, 2);
    buffer_add_u16(reply, 2);
    if (cca_function_is(function, "PK") || cca_function_is(function, "PD"))
        buffer_add_u16(reply, 0);
}

static uint8_t add_random(struct cca_call *c, struct type86_writer *w, size_t at)
{
    uint8_t *data;

    if (c->random_bytes > c->type6->reply_data)
        return ERROR_TRUNCATED;
    cprbx_set_reply_data(at, (uint32_t)c->random_bytes, c->reply);
    type86_start_data(w, c->reply);
    data = buffer_extend(c->reply, c->random_bytes);
    if (!data)
        return ERROR_TRUNCATED;
    return RAND_bytes(data, (int)c->random_bytes) == 1 ? 0 : ERROR_MACHINE_FAILURE;
}

static uint8_t answer(struct cca_call *c)
{
    struct cca_code result = code(8, 35);
    struct type86_writer w;
    uint8_t error;
    size_t at, params;

    type86_start(&w, c->reply);
    at = cprbx_start_reply(&c->cprbx, c->reply);
    params = c->reply->len;
    if (cca_params_parse(c->cprbx.params, &c->params) == 0)
        result = run(c);
    else
        memcpy(c->params.function, c->type6->function, 2);
    if (result.rtcode) {
        c->reply->len = params;
        c->random_bytes = 0;
        add_failure_params(c->params.function, c->reply);
    }
    cprbx_set_codes(at, result.rtcode, result.rscode, c->reply);
    cprbx_finish_reply(at, c->reply);
    if (!c->reply->overflow && c->reply->len - at > c->type6->reply_control)
        return ERROR_TRUNCATED;
    if (c->random_bytes) {
        error = add_random(c, &w, at);
        if (error)
            return error;
    }
    return type86_finish(&w, c->reply) < 0 ? ERROR_TRUNCATED : 0;
}

uint8_t cca_answer(const struct crypto_card *card, const struct crypto_domain *domain,
                   const struct type6 *request, struct modexp_kept *kept, struct buffer *reply)
{
    struct cca_call c = {
        .card = card, .domain = domain, .type6 = request, .kept = kept, .reply = reply};

    if (request->agent[0] != 'C' || request->agent[1] != 'A')
        return ERROR_MALFORMED;
    switch (cprbx_parse(request->control, &c.cprbx)) {
    case 0:
        break;
    case -EMSGSIZE:
        return ERROR_LENGTH;
    default:
        return ERROR_MALFORMED;
    }
    if (is_service(&c) && c.cprbx.domain != domain->index)
        return ERROR_INVALID_DOMAIN;
    return answer(&c);
}
