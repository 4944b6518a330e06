/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_CPRBX_H
#define APUS_MESSAGE_CPRBX_H

#include "message/bytes.h"

/* The CCA request and reply block in front of the parameters [messages-cprbx]: 220 bytes. */
#define CPRBX_BYTES   220u
#define CPRBX_VERSION 2u

struct cprbx {
    uint8_t func_id[2]; /* "T2"; "T3", "T5", "T6", "T7" for administration */
    uint32_t flags;
    uint32_t reply_bytes; /* rpl_msgbl */
    uint32_t reply_data_bytes;
    uint64_t request_address, reply_address; /* pointers of the sender, without meaning here */
    uint16_t domain;
    uint16_t rtcode, rscode;
    struct span params; /* req_parml bytes behind the block */
    struct span raw;    /* the block itself, after parsing */
};

/*
 * Reads the block at the start of control. Errors in order: -EMSGSIZE shorter than a block;
 * -EINVAL its own length or version is wrong; -EMSGSIZE parameters longer than control.
 */
int cprbx_parse(struct span control, struct cprbx *out);

/* Appends block and parameters. -ENOSPC with out unchanged. */
int cprbx_format(const struct cprbx *c, struct buffer *out);

/* Names another domain in a block that was formatted. */
void cprbx_set_domain(uint8_t block[CPRBX_BYTES], uint16_t domain);

/*
 * A reply block: the request's, with codes zero and lengths set. The parameters follow: the caller
 * appends them after _start and calls _finish, which takes what was appended as their length.
 */
size_t cprbx_start_reply(const struct cprbx *request, struct buffer *out);
void cprbx_finish_reply(size_t at, struct buffer *out);

/* Set fields of the reply block at at: codes, length of the data block. */
void cprbx_set_codes(size_t at, uint16_t rtcode, uint16_t rscode, struct buffer *out);
void cprbx_set_reply_data(size_t at, uint32_t bytes, struct buffer *out);

/* Reads a reply block: params has the returned length. Errors as cprbx_parse. */
int cprbx_parse_reply(struct span control, struct cprbx *out);

#endif
