/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_EC_H
#define APUS_CRYPTO_EC_H

#include "message/cca_ec.h"

#define EC_POINT_BYTES_MAX (1u + 2u * CCA_EC_BYTES_MAX)

/*
 * Elliptic curves, computed by OpenSSL. Everything derived from a private key is cleansed before a
 * function returns. Numbers have cca_ec_bytes(curve) bytes, a point is 04 and two numbers. All
 * return 0 or, with the results unspecified:
 *
 * -EINVAL  the curve is none of the twelve of a coprocessor, or this OpenSSL lacks it; a private
 *          key is 0 or not below the order; a point is not on the curve
 * -ENOMEM  OpenSSL failed
 */
int ec_generate(struct cca_ec_curve curve, uint8_t *d, uint8_t *q);

/* r and s. */
int ec_sign(struct cca_ec_curve curve, struct span d, struct span hash, uint8_t *signature);

/* Also -EKEYREJECTED: not the signature; -EDOM: r or s is 0 or not below the order. */
int ec_verify(struct cca_ec_curve curve, struct span q, struct span hash, struct span signature);

/* The x coordinate of d times q. */
int ec_derive(struct cca_ec_curve curve, struct span d, struct span q, uint8_t *x);

/* Whether the point is on the curve. */
int ec_check_point(struct cca_ec_curve curve, struct span q);

#endif
