/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_SAMPLE_H
#define APUS_CRYPTO_SAMPLE_H

#include <stdbool.h>

#include "message/rsa.h"

/*
 * A new RSA key and one operation with it, for measurements: operands in user form (message/rsa.h),
 * the right answers, and the same private key operation done by OpenSSL itself.
 */
struct crypto_sample {
    size_t n; /* bytes of the modulus */
    uint8_t input[RSA_BYTES_MAX], exponent[RSA_BYTES_MAX], modulus[RSA_BYTES_MAX];
    uint8_t p[RSA_BYTES_MAX], q[RSA_BYTES_MAX], dp[RSA_BYTES_MAX], dq[RSA_BYTES_MAX],
        u[RSA_BYTES_MAX];
    uint8_t public_result[RSA_BYTES_MAX], private_result[RSA_BYTES_MAX];
    void *key; /* OpenSSL's */
};

/* bits: 512 to 4096, a multiple of 16. NULL: OpenSSL refuses, or there is no memory. */
struct crypto_sample *crypto_sample_new(unsigned bits);
void crypto_sample_free(struct crypto_sample *s);

/* OpenSSL's private key operation, without padding. False if it fails. */
bool crypto_sample_compute(const struct crypto_sample *s, uint8_t out[RSA_BYTES_MAX]);

#endif
