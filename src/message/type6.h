/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_TYPE6_H
#define APUS_MESSAGE_TYPE6_H

#include "message/outcome.h"

/*
 * The envelopes of requests to coprocessors (type 6) and of their replies (type 86)
 * [messages-type6] [messages-type86]. Requests and replies carry a control block (a CPRB with its
 * parameters) and optionally a data block.
 */
#define TYPE6_HEADER_BYTES  88u
#define TYPE86_HEADER_BYTES 48u

struct type6 {
    uint8_t agent[2];                   /* "CA" for CCA, "XC" for EP11 */
    uint16_t request_id;                /* 1 for EP11 */
    uint8_t function[2];                /* copy of the sub-function; 0 for EP11 */
    uint32_t reply_control, reply_data; /* room for the reply's blocks, in bytes */
    struct span control, data;
};

/*
 * Parses a request as the card does. Errors in order: -EMSGSIZE: shorter than a header; -EBADMSG:
 * not type 6; -EINVAL: a block that starts inside the header, or a third or fourth block;
 * -EMSGSIZE: a block that ends past the message.
 */
int type6_parse(struct span message, struct type6 *out);

/*
 * Appends header and blocks. Before a data block the control block is padded to a multiple of 4;
 * with pad_control it always is, as zcrypt does for xcRB and EP11 but not for ME and CRT. -ENOSPC
 * with out unchanged.
 */
int type6_format(const struct type6 *request, bool pad_control, struct buffer *out);

/*
 * A reply is written in one pass: type86_start reserves the header; the caller appends the control
 * block and, optionally, calls type86_start_data and appends a data block; type86_finish fills in
 * the header.
 */
struct type86_writer {
    size_t start, control_end, data_start;
};

void type86_start(struct type86_writer *w, struct buffer *out);
void type86_start_data(struct type86_writer *w, struct buffer *out);

/* 0, or -ENOSPC if anything since type86_start did not fit; out is then as it was before. */
int type86_finish(const struct type86_writer *w, struct buffer *out);

/*
 * The judges [messages-type86]. Each takes a whole reply as DQAP returned it.
 * type86_judge_cprb: of an xcRB (version 2) or EP11 request (version 4). On success control and
 *   data are the reply's blocks and rtcode, rscode are the caller's business. -EMSGSIZE when the
 *   blocks do not end where the reply ends.
 * type86_judge_rsa: of ME or CRT with n bytes; data is the result. Service codes that blame the
 *   request give -EINVAL, others set the queue offline. Reason 0x14F with n > 256 gives -EINVAL
 * too: the driver may try once more on a card that it does not hold to 17 bits of exponent.
 * type86_judge_random: data is what the card delivered; any service code gives -EINVAL.
 */
struct outcome type86_judge_cprb(struct span reply, uint8_t version);
struct outcome type86_judge_rsa(struct span reply, size_t n);
struct outcome type86_judge_random(struct span reply);

#endif
