/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_EC_REQUEST_H
#define APUS_TESTS_EC_REQUEST_H

#include "message/cca_ec.h"

/*
 * Requests for elliptic curves, byte by byte as libica sends them (s390_ecc.c), without the
 * product's own code for them. Where a request is to be damaged: the parameters are the last part
 * of it.
 */
static const struct cca_ec_curve ec_curves[] = {
    {CCA_EC_PRIME, 192},     {CCA_EC_PRIME, 224},     {CCA_EC_PRIME, 256},
    {CCA_EC_PRIME, 384},     {CCA_EC_PRIME, 521},     {CCA_EC_BRAINPOOL, 160},
    {CCA_EC_BRAINPOOL, 192}, {CCA_EC_BRAINPOOL, 224}, {CCA_EC_BRAINPOOL, 256},
    {CCA_EC_BRAINPOOL, 320}, {CCA_EC_BRAINPOOL, 384}, {CCA_EC_BRAINPOOL, 512}};

#define EC_CURVES (sizeof(ec_curves) / sizeof(ec_curves[0]))

static inline void ec_add_private(struct cca_ec_curve curve, uint8_t usage, struct span d,
                                  struct buffer *out)
{
    buffer_add(out, "\x20\0", 2);
    buffer_add_u16(out, (uint16_t)(76 + 16 + d.len));
    buffer_extend(out, 4);
    buffer_add_u8(out, usage);
    buffer_add_u8(out, curve.family);
    buffer_add(out, "\x40\0", 2);
    buffer_add_u16(out, curve.bits);
    buffer_add_u16(out, 16);
    buffer_extend(out, 8 + 48);
    buffer_add_u16(out, 16);
    buffer_add_u16(out, (uint16_t)d.len);
    buffer_add(out, "\0\0\0\x10\0\0\0", 7);
    buffer_add_u8(out, curve.family);
    buffer_add_u16(out, curve.bits);
    buffer_add_u8(out, usage);
    buffer_add(out, "\x40\0\0\0\0", 5);
    buffer_add_span(out, d);
}

static inline void ec_add_public(struct cca_ec_curve curve, struct span q, struct buffer *out)
{
    buffer_add(out, "\x21\0", 2);
    buffer_add_u16(out, (uint16_t)(14 + q.len));
    buffer_extend(out, 4);
    buffer_add_u8(out, curve.family);
    buffer_add_u8(out, 0);
    buffer_add_u16(out, curve.bits);
    buffer_add_u16(out, (uint16_t)q.len);
    buffer_add_span(out, q);
}

static inline void ec_start_token(size_t sections, uint16_t flags, struct buffer *out)
{
    buffer_add_u16(out, (uint16_t)(4 + 8 + sections));
    buffer_add_u16(out, flags);
    buffer_add(out, "\x1e\0", 2);
    buffer_add_u16(out, (uint16_t)(8 + sections));
    buffer_extend(out, 4);
}

/* A token with a private key and a public one. */
static inline void ec_add_pair(struct cca_ec_curve curve, uint8_t usage, uint16_t flags,
                               struct span d, struct span q, struct buffer *out)
{
    ec_start_token(76 + 16 + d.len + 14 + q.len, flags, out);
    ec_add_private(curve, usage, d, out);
    ec_add_public(curve, q, out);
}

static inline void ec_add_null(struct buffer *out)
{
    buffer_add_u16(out, 0x44);
    buffer_extend(out, 66);
}

/* A control block with parameters between _start and _finish; returns the offset of the latter. */
static inline size_t ec_start(const char *function, const char *rule, struct buffer *out)
{
    struct cprbx c = {.func_id = {'T', '2'}, .domain = 4, .reply_bytes = 2048};

    out->len = 0;
    cprbx_format(&c, out);
    buffer_add(out, function, 2);
    buffer_add_u16(out, 10);
    buffer_add(out, rule, 8);
    return CPRBX_BYTES;
}

static inline void ec_finish(size_t keys, struct buffer *out)
{
    buffer_set_u16(out, keys, (uint16_t)(out->len - keys));
    buffer_set_u32(out, 12, (uint32_t)(out->len - CPRBX_BYTES));
}

static inline void ec_keygen(struct cca_ec_curve curve, struct buffer *out)
{
    struct span none = {0};
    size_t keys;

    ec_start("PG", "CLEAR   ", out);
    buffer_add_u16(out, 2);
    keys = out->len;
    buffer_add_u16(out, 0);
    ec_add_pair(curve, 0x80, 0x20, none, none, out);
    buffer_add(out, "\0\x05\0\x10\0", 5);
    ec_finish(keys, out);
}

static inline void ec_sign_request(struct cca_ec_curve curve, struct span d, struct span q,
                                   struct span hash, struct buffer *out)
{
    size_t keys;

    ec_start("SG", "ECDSA   ", out);
    buffer_add_u16(out, (uint16_t)(4 + hash.len));
    buffer_add_u16(out, (uint16_t)(2 + hash.len));
    buffer_add_span(out, hash);
    keys = out->len;
    buffer_add_u16(out, 0);
    ec_add_pair(curve, 0x80, 0x20, d, q, out);
    ec_finish(keys, out);
}

static inline void ec_verify_request(struct cca_ec_curve curve, struct span q, struct span hash,
                                     struct span signature, struct buffer *out)
{
    size_t keys;

    ec_start("SV", "ECDSA   ", out);
    buffer_add_u16(out, (uint16_t)(6 + hash.len + signature.len));
    buffer_add_u16(out, (uint16_t)(2 + hash.len));
    buffer_add_span(out, hash);
    buffer_add_u16(out, (uint16_t)(2 + signature.len));
    buffer_add_span(out, signature);
    keys = out->len;
    buffer_add_u16(out, 0);
    ec_start_token(14 + q.len, 0, out);
    ec_add_public(curve, q, out);
    ec_finish(keys, out);
}

static inline void ec_ecdh_request(struct cca_ec_curve curve, struct span d, struct span q,
                                   struct buffer *out)
{
    size_t keys;

    ec_start("DH", "PASSTHRU", out);
    buffer_add(out, "\0\x14\0\x04\0\x91\0\x06\0\x93\0\0\0\x04\0\x90\0\x04\0\x92", 20);
    keys = out->len;
    buffer_add_u16(out, 0);
    ec_add_pair(curve, 0xc0, 0, d, q, out);
    ec_add_null(out);
    ec_add_pair(curve, 0xc0, 0, d, q, out);
    ec_add_null(out);
    ec_add_null(out);
    ec_add_null(out);
    ec_finish(keys, out);
}

#endif
