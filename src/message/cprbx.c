/* SPDX-License-Identifier: MIT */
#include "message/cprbx.h"

#include <errno.h>

/* Offsets of fields. */
enum {
    AT_VERSION = 2,
    AT_FUNC_ID = 6,
    AT_FLAGS = 8,
    AT_REQUEST_PARAMS = 12,
    AT_REPLY_BYTES = 20,
    AT_REPLIED_PARAMS = 24,
    AT_REPLY_DATA = 28,
    AT_REPLIED_DATA = 32,
    AT_REQUEST_ADDRESS = 56,
    AT_REPLY_ADDRESS = 88,
    AT_RTCODE = 144,
    AT_RSCODE = 146,
    AT_DOMAIN = 170,
};

static int parse(struct span control, unsigned at_params, struct cprbx *out)
{
    const uint8_t *b = control.data;
    struct cprbx c = {0};
    size_t params;

    if (control.len < CPRBX_BYTES)
        return -EMSGSIZE;
    if (be16_get(b) != CPRBX_BYTES || b[AT_VERSION] != CPRBX_VERSION)
        return -EINVAL;
    params = be32_get(b + at_params);
    if (params > control.len - CPRBX_BYTES)
        return -EMSGSIZE;
    memcpy(c.func_id, b + AT_FUNC_ID, sizeof(c.func_id));
    c.flags = be32_get(b + AT_FLAGS);
    c.reply_bytes = be32_get(b + AT_REPLY_BYTES);
    c.reply_data_bytes = be32_get(b + AT_REPLY_DATA);
    c.request_address = be64_get(b + AT_REQUEST_ADDRESS);
    c.reply_address = be64_get(b + AT_REPLY_ADDRESS);
    c.domain = be16_get(b + AT_DOMAIN);
    c.rtcode = be16_get(b + AT_RTCODE);
    c.rscode = be16_get(b + AT_RSCODE);
    c.params = span_of(b + CPRBX_BYTES, params);
    c.raw = span_of(b, CPRBX_BYTES);
    *out = c;
    return 0;
}

int cprbx_parse(struct span control, struct cprbx *out)
{
    return parse(control, AT_REQUEST_PARAMS, out);
}

int cprbx_parse_reply(struct span control, struct cprbx *out)
{
    return parse(control, AT_REPLIED_PARAMS, out);
}

int cprbx_format(const struct cprbx *c, struct buffer *out)
{
    size_t start = out->len;
    uint8_t *b = buffer_extend(out, CPRBX_BYTES);

    if (b) {
        be16_put(b, CPRBX_BYTES);
        b[AT_VERSION] = CPRBX_VERSION;
        memcpy(b + AT_FUNC_ID, c->func_id, sizeof(c->func_id));
        be32_put(b + AT_FLAGS, c->flags);
        be32_put(b + AT_REQUEST_PARAMS, (uint32_t)c->params.len);
        be32_put(b + AT_REPLY_BYTES, c->reply_bytes);
        be32_put(b + AT_REPLY_DATA, c->reply_data_bytes);
        be64_put(b + AT_REQUEST_ADDRESS, c->request_address);
        be64_put(b + AT_REPLY_ADDRESS, c->reply_address);
        be16_put(b + AT_DOMAIN, c->domain);
    }
    buffer_add_span(out, c->params);
    return buffer_finish(out, start);
}

void cprbx_set_domain(uint8_t block[CPRBX_BYTES], uint16_t domain)
{
    be16_put(block + AT_DOMAIN, domain);
}

size_t cprbx_start_reply(const struct cprbx *request, struct buffer *out)
{
    size_t at = out->len;

    buffer_add_span(out, request->raw);
    buffer_set_u32(out, at + AT_REPLIED_DATA, 0);
    cprbx_set_codes(at, 0, 0, out);
    return at;
}

void cprbx_finish_reply(size_t at, struct buffer *out)
{
    if (!out->overflow)
        buffer_set_u32(out, at + AT_REPLIED_PARAMS, (uint32_t)(out->len - at - CPRBX_BYTES));
}

void cprbx_set_codes(size_t at, uint16_t rtcode, uint16_t rscode, struct buffer *out)
{
    buffer_set_u16(out, at + AT_RTCODE, rtcode);
    buffer_set_u16(out, at + AT_RSCODE, rscode);
}

void cprbx_set_reply_data(size_t at, uint32_t bytes, struct buffer *out)
{
    buffer_set_u32(out, at + AT_REPLIED_DATA, bytes);
}
