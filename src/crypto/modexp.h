/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_MODEXP_H
#define APUS_CRYPTO_MODEXP_H

#include "message/rsa.h"

/*
 * Computes an RSA operation: input ^ exponent mod modulus, or with the parts of the Chinese
 * remainder m1 = c^dp mod p, m2 = c^dq mod q, m2 + q * (u * (m1 - m2) mod p). Writes exactly n
 * bytes, zeros on the left. Numbers may be wider than they need to be; up to 4096 significant bits,
 * the parts of the Chinese remainder up to 2048.
 *
 * Everything derived from the operands is cleansed before it returns, and exponents that may be
 * private are used in constant time.
 *
 * Errors in order: -EINVAL a number of too many bits, or a zero exponent, or a modulus or prime
 * below 2; -EDOM an even modulus or prime; -ERANGE the input is not below the modulus, or the
 * result does not fit n bytes; -ENOMEM. out untouched then.
 */
int modexp_compute(const struct rsa_request *r, uint8_t *out, size_t n);

#endif
