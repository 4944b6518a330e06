/* SPDX-License-Identifier: MIT */
#include "message/type50.h"

#include <errno.h>

#define KEYBLOCK_CRT 0x0010u

/* Key block types number the sizes: 1 for 128 bytes, 2 for 256, 3 for 512. */
static size_t size_of_class(unsigned size_class)
{
    return size_class >= 1 && size_class <= 3 ? (size_t)64 << size_class : 0;
}

static size_t request_length(bool crt, size_t size)
{
    return TYPE50_HEADER_BYTES + (crt ? 5 * size / 2 + size : 3 * size);
}

static void parse_operands(struct reader *r, size_t size, struct rsa_request *rsa)
{
    if (rsa->crt) {
        rsa->key.p = reader_span(r, size / 2);
        rsa->key.q = reader_span(r, size / 2);
        rsa->key.dp = reader_span(r, size / 2);
        rsa->key.dq = reader_span(r, size / 2);
        rsa->key.u = reader_span(r, size / 2);
    } else {
        rsa->me.exponent = reader_span(r, size);
        rsa->me.modulus = reader_span(r, size);
    }
    rsa->input = reader_span(r, size);
}

int type50_parse(struct span message, struct type50_request *out)
{
    struct type50_request request = {0};
    struct reader r = reader_of(message);
    struct span header = reader_span(&r, TYPE50_HEADER_BYTES);
    unsigned keyblock;

    if (r.short_input)
        return -EMSGSIZE;
    if (header.data[0] != 0 || header.data[1] != 0x50)
        return -EBADMSG;
    if (be16_get(header.data + 2) != message.len)
        return -EMSGSIZE;
    keyblock = be16_get(header.data + 8);
    request.rsa.crt = keyblock & KEYBLOCK_CRT;
    request.size = size_of_class(keyblock & ~KEYBLOCK_CRT);
    if (!request.size)
        return -ENOTSUP;
    if (message.len != request_length(request.rsa.crt, request.size))
        return -EMSGSIZE;
    parse_operands(&r, request.size, &request.rsa);
    *out = request;
    return 0;
}

static unsigned class_of_length(size_t n)
{
    return n <= 128 ? 1 : n <= 256 ? 2 : 3;
}

int type50_format(const struct rsa_request *rsa, struct buffer *out)
{
    size_t start = out->len, size, part;
    unsigned size_class;

    if (rsa_request_check(rsa) < 0)
        return -EINVAL;
    size_class = class_of_length(rsa->input.len);
    size = size_of_class(size_class);
    buffer_add_u16(out, 0x0050);
    buffer_add_u16(out, (uint16_t)request_length(rsa->crt, size));
    buffer_add_u32(out, 0);
    buffer_add_u16(out, (uint16_t)(size_class | (rsa->crt ? KEYBLOCK_CRT : 0)));
    buffer_extend(out, 6);
    if (rsa->crt) {
        /* Without the padding: only the s significant bytes go into the message. */
        part = rsa_crt_short(rsa->input.len);
        buffer_add_number(out, span_last(rsa->key.p, part), size / 2);
        buffer_add_number(out, rsa->key.q, size / 2);
        buffer_add_number(out, span_last(rsa->key.dp, part), size / 2);
        buffer_add_number(out, rsa->key.dq, size / 2);
        buffer_add_number(out, span_last(rsa->key.u, part), size / 2);
    } else {
        buffer_add_number(out, rsa->me.exponent, size);
        buffer_add_number(out, rsa->me.modulus, size);
    }
    buffer_add_number(out, rsa->input, size);
    return buffer_finish(out, start);
}

int type80_format(size_t size, struct buffer *out, uint8_t **result)
{
    size_t start = out->len;
    uint8_t *reply = buffer_extend(out, TYPE80_HEADER_BYTES + size);

    if (!reply)
        return buffer_finish(out, start);
    reply[1] = REPLY_TYPE80;
    be16_put(reply + 2, (uint16_t)(TYPE80_HEADER_BYTES + size));
    *result = reply + TYPE80_HEADER_BYTES;
    return 0;
}

struct outcome type50_judge(struct span reply, size_t n)
{
    struct outcome o = {0};
    size_t length;

    if (reply.len < 4 || reply.data[1] != REPLY_TYPE80)
        return error_reply_judge(reply);
    length = be16_get(reply.data + 2);
    if (length != reply.len || length > TYPE80_BYTES_MAX) {
        o.error = -EMSGSIZE;
    } else if (length < TYPE80_HEADER_BYTES + n) {
        o.error = -EAGAIN;
        o.offline = true;
    } else {
        o.data = span_last(reply, n);
    }
    return o;
}
