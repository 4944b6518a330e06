/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_MODEXP_H
#define APUS_CRYPTO_MODEXP_H

#include <stdbool.h>

#include <openssl/types.h>

#include "message/rsa.h"

/*
 * Values precomputed from a modulus, or from the primes of a key, for the next request with the
 * same key. They are as secret as the key: the owner must cleanse them as soon as the next request
 * is for another key, or there is none. All zero: empty.
 */
struct modexp_kept {
    bool used;                      /* set by each computation that uses them */
    uint8_t numbers[RSA_BYTES_MAX]; /* the modulus, or one prime in each half */
    BN_MONT_CTX *forms[2];          /* of the modulus, or of each prime */
};

/* Cleanses and empties it. */
void modexp_forget(struct modexp_kept *kept);

/*
 * Computes an RSA operation: input ^ exponent mod modulus, or by the Chinese remainder theorem
 * m1 = c^dp mod p, m2 = c^dq mod q, m2 + q * (u * (m1 - m2) mod p). Writes exactly n bytes, with
 * leading zeros. Operands may have leading zeros; they may have up to 4096 significant bits, those
 * of the CRT up to 2048.
 *
 * Everything derived from the operands, except for kept, is cleansed before the function returns,
 * and exponents that may be private are used in constant time. kept may be NULL.
 *
 * Errors, in order, with out unchanged: -EINVAL a number has too many bits, an exponent is 0, or a
 * modulus or prime is below 2; -EDOM a modulus or prime is even; -ERANGE the input is not below the
 * modulus, or the result does not fit in n bytes; -ENOMEM.
 */
int modexp_compute(const struct rsa_request *r, struct modexp_kept *kept, uint8_t *out, size_t n);

#endif
