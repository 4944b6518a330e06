/* SPDX-License-Identifier: MIT */
#include "message/type6.h"

#include <errno.h>

#include "message/cprbx.h"

/* The card does not support public exponents over 17 bits with a modulus over 2048 bits. */
#define RSCODE_EXPONENT 0x14fu

static int parse_block(struct span message, uint32_t offset, uint32_t len, struct span *out)
{
    if (len == 0) {
        *out = (struct span){0};
        return 0;
    }
    if (offset < TYPE6_HEADER_BYTES)
        return -EINVAL;
    if (offset > message.len || len > message.len - offset)
        return -EMSGSIZE;
    *out = span_of(message.data + offset, len);
    return 0;
}

int type6_parse(struct span message, struct type6 *out)
{
    const uint8_t *h = message.data;
    struct type6 request = {0};
    int r;

    if (message.len < TYPE6_HEADER_BYTES)
        return -EMSGSIZE;
    if (h[0] != 0 || h[1] != 6)
        return -EBADMSG;
    if (be32_get(h + 64) || be32_get(h + 68))
        return -EINVAL;
    memcpy(request.agent, h + 32, 2);
    request.request_id = be16_get(h + 48);
    memcpy(request.function, h + 52, 2);
    request.reply_control = be32_get(h + 72);
    request.reply_data = be32_get(h + 76);
    r = parse_block(message, be32_get(h + 16), be32_get(h + 56), &request.control);
    if (r < 0)
        return r;
    r = parse_block(message, be32_get(h + 20), be32_get(h + 60), &request.data);
    if (r < 0)
        return r;
    *out = request;
    return 0;
}

int type6_format(const struct type6 *request, bool pad_control, struct buffer *out)
{
    size_t start = out->len;
    uint8_t *h = buffer_extend(out, TYPE6_HEADER_BYTES);

    if (!h)
        return buffer_finish(out, start);
    h[1] = 6;
    be32_put(h + 16, TYPE6_HEADER_BYTES);
    memcpy(h + 32, request->agent, 2);
    be16_put(h + 48, request->request_id);
    memcpy(h + 52, request->function, 2);
    be32_put(h + 56, (uint32_t)request->control.len);
    be32_put(h + 60, (uint32_t)request->data.len);
    be32_put(h + 72, request->reply_control);
    be32_put(h + 76, request->reply_data);
    buffer_add_span(out, request->control);
    if (pad_control || request->data.len)
        buffer_extend(out, -request->control.len & 3);
    if (request->data.len)
        be32_put(h + 20, (uint32_t)(out->len - start));
    buffer_add_span(out, request->data);
    return buffer_finish(out, start);
}

void type86_start(struct type86_writer *w, struct buffer *out)
{
    *w = (struct type86_writer){.start = out->len};
    buffer_extend(out, TYPE86_HEADER_BYTES);
}

void type86_start_data(struct type86_writer *w, struct buffer *out)
{
    w->control_end = out->len;
    buffer_extend(out, -(out->len - w->start) & 3);
    w->data_start = out->len;
}

int type86_finish(const struct type86_writer *w, struct buffer *out)
{
    size_t control_end = w->data_start ? w->control_end : out->len;
    size_t data_start = w->data_start ? w->data_start : out->len;
    int r = buffer_finish(out, w->start);
    uint8_t *h;

    if (r < 0)
        return r;
    h = out->data + w->start;
    h[1] = REPLY_TYPE86;
    h[2] = 2;
    be32_put(h + 16, (uint32_t)(control_end - w->start - TYPE86_HEADER_BYTES));
    be32_put(h + 20, TYPE86_HEADER_BYTES);
    /* Even without data: drivers up to Linux 6.1 take everything up to the data's end for the
     * reply. */
    be32_put(h + 24, (uint32_t)(out->len - data_start));
    be32_put(h + 28, (uint32_t)(data_start - w->start));
    return 0;
}

static struct outcome failed(int error, bool offline)
{
    return (struct outcome){.error = error, .offline = offline, .status = XCRB_STATUS_ERROR};
}

/* Judges a type 86 header with a reply code; the caller of an xcRB gets apfs as status. */
static struct outcome judge_reply_code(const uint8_t *h)
{
    struct outcome o = {.code = h[4], .error = error_code_errno(h[4])};

    o.status = be32_get(h + 12);
    return o;
}

static bool is_type86(struct span reply, size_t min)
{
    return reply.len >= min && reply.data[1] == REPLY_TYPE86;
}

struct outcome type86_judge_cprb(struct span reply, uint8_t version)
{
    const uint8_t *h = reply.data;
    uint64_t count1, offset1, count2, offset2, end;
    struct outcome o = {0};

    if (!is_type86(reply, TYPE86_HEADER_BYTES + 4))
        return error_reply_judge(reply);
    count1 = be32_get(h + 16);
    offset1 = be32_get(h + 20);
    count2 = be32_get(h + 24);
    offset2 = be32_get(h + 28);
    end = count2 ? offset2 + count2 : offset1 + count1;
    if (end != reply.len || offset1 + count1 > reply.len)
        return failed(-EMSGSIZE, false);
    if (h[4])
        return judge_reply_code(h);
    if (h[TYPE86_HEADER_BYTES + 2] != version)
        return failed(-EAGAIN, true);
    o.control = span_of(h + offset1, count1);
    if (count2)
        o.data = span_of(h + offset2, count2);
    if (version == CPRBX_VERSION && reply.len >= TYPE86_HEADER_BYTES + CPRBX_BYTES) {
        o.rtcode = be16_get(h + TYPE86_HEADER_BYTES + 144);
        o.rscode = be16_get(h + TYPE86_HEADER_BYTES + 146);
    }
    return o;
}

static bool service_code_blames_request(uint16_t rtcode, uint16_t rscode)
{
    if (rtcode == 8)
        return rscode == 65 || rscode == 66 || rscode == 72 || rscode == 770;
    return rtcode == 12 && rscode == 769;
}

struct outcome type86_judge_rsa(struct span reply, size_t n)
{
    const size_t at = TYPE86_HEADER_BYTES + CPRBX_BYTES;
    const uint8_t *h = reply.data, *cprb = h + TYPE86_HEADER_BYTES;
    struct outcome o = {0};
    size_t length;

    if (!is_type86(reply, at + 6) || cprb[2] != CPRBX_VERSION)
        return error_reply_judge(reply);
    length = be16_get(h + at + 4);
    if (at + 6 + length != reply.len)
        return failed(-EMSGSIZE, false);
    if (h[4])
        return judge_reply_code(h);
    o.rtcode = be16_get(cprb + 144);
    o.rscode = be16_get(cprb + 146);
    if (o.rtcode) {
        o.offline = !service_code_blames_request(o.rtcode, o.rscode) &&
                    !(o.rscode == RSCODE_EXPONENT && n > 256);
        o.error = o.offline ? -EAGAIN : -EINVAL;
        return o;
    }
    if (length < 2 || length - 2 > n)
        return failed(-EMSGSIZE, false);
    o.data = span_of(h + at + 6, length - 2);
    return o;
}

struct outcome type86_judge_random(struct span reply)
{
    struct outcome o = type86_judge_cprb(reply, CPRBX_VERSION);

    if (!o.error && (o.rtcode || o.rscode)) {
        o.error = -EINVAL;
        o.data = (struct span){0};
    }
    return o;
}
