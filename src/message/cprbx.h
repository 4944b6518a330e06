/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_CPRBX_H
#define APUS_MESSAGE_CPRBX_H

#include "message/bytes.h"

/* The CCA request and reply block, followed by the parameters [messages-cprbx]: 220 bytes. */
#define CPRBX_BYTES   220u
#define CPRBX_VERSION 2u

struct cprbx {
    uint8_t func_id[2]; /* "T2"; "T3", "T5", "T6", "T7" for administration */
    uint32_t flags;
    uint32_t reply_bytes; /* rpl_msgbl */
    uint32_t reply_data_bytes;
    uint64_t request_address, reply_address; /* the sender's pointers, not used here */
    uint16_t domain;
    uint16_t rtcode, rscode;
    struct span params; /* req_parml bytes after the block */
    struct span raw;    /* the block itself, after parsing */
};

/*
 * Parses the block at the start of control. Errors in order: -EMSGSIZE: shorter than a block;
 * -EINVAL: wrong length field or version; -EMSGSIZE: the parameters exceed control.
 */
int cprbx_parse(struct span control, struct cprbx *out);

/* Appends block and parameters. -ENOSPC with out unchanged. */
int cprbx_format(const struct cprbx *c, struct buffer *out);

/* Changes the domain in a formatted block. */
void cprbx_set_domain(uint8_t block[CPRBX_BYTES], uint16_t domain);

/*
 * Appends a reply block: that of the request with zero codes and the lengths set. The caller then
 * appends the parameters and calls _finish, which sets their length.
 */
size_t cprbx_start_reply(const struct cprbx *request, struct buffer *out);
void cprbx_finish_reply(size_t at, struct buffer *out);

/* Set fields of the reply block at offset at: codes, length of the data block. */
void cprbx_set_codes(size_t at, uint16_t rtcode, uint16_t rscode, struct buffer *out);
void cprbx_set_reply_data(size_t at, uint32_t bytes, struct buffer *out);

/* Parses a reply block; params has the returned length. Errors as for cprbx_parse. */
int cprbx_parse_reply(struct span control, struct cprbx *out);

#endif
