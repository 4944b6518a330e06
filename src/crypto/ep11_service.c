/* SPDX-License-Identifier: MIT */
/* The firmware of an EP11 coprocessor: queries and random numbers. */
#include <errno.h>

#include <openssl/rand.h>

#include "crypto/services.h"

/* EP11 return values: those of PKCS #11, and IBM's from 0x80010000 (ep11.h of openCryptoki). */
enum {
    RETURN_OK = 0,
    RETURN_FUNCTION_FAILED = 6,
    RETURN_ARGUMENTS_BAD = 7,
    RETURN_DATA_LEN_RANGE = 0x21,
    RETURN_NOT_SUPPORTED = 0x54,
};
#define RETURN_API_MISMATCH 0x80010013u

#define PAYLOAD_MAX 8192u
#define RANDOM_MAX  4096u

struct call {
    const struct crypto_card *card;
    const struct crypto_domain *domain;
    struct ep11_payload request;
    uint8_t data[RANDOM_MAX]; /* what the reply returns */
    size_t data_bytes;
};

static uint32_t query_module(struct call *c, struct buffer *data)
{
    struct ep11_module_info info = {.api_ordinal = c->card->api_ordinal,
                                    .firmware_major = c->card->firmware_major,
                                    .firmware_minor = c->card->firmware_minor,
                                    .op_modes = c->card->op_modes,
                                    .domains = c->card->domains,
                                    .max_payload = PAYLOAD_MAX};

    memcpy(info.serial, c->card->serial, sizeof(info.serial));
    ep11_module_format(&info, data);
    return RETURN_OK;
}

static uint32_t query_domain(struct call *c, struct buffer *data)
{
    struct ep11_domain_info info = {.index = c->domain->index, .flags = EP11_DOMAIN_READY};

    info.op_modes = c->card->op_modes;
    if (c->domain->wrapping_valid) {
        info.flags |= EP11_DOMAIN_CURRENT;
        if (crypto_wrapping_pattern(c->domain, info.current) < 0)
            return RETURN_FUNCTION_FAILED;
    }
    ep11_domain_format(&info, data);
    return RETURN_OK;
}

/* Sub-queries of a module are not supported. */
static uint32_t get_info(struct call *c)
{
    struct buffer data = buffer_of(c->data, sizeof(c->data));
    uint32_t type, subtype, result = RETURN_ARGUMENTS_BAD;

    if (ep11_octets_parse_u32(&c->request.rest, &type) < 0 ||
        ep11_octets_parse_u32(&c->request.rest, &subtype) < 0 || subtype)
        return RETURN_ARGUMENTS_BAD;
    if (type == EP11_QUERY_MODULE || type == EP11_QUERY_API)
        result = query_module(c, &data);
    else if (type == EP11_QUERY_DOMAIN)
        result = query_domain(c, &data);
    c->data_bytes = type == EP11_QUERY_API ? EP11_API_BYTES : data.len;
    return result;
}

static uint32_t generate_random(struct call *c)
{
    uint32_t bytes;

    if (ep11_octets_parse_u32(&c->request.rest, &bytes) < 0 || !bytes)
        return RETURN_ARGUMENTS_BAD;
    if (bytes > sizeof(c->data))
        return RETURN_DATA_LEN_RANGE;
    if (RAND_bytes(c->data, (int)bytes) != 1)
        return RETURN_FUNCTION_FAILED;
    c->data_bytes = bytes;
    return RETURN_OK;
}

static uint32_t run(struct call *c, uint8_t flags)
{
    if (!c->request.api || c->request.api > c->card->api_ordinal ||
        c->request.function < EP11_FUNCTION_MIN || c->request.function > EP11_FUNCTION_MAX)
        return RETURN_API_MISMATCH;
    if (flags & EP11_FLAG_ADMIN)
        return RETURN_NOT_SUPPORTED;
    switch (c->request.function) {
    case EP11_GET_INFO:
        return get_info(c);
    case EP11_GENERATE_RANDOM:
        return generate_random(c);
    default:
        return RETURN_NOT_SUPPORTED;
    }
}

static uint8_t answer(struct call *c, const struct ep11_cprb *cprb, uint32_t room,
                      struct buffer *reply)
{
    uint32_t result = run(c, cprb->flags);
    struct ep11_cprb block = *cprb;
    struct type86_writer w;
    size_t at, payload;

    block.payload = (struct span){0};
    block.return_code = 0;
    type86_start(&w, reply);
    at = reply->len;
    if (ep11_format(&block, reply) < 0)
        return ERROR_TRUNCATED;
    payload = ep11_payload_start(c->request.api, c->request.function, c->request.domain, reply);
    ep11_octets_add_u32(result, reply);
    if (result == RETURN_OK)
        ep11_octets_add(span_of(c->data, c->data_bytes), reply);
    ep11_payload_finish(payload, reply);
    buffer_set_u32(reply, at + 28, (uint32_t)(reply->len - payload));
    if (!reply->overflow && reply->len - at > room)
        return ERROR_TRUNCATED;
    return type86_finish(&w, reply) < 0 ? ERROR_TRUNCATED : 0;
}

uint8_t ep11_answer(const struct crypto_card *card, const struct crypto_domain *domain,
                    const struct type6 *request, struct buffer *reply)
{
    struct call c = {.card = card, .domain = domain};
    struct ep11_cprb cprb;

    if (request->agent[0] != 'X' || request->agent[1] != 'C')
        return ERROR_MALFORMED;
    switch (ep11_parse(request->control, &cprb)) {
    case 0:
        break;
    case -EMSGSIZE:
        return ERROR_LENGTH;
    default:
        return ERROR_MALFORMED;
    }
    if (ep11_payload_parse(cprb.payload, &c.request) < 0)
        return ERROR_MALFORMED;
    if (!(cprb.flags & EP11_FLAG_ADMIN) &&
        (cprb.target != domain->index || c.request.domain != domain->index))
        return ERROR_INVALID_DOMAIN;
    return answer(&c, &cprb, request->reply_control, reply);
}
