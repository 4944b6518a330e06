/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_MODEXP_H
#define APUS_CRYPTO_MODEXP_H

#include <stdbool.h>

#include <openssl/types.h>

#include "message/rsa.h"

/*
 * What was worked out of a modulus, or of the primes of a key, so that the next request with the
 * same key need not do it again. It is as private as the key: whoever has one forgets it when the
 * next request is not for that key, or there is none. Zeroed it is empty.
 */
struct modexp_kept {
    bool used;                      /* set by each computation that uses it */
    uint8_t numbers[RSA_BYTES_MAX]; /* the modulus, or both primes in half of it each */
    BN_MONT_CTX *forms[2];          /* of the modulus, or of each prime */
};

/* Cleanses it; it is empty then. */
void modexp_forget(struct modexp_kept *kept);

/*
 * Computes an RSA operation: input ^ exponent mod modulus, or with the parts of the Chinese
 * remainder m1 = c^dp mod p, m2 = c^dq mod q, m2 + q * (u * (m1 - m2) mod p). Writes exactly n
 * bytes, zeros on the left. Numbers may be wider than they need to be; up to 4096 significant bits,
 * the parts of the Chinese remainder up to 2048.
 *
 * Everything derived from the operands but kept is cleansed before it returns, and exponents that
 * may be private are used in constant time. kept may be NULL.
 *
 * Errors in order: -EINVAL a number of too many bits, or a zero exponent, or a modulus or prime
 * below 2; -EDOM an even modulus or prime; -ERANGE the input is not below the modulus, or the
 * result does not fit n bytes; -ENOMEM. out untouched then.
 */
int modexp_compute(const struct rsa_request *r, struct modexp_kept *kept, uint8_t *out, size_t n);

#endif
