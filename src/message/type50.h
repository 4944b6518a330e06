/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_TYPE50_H
#define APUS_MESSAGE_TYPE50_H

#include "message/outcome.h"
#include "message/rsa.h"

/*
 * Requests to an accelerator (type 50) and their replies (type 80) [messages-type50]
 * [messages-type80]. A request has 16 bytes of header and operands of fixed width: size bytes each
 * in ME form, size / 2 for the five key parts in CRT form, size = 128, 256 or 512; all
 * right-justified.
 */
#define TYPE50_HEADER_BYTES 16u
#define TYPE50_BYTES_MAX    (TYPE50_HEADER_BYTES + 7 * RSA_BYTES_MAX / 2)
#define TYPE80_HEADER_BYTES 16u
#define TYPE80_BYTES_MAX    (TYPE80_HEADER_BYTES + RSA_BYTES_MAX)

struct type50_request {
    size_t size; /* 128, 256, 512: the width of input and result */
    struct rsa_request rsa;
};

/*
 * Parses a request as the card does; the spans point into message. Errors in order: -EMSGSIZE:
 * shorter than a header; -EBADMSG: not type 50; -EMSGSIZE: the length field is not the message's
 * length; -ENOTSUP: unknown key block type; -EMSGSIZE: wrong length for the key block type.
 */
int type50_parse(struct span message, struct type50_request *out);

/*
 * Appends the request that zcrypt builds for an operation in user form, in the smallest size that
 * holds it. -EINVAL: not in user form; -ENOSPC; out is unchanged then.
 */
int type50_format(const struct rsa_request *rsa, struct buffer *out);

/*
 * Appends the header of a successful reply and size zero bytes for the result, to which *result
 * points. -ENOSPC with out unchanged.
 */
int type80_format(size_t size, struct buffer *out, uint8_t **result);

/*
 * Judges the reply to a request of n bytes [messages-type80]. On success data is the last n bytes.
 * A length field that is not the reply's length, or over the largest reply, gives -EMSGSIZE; less
 * than header + n gives offline and -EAGAIN.
 */
struct outcome type50_judge(struct span reply, size_t n);

#endif
