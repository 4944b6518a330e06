/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_OLDER_H
#define APUS_MESSAGE_OLDER_H

#include "message/bytes.h"

/*
 * Messages of adapters before CEX2, types 3 to 5 [ap-types], which the machine cannot have: today's
 * drivers do not support them. Faults send such replies, which a driver must not take for an
 * answer. Layouts: from the headers of the PCICA and PCICC drivers in Linux 2.6.
 */

/* A PCICA's reply, type 84: 00 84, total length (2), four zeros, and the result. */
#define TYPE84_HEADER_BYTES 8u

/* Errors in order: -EMSGSIZE: shorter than a header; -EBADMSG: not type 84; -EMSGSIZE: the length
 * field is not the message's length. */
int type84_parse(struct span message, struct span *data);

/* Appends header and data. -EMSGSIZE: too long for the length field; -ENOSPC; out is unchanged. */
int type84_format(struct span data, struct buffer *out);

/*
 * A PCICC's control block, the CPRB, the predecessor of the CPRBX: 112 bytes, little-endian, length
 * @0(2), version 41 @2, function id @10, length of request parameters @14(2), reason code @44(2),
 * return code @46(2), length of reply parameters @48(2). The parameters follow.
 */
#define CPRB_BYTES   112u
#define CPRB_VERSION 0x41u

struct cprb {
    uint8_t func_id[2]; /* "T1" */
    uint16_t rtcode, rscode;
    struct span params;
};

enum cprb_way { CPRB_REQUEST, CPRB_REPLY };

/* Parses the block at the start of control. Errors in order: -EMSGSIZE: shorter than a block;
 * -EINVAL: wrong length field or version; -EMSGSIZE: the parameters exceed control. */
int cprb_parse(struct span control, enum cprb_way way, struct cprb *out);

/* Appends block and parameters. -EMSGSIZE: too long for the length field; -ENOSPC; out is
 * unchanged. */
int cprb_format(const struct cprb *c, enum cprb_way way, struct buffer *out);

#endif
