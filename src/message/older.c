/* SPDX-License-Identifier: MIT */
#include "message/older.h"

#include <errno.h>

#include "message/outcome.h"

int type84_parse(struct span message, struct span *data)
{
    if (message.len < TYPE84_HEADER_BYTES)
        return -EMSGSIZE;
    if (message.data[1] != REPLY_TYPE84)
        return -EBADMSG;
    if (be16_get(message.data + 2) != message.len)
        return -EMSGSIZE;
    *data = span_last(message, message.len - TYPE84_HEADER_BYTES);
    return 0;
}

int type84_format(struct span data, struct buffer *out)
{
    size_t start = out->len;
    uint8_t *header;

    if (data.len > UINT16_MAX - TYPE84_HEADER_BYTES)
        return -EMSGSIZE;
    header = buffer_extend(out, TYPE84_HEADER_BYTES);
    if (header) {
        header[1] = REPLY_TYPE84;
        be16_put(header + 2, (uint16_t)(TYPE84_HEADER_BYTES + data.len));
    }
    buffer_add_span(out, data);
    return buffer_finish(out, start);
}

/* Offsets of fields. */
enum {
    AT_VERSION = 2,
    AT_FUNC_ID = 10,
    AT_REQUEST_PARAMS = 14,
    AT_RSCODE = 44,
    AT_RTCODE = 46,
    AT_REPLY_PARAMS = 48,
};

static uint16_t le16_get(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void le16_put(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static unsigned at_params(enum cprb_way way)
{
    return way == CPRB_REQUEST ? AT_REQUEST_PARAMS : AT_REPLY_PARAMS;
}

int cprb_parse(struct span control, enum cprb_way way, struct cprb *out)
{
    const uint8_t *b = control.data;
    size_t params;

    if (control.len < CPRB_BYTES)
        return -EMSGSIZE;
    if (le16_get(b) != CPRB_BYTES || b[AT_VERSION] != CPRB_VERSION)
        return -EINVAL;
    params = le16_get(b + at_params(way));
    if (params > control.len - CPRB_BYTES)
        return -EMSGSIZE;
    memcpy(out->func_id, b + AT_FUNC_ID, sizeof(out->func_id));
    out->rtcode = le16_get(b + AT_RTCODE);
    out->rscode = le16_get(b + AT_RSCODE);
    out->params = span_of(b + CPRB_BYTES, params);
    return 0;
}

int cprb_format(const struct cprb *c, enum cprb_way way, struct buffer *out)
{
    size_t start = out->len;
    uint8_t *b;

    if (c->params.len > UINT16_MAX)
        return -EMSGSIZE;
    b = buffer_extend(out, CPRB_BYTES);
    if (b) {
        le16_put(b, CPRB_BYTES);
        b[AT_VERSION] = CPRB_VERSION;
        memcpy(b + AT_FUNC_ID, c->func_id, sizeof(c->func_id));
        le16_put(b + AT_RTCODE, c->rtcode);
        le16_put(b + AT_RSCODE, c->rscode);
        le16_put(b + at_params(way), (uint16_t)c->params.len);
    }
    buffer_add_span(out, c->params);
    return buffer_finish(out, start);
}
