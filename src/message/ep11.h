/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_EP11_H
#define APUS_MESSAGE_EP11_H

#include "message/type6.h"

/*
 * EP11 requests and replies [messages-ep11]: a block of 32 bytes and an ASN.1 payload, a SEQUENCE
 * of OCTET STRINGs. The first two hold the function (API version and function number) and the
 * domain; in a reply the third is the return value.
 */
#define EP11_CPRB_BYTES   32u
#define EP11_VERSION      4u
#define EP11_FLAG_ADMIN   0x80u
#define EP11_FLAG_SPECIAL 0x20u

struct ep11_cprb {
    uint8_t flags;
    uint8_t func_id[2]; /* "T4" */
    uint32_t source, target, return_code;
    struct span payload;
};

/*
 * -EMSGSIZE: shorter than a block, or the payload exceeds control; -EINVAL: wrong length field,
 * version or function id.
 */
int ep11_parse(struct span control, struct ep11_cprb *out);
int ep11_format(const struct ep11_cprb *c, struct buffer *out);

/*
 * Sets the usage domain in the block and its payload, as zcrypt does before it sends a request
 * without the admin flag. -EMSGSIZE; -EINVAL: a form of length that zcrypt does not support, or the
 * payload does not begin with function and domain.
 */
int ep11_set_domain(uint8_t *control, size_t len, uint32_t domain);

/* Formats the message with a control block. -ENOSPC with out unchanged. */
int ep11_format_message(struct span control, uint32_t reply_bytes, struct buffer *out);

struct ep11_payload {
    uint16_t api, function;
    uint32_t domain;
    struct span rest; /* the OCTET STRINGs that follow */
};

/*
 * Function numbers (ep11.h of openCryptoki, __FNID_*). The payloads of get_xcp_info are those that
 * the kernel sends (zcrypt_ep11misc.c). The payload of GenerateRandom is not public; here it is the
 * number of bytes, as in the host library's interface.
 */
enum ep11_function {
    EP11_GENERATE_RANDOM = 4,
    EP11_GET_INFO = 38,
};
#define EP11_FUNCTION_MIN 1u
#define EP11_FUNCTION_MAX 44u

/* -EMSGSIZE: a length exceeds the payload; -EINVAL: unexpected tags or widths. */
int ep11_payload_parse(struct span payload, struct ep11_payload *out);

/* Takes the next OCTET STRING from *rest. Errors as above; both are unchanged then. */
int ep11_octets_parse(struct span *rest, struct span *out);
int ep11_octets_parse_u32(struct span *rest, uint32_t *out);

/* A payload is appended between _start and _finish. Lengths have the two-byte form. */
size_t ep11_payload_start(uint16_t api, uint16_t function, uint32_t domain, struct buffer *out);
void ep11_payload_finish(size_t at, struct buffer *out);
void ep11_octets_add(struct span octets, struct buffer *out);
void ep11_octets_add_u32(uint32_t v, struct buffer *out);

/* Parses a reply payload up to its return value; out->rest is what follows. */
int ep11_reply_parse(struct span payload, struct ep11_payload *out, uint32_t *return_value);

/*
 * get_xcp_info (function 38): control blocks of requests, without a sub-query. -ENOSPC. The types
 * are those of ep11.h (CK_IBM_XCPQ_*).
 */
enum ep11_query {
    EP11_QUERY_API = 0,
    EP11_QUERY_MODULE = 1,
    EP11_QUERY_DOMAIN = 3,
};
int ep11_query_format(uint32_t domain, enum ep11_query type, struct buffer *out);
int ep11_random_format(uint32_t domain, uint32_t bytes, struct buffer *out);

#define EP11_SERIAL_BYTES  16u
#define EP11_PATTERN_BYTES 32u
#define EP11_MODULE_BYTES  196u
#define EP11_DOMAIN_BYTES  80u

struct ep11_module_info {
    uint32_t api_ordinal;
    uint8_t firmware_major, firmware_minor;
    char serial[EP11_SERIAL_BYTES];
    uint64_t op_modes; /* bits 0..8, names in [bus-op-modes] */
    uint32_t domains;
    uint32_t max_payload;
};

/* Flags of a domain. Wrapping keys count only outside imprint mode. */
#define EP11_DOMAIN_CURRENT   0x02u
#define EP11_DOMAIN_NEW       0x04u
#define EP11_DOMAIN_COMMITTED 0x08u
#define EP11_DOMAIN_READY     0x10u

struct ep11_domain_info {
    uint32_t index, flags;
    uint8_t current[EP11_PATTERN_BYTES], next[EP11_PATTERN_BYTES];
    uint64_t op_modes;
};

/* The data of the replies to queries. Parsing: -EMSGSIZE. The data for EP11_QUERY_API is the
 * beginning of a module's. */
#define EP11_API_BYTES 8u
void ep11_module_format(const struct ep11_module_info *info, struct buffer *out);
int ep11_module_parse(struct span data, struct ep11_module_info *out);
void ep11_domain_format(const struct ep11_domain_info *info, struct buffer *out);
int ep11_domain_parse(struct span data, struct ep11_domain_info *out);

#endif
