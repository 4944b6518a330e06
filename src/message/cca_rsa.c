/* SPDX-License-Identifier: MIT */
/* Clear-key RSA with CCA: the PKA key token in requests, and the services PK and PD. */
#include "message/cca.h"

#include <errno.h>

#include "message/cca_token.h"

#define SECTION_PUBLIC 0x04u
#define SECTION_CRT    0x08u
#define PUBLIC_BYTES   12u
#define CRT_BYTES      132u
#define KEYBLOCK_BYTES 6u
/* Room for the reply of an ME or CRT request (0x77C without the 88 of a header
 * [messages-cca-rsa]). */
#define RSA_REPLY_BYTES (0x77cu - TYPE6_HEADER_BYTES)

static int parse_public(struct span section, struct rsa_request *rsa)
{
    struct reader r = reader_of(section);
    uint16_t exponent, modulus;

    reader_span(&r, 6);
    exponent = reader_u16(&r);
    reader_u16(&r); /* modulus length in bits; the one in bytes is used */
    modulus = reader_u16(&r);
    rsa->me.exponent = reader_span(&r, exponent);
    rsa->me.modulus = reader_span(&r, modulus);
    if (r.short_input)
        return -EMSGSIZE;
    return exponent && modulus ? 0 : -EINVAL;
}

static int parse_crt(struct span section, struct rsa_request *rsa)
{
    struct reader r = reader_of(section);
    uint16_t len[5];

    reader_span(&r, 54);
    for (unsigned i = 0; i < 5; i++)
        len[i] = reader_u16(&r);
    reader_span(&r, CRT_BYTES - 64);
    rsa->key.p = reader_span(&r, len[0]);
    rsa->key.q = reader_span(&r, len[1]);
    rsa->key.dp = reader_span(&r, len[2]);
    rsa->key.dq = reader_span(&r, len[3]);
    rsa->key.u = reader_span(&r, len[4]);
    if (r.short_input)
        return -EMSGSIZE;
    return len[0] && len[1] && len[2] && len[3] && len[4] ? 0 : -EINVAL;
}

int cca_rsa_parse(const struct cca_params *params, struct rsa_request *out)
{
    struct rsa_request rsa = {.crt = cca_function_is(params->function, "PD")};
    struct reader r = reader_of(params->rest);
    uint16_t input = reader_u16(&r);
    struct span sections, section;
    int error;

    if (input < 2)
        return -EMSGSIZE;
    rsa.input = reader_span(&r, input - 2u);
    reader_span(&r, KEYBLOCK_BYTES); /* blen and ulen are unused [messages-cca-rsa] */
    error = cca_token_sections(&r, &sections);
    if (!error && !rsa.input.len)
        error = -EINVAL;
    if (!error)
        error = cca_token_section(sections, rsa.crt ? SECTION_CRT : SECTION_PUBLIC, &section);
    if (!error)
        error = rsa.crt ? parse_crt(section, &rsa) : parse_public(section, &rsa);
    if (!error)
        *out = rsa;
    return error;
}

static void add_public(size_t section, size_t exponent, size_t n, size_t modulus,
                       struct buffer *out)
{
    buffer_add_u8(out, SECTION_PUBLIC);
    buffer_add_u8(out, 0);
    buffer_add_u16(out, (uint16_t)section);
    buffer_add_u16(out, 0);
    buffer_add_u16(out, (uint16_t)exponent);
    buffer_add_u16(out, (uint16_t)(8 * n));
    buffer_add_u16(out, (uint16_t)modulus);
}

static void add_me_key(const struct rsa_request *rsa, struct buffer *out)
{
    size_t n = rsa->input.len, section = PUBLIC_BYTES + 2 * n,
           token = section + CCA_TOKEN_HEAD_BYTES;

    /* The same sums as in the driver [messages-cca-rsa]. */
    buffer_add_u16(out, (uint16_t)(token + 6));
    buffer_add_u16(out, (uint16_t)(token + 4));
    buffer_add_u16(out, 0);
    cca_token_start(token, out);
    add_public(section, n, n, n, out);
    buffer_add_span(out, rsa->me.exponent);
    buffer_add_span(out, rsa->me.modulus);
}

static void add_crt_section(const struct rsa_request *rsa, size_t material, size_t pad,
                            struct buffer *out)
{
    size_t n = rsa->input.len, s = rsa_crt_short(n), l = rsa_crt_long(n);
    uint8_t *h = buffer_extend(out, CRT_BYTES), *modulus;

