/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_CCA_EC_H
#define APUS_MESSAGE_CCA_EC_H

#include "message/cca.h"

/*
 * Elliptic curves with clear keys [messages-cca-ec]: key generation ("PG"), ECDSA signature ("SG")
 * and verification ("SV"), ECDH ("DH").
 */
enum cca_ec_family {
    CCA_EC_PRIME = 0,
    CCA_EC_BRAINPOOL = 1,
};

#define CCA_EC_BYTES_MAX 66u /* of a number; P-521 */

/* A curve is named by its family and the length of its prime. */
struct cca_ec_curve {
    uint8_t family;
    uint16_t bits;
};

static inline size_t cca_ec_bytes(struct cca_ec_curve curve)
{
    return (curve.bits + 7u) / 8u;
}

/*
 * A request; what the service does not take is empty. The numbers have cca_ec_bytes, a point is 04
 * and two of them.
 */
struct cca_ec_request {
    struct cca_ec_curve curve;
    uint8_t usage;               /* of the private key */
    struct span d;               /* the private key */
    struct span q;               /* the public key; for DH that of the other side */
    struct span hash, signature; /* r and s */
    struct span ignored_d;       /* DH: a private key where only the public one is used */
};

bool cca_ec_is(const uint8_t function[2]);

/*
 * -EMSGSIZE: lengths that do not add up; -EINVAL: a token is not one of a clear key, lacks a
 * section that the service needs, or names curves that differ. The spans point into params.
 */
int cca_ec_parse(const struct cca_params *params, struct cca_ec_request *out);

/* The pair of keys in the reply to PG. Errors as above. */
int cca_ec_parse_keygen_reply(const struct cca_params *params, struct cca_ec_request *out);

/*
 * The parameters of the replies. PG: a token with d and q. SG and DH return where r and s, or the x
 * coordinate, are to be written; NULL if there is no room.
 */
void cca_ec_format_keygen_reply(const struct cca_ec_request *key, struct buffer *out);
uint8_t *cca_ec_format_sign_reply(struct cca_ec_curve curve, struct buffer *out);
void cca_ec_format_verify_reply(struct buffer *out);
uint8_t *cca_ec_format_ecdh_reply(struct cca_ec_curve curve, struct buffer *out);

#endif
