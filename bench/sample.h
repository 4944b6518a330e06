/* SPDX-License-Identifier: MIT */
#ifndef APUS_BENCH_SAMPLE_H
#define APUS_BENCH_SAMPLE_H

#include <stdbool.h>

#include "message/rsa.h"

/*
 * A new RSA key and one operation with it for benchmarks: operands in user form (message/rsa.h),
 * the expected results, and the same private key operation by OpenSSL.
 */
struct bench_sample {
    size_t n; /* bytes of the modulus */
    uint8_t input[RSA_BYTES_MAX], exponent[RSA_BYTES_MAX], modulus[RSA_BYTES_MAX];
    uint8_t p[RSA_BYTES_MAX], q[RSA_BYTES_MAX], dp[RSA_BYTES_MAX], dq[RSA_BYTES_MAX],
        u[RSA_BYTES_MAX];
    uint8_t public_result[RSA_BYTES_MAX], private_result[RSA_BYTES_MAX];
    void *key; /* OpenSSL's */
};

/* bits: 512 to 4096, a multiple of 16. */
struct bench_sample *bench_sample_new(unsigned bits);
void bench_sample_free(struct bench_sample *s);

/* OpenSSL's private key operation, without padding. False if it fails. */
bool bench_sample_compute(const struct bench_sample *s, uint8_t out[RSA_BYTES_MAX]);

#endif