    if (!h)
        return;
    h[0] = SECTION_CRT;
    be16_put(h + 2, (uint16_t)(CRT_BYTES + material));
    h[28] = 0x40;
    h[50] = 0x80;
    be16_put(h + 54, (uint16_t)l);
    be16_put(h + 56, (uint16_t)s);
    be16_put(h + 58, (uint16_t)l);
    be16_put(h + 60, (uint16_t)s);
    be16_put(h + 62, (uint16_t)l);
    be16_put(h + 64, (uint16_t)n);
    be16_put(h + 70, (uint16_t)pad);
    buffer_add_span(out, rsa->key.p);
    buffer_add_span(out, rsa->key.q);
    buffer_add_span(out, rsa->key.dp);
    buffer_add_span(out, rsa->key.dq);
    buffer_add_span(out, rsa->key.u);
    buffer_extend(out, pad);
    /* The card computes the modulus itself. */
    modulus = buffer_extend(out, n);
    if (modulus)
        memset(modulus, 0xff, n);
}

static void add_crt_key(const struct rsa_request *rsa, struct buffer *out)
{
    static const uint8_t exponent[] = {1, 0, 1};
    size_t n = rsa->input.len, s = rsa_crt_short(n), l = rsa_crt_long(n);
    size_t pad = -(3 * l + 2 * s) & 7, material = 3 * l + 2 * s + pad + n;
    size_t area = KEYBLOCK_BYTES + CCA_TOKEN_HEAD_BYTES + CRT_BYTES + material + PUBLIC_BYTES + 3;

    buffer_add_u16(out, (uint16_t)area);
    buffer_add_u16(out, (uint16_t)(area - 2));
    buffer_add_u16(out, 0);
    cca_token_start(area - KEYBLOCK_BYTES, out);
    add_crt_section(rsa, material, pad, out);
    add_public(PUBLIC_BYTES + sizeof(exponent), sizeof(exponent), n, 0, out);
    buffer_add(out, exponent, sizeof(exponent));
}

/* The headers are filled in afterwards, into reserved room, so that no operand is copied twice. */
static void fill_envelope(uint8_t *h, const char *function, bool crt, uint16_t domain,
                          size_t params)
{
    struct type6 request = {.agent = {'C', 'A'}, .reply_control = RSA_REPLY_BYTES};
    struct cprbx c = {.func_id = {'T', '2'}, .domain = domain};
    struct buffer envelope = buffer_of(h, TYPE6_HEADER_BYTES + CPRBX_BYTES);

    memcpy(request.function, function, 2);
    type6_format(&request, false, &envelope);
    c.reply_bytes = crt ? (uint32_t)params : RSA_REPLY_BYTES;
    cprbx_format(&c, &envelope);
    be32_put(h + 56, (uint32_t)(CPRBX_BYTES + params));
    be32_put(h + TYPE6_HEADER_BYTES + 12, (uint32_t)params);
}

int cca_rsa_format(const struct rsa_request *rsa, uint16_t domain, struct buffer *out)
{
    const size_t envelope = TYPE6_HEADER_BYTES + CPRBX_BYTES;
    const char *function = rsa->crt ? "PD" : "PK";
    size_t start = out->len;
    int r;

    if (rsa_request_check(rsa) < 0)
        return -EINVAL;
    buffer_extend(out, envelope);
    cca_params_start(function, rsa->crt ? "ZERO-PAD" : "MRP", out);
    buffer_add_u16(out, (uint16_t)(rsa->input.len + 2));
    buffer_add_span(out, rsa->input);
    if (rsa->crt)
        add_crt_key(rsa, out);
    else
        add_me_key(rsa, out);
    r = buffer_finish(out, start);
    if (!r)
        fill_envelope(out->data + start, function, rsa->crt, domain, out->len - start - envelope);
    return r;
}

void cca_rsa_format_reply(const uint8_t function[2], size_t len, struct buffer *out,
                          uint8_t **result)
{
    buffer_add(out, function, 2);
    buffer_add_u16(out, 2);
    buffer_add_u16(out, (uint16_t)(len + 2));
    *result = buffer_extend(out, len);
    buffer_add_u16(out, 0); /* an empty key block [messages-type86] */
}
