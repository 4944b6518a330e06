/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_OLDER_H
#define APUS_MESSAGE_OLDER_H

#include "message/bytes.h"

/*
 * Messages of adapters before CEX2, types 3 to 5 [ap-types], which the machine cannot have:
 * neither its adapters nor the drivers of today know them. Faults send them as replies that a
 * driver must not take for an answer. Layouts: the headers of the drivers that PCICA and PCICC had,
 * in Linux 2.6.
 */

/* A PCICA's reply, type 84: 00 84, total length (2), four zeros, and the result. */
#define TYPE84_HEADER_BYTES 8u

/* Errors in order: -EMSGSIZE shorter than a header; -EBADMSG not type 84; -EMSGSIZE the length
 * field is not the message's length. */
int type84_parse(struct span message, struct span *data);

/* Appends header and data. -EMSGSIZE they do not fit the length field; -ENOSPC. out unchanged. */
int type84_format(struct span data, struct buffer *out);

/*
 * A PCICC's control block, the CPRB, where a CPRBX has its place now; 112 bytes, numbers with the
 * low byte first: length @0(2), version 41 @2, function id @10, length of request parameters
 * @14(2), reason code @44(2), return code @46(2), length of reply parameters @48(2). Parameters
 * follow it.
 */
#define CPRB_BYTES   112u
#define CPRB_VERSION 0x41u

struct cprb {
    uint8_t func_id[2]; /* "T1" */
    uint16_t rtcode, rscode;
    struct span params;
};

enum cprb_way { CPRB_REQUEST, CPRB_REPLY };

/* Reads the block at the start of control. Errors in order: -EMSGSIZE shorter than a block; -EINVAL
 * its own length or version is wrong; -EMSGSIZE parameters longer than control. */
int cprb_parse(struct span control, enum cprb_way way, struct cprb *out);

/* Appends block and parameters. -EMSGSIZE they do not fit the length field; -ENOSPC. out
 * unchanged. */
int cprb_format(const struct cprb *c, enum cprb_way way, struct buffer *out);

#endif
