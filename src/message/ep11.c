/* SPDX-License-Identifier: MIT */
#include "message/ep11.h"

#include <errno.h>

#define TAG_SEQUENCE 0x30u
#define TAG_OCTETS   0x04u
#define WORD_FIELD   6u /* tag, length, four bytes */

int ep11_parse(struct span control, struct ep11_cprb *out)
{
    const uint8_t *b = control.data;
    struct ep11_cprb c = {0};
    size_t payload;

    if (control.len < EP11_CPRB_BYTES)
        return -EMSGSIZE;
    if (be16_get(b) != EP11_CPRB_BYTES || b[2] != EP11_VERSION || b[6] != 'T' || b[7] != '4')
        return -EINVAL;
    payload = be32_get(b + 28);
    if (payload > control.len - EP11_CPRB_BYTES)
        return -EMSGSIZE;
    c.flags = b[5];
    memcpy(c.func_id, b + 6, 2);
    c.source = be32_get(b + 8);
    c.target = be32_get(b + 12);
    c.return_code = be32_get(b + 16);
    c.payload = span_of(b + EP11_CPRB_BYTES, payload);
    *out = c;
    return 0;
}

int ep11_format(const struct ep11_cprb *c, struct buffer *out)
{
    size_t start = out->len;
    uint8_t *b = buffer_extend(out, EP11_CPRB_BYTES);

    if (b) {
        be16_put(b, EP11_CPRB_BYTES);
        b[2] = EP11_VERSION;
        b[5] = c->flags;
        memcpy(b + 6, c->func_id, 2);
        be32_put(b + 8, c->source);
        be32_put(b + 12, c->target);
        be32_put(b + 16, c->return_code);
        be32_put(b + 28, (uint32_t)c->payload.len);
    }
    buffer_add_span(out, c->payload);
    return buffer_finish(out, start);
}

int ep11_set_domain(uint8_t *control, size_t len, uint32_t domain)
{
    size_t at = EP11_CPRB_BYTES + 1, length_bytes = 1;

    if (len < at + 1)
        return -EMSGSIZE;
    if (control[at] & 0x80) {
        unsigned form = control[at] & 3;

        if (form != 1 && form != 2)
            return -EINVAL;
        length_bytes = form + 1;
    }
    at += length_bytes;
    if (len < at + 2 * WORD_FIELD)
        return -EMSGSIZE;
    if (control[at] != TAG_OCTETS || control[at + 1] != 4 ||
        control[at + WORD_FIELD] != TAG_OCTETS || control[at + WORD_FIELD + 1] != 4)
        return -EINVAL;
    be32_put(control + 12, domain);
    be32_put(control + at + WORD_FIELD + 2, domain);
    return 0;
}

int ep11_format_message(struct span control, uint32_t reply_bytes, struct buffer *out)
{
    struct type6 request = {.agent = {'X', 'C'}, .request_id = 1, .control = control};

    request.reply_control = reply_bytes;
    return type6_format(&request, true, out);
}

/* Parses a value with the given tag; its length may have one, two or three bytes. */
static int parse_value(struct span *rest, uint8_t tag, struct span *out)
{
    struct reader r = reader_of(*rest);
    uint8_t found = reader_u8(&r), form = reader_u8(&r);
    size_t len = form;
    struct span value;

    if (form == 0x81)
        len = reader_u8(&r);
    else if (form == 0x82)
        len = reader_u16(&r);
    if (r.short_input)
        return -EMSGSIZE;
    if (found != tag || form == 0x80 || form > 0x82)
        return -EINVAL;
    value = reader_span(&r, len);
    if (r.short_input)
        return -EMSGSIZE;
    *rest = r.left;
    *out = value;
    return 0;
}

int ep11_octets_parse(struct span *rest, struct span *out)
{
    return parse_value(rest, TAG_OCTETS, out);
}

int ep11_octets_parse_u32(struct span *rest, uint32_t *out)
{
    struct span left = *rest, value;
    int r = parse_value(&left, TAG_OCTETS, &value);

    if (r < 0)
        return r;
    if (value.len != 4)
        return -EINVAL;
    *rest = left;
    *out = be32_get(value.data);
    return 0;
}

int ep11_payload_parse(struct span payload, struct ep11_payload *out)
{
    struct ep11_payload p = {0};
    uint32_t function;
    int r = parse_value(&payload, TAG_SEQUENCE, &p.rest);

    if (!r)
        r = ep11_octets_parse_u32(&p.rest, &function);
    if (!r)
        r = ep11_octets_parse_u32(&p.rest, &p.domain);
    if (r < 0)
        return r;
    p.api = (uint16_t)(function >> 16);
    p.function = (uint16_t)function;
    *out = p;
    return 0;
}

int ep11_reply_parse(struct span payload, struct ep11_payload *out, uint32_t *return_value)
{
    struct ep11_payload p;
    int r = ep11_payload_parse(payload, &p);

    if (!r)
        r = ep11_octets_parse_u32(&p.rest, return_value);
    if (!r)
        *out = p;
    return r;
}

void ep11_octets_add(struct span octets, struct buffer *out)
{
    buffer_add_u8(out, TAG_OCTETS);
    buffer_add_u8(out, 0x82);
    buffer_add_u16(out, (uint16_t)octets.len);
    buffer_add_span(out, octets);
}

void ep11_octets_add_u32(uint32_t v, struct buffer *out)
{
    buffer_add_u8(out, TAG_OCTETS);
    buffer_add_u8(out, 4);
    buffer_add_u32(out, v);
}

size_t ep11_payload_start(uint16_t api, uint16_t function, uint32_t domain, struct buffer *out)
{
    size_t at = out->len;

    buffer_add_u8(out, TAG_SEQUENCE);
    buffer_add_u8(out, 0x82);
    buffer_add_u16(out, 0);
    ep11_octets_add_u32((uint32_t)api << 16 | function, out);
    ep11_octets_add_u32(domain, out);
    return at;
}

void ep11_payload_finish(size_t at, struct buffer *out)
{
    if (out->len - at > 4 + UINT16_MAX)
        out->overflow = true;
    buffer_set_u16(out, at + 2, (uint16_t)(out->len - at - 4));
}

static int format_request(uint32_t domain, struct buffer *payload, struct buffer *out)
{
    struct ep11_cprb c = {.func_id = {'T', '4'}, .target = domain};

    if (buffer_finish(payload, 0) < 0)
        return -ENOSPC;
    c.payload = buffer_span(payload);
    return ep11_format(&c, out);
}

int ep11_query_format(uint32_t domain, enum ep11_query type, struct buffer *out)
{
    uint8_t room[64];
    struct buffer payload = buffer_of(room, sizeof(room));
    size_t at = ep11_payload_start(1, EP11_GET_INFO, domain, &payload);

    ep11_octets_add_u32(type, &payload);
    ep11_octets_add_u32(0, &payload);
    ep11_payload_finish(at, &payload);
    return format_request(domain, &payload, out);
}

int ep11_random_format(uint32_t domain, uint32_t bytes, struct buffer *out)
{
    uint8_t room[64];
    struct buffer payload = buffer_of(room, sizeof(room));
    size_t at = ep11_payload_start(1, EP11_GENERATE_RANDOM, domain, &payload);

    ep11_octets_add_u32(bytes, &payload);
    ep11_payload_finish(at, &payload);
    return format_request(domain, &payload, out);
}
