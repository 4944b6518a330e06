/* SPDX-License-Identifier: MIT */
#include "message/outcome.h"

#include <errno.h>

int error_reply_format(enum reply_type type, uint8_t code, struct buffer *out)
{
    size_t start = out->len;
    uint8_t *reply = buffer_extend(out, ERROR_REPLY_BYTES);

    if (reply) {
        reply[1] = (uint8_t)type;
        reply[4] = code;
    }
    return buffer_finish(out, start);
}

int error_code_errno(uint8_t code)
{
    switch (code) {
    case ERROR_MALFORMED_88:
    case ERROR_LENGTH_88:
    case ERROR_RESERVED_FIELD:
    case ERROR_FORMAT_FIELD:
    case ERROR_KEY_TYPE:
    case ERROR_MALFORMED:
    case ERROR_INVALID_SPECIAL:
    case ERROR_LENGTH:
    case ERROR_OPERAND_INVALID:
    case ERROR_OPERAND_SIZE:
    case ERROR_EVEN_MODULUS:
    case ERROR_INVALID_DOMAIN:
    case ERROR_FILTERED:
    case ERROR_TRUNCATED:
        return -EINVAL;
    default:
        return -EAGAIN;
    }
}

struct outcome error_reply_judge(struct span reply)
{
    struct outcome o = {.error = -EAGAIN, .offline = true, .status = XCRB_STATUS_ERROR};

    if (reply.len < ERROR_REPLY_BYTES)
        return o;
    if (reply.data[1] != REPLY_TYPE82 && reply.data[1] != REPLY_TYPE88)
        return o;
    o.offline = false;
    o.code = reply.data[4];
    o.error = error_code_errno(o.code);
    return o;
}
