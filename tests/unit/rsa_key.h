/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_RSA_KEY_H
#define APUS_TESTS_RSA_KEY_H

/* An RSA key from OpenSSL with its parts in the user form [zcrypt-structures], for tests that
 * cross-check. */
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "message/rsa.h"

struct rsa_key {
    EVP_PKEY *pkey;
    size_t n;
    uint8_t modulus[512], public_exponent[512], private_exponent[512];
    uint8_t p[264], q[256], dp[264], dq[256], u[264];
};

static inline void rsa_key_part(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t len)
{
    BIGNUM *bn = NULL;

    if (!EVP_PKEY_get_bn_param(pkey, name, &bn) || BN_bn2binpad(bn, out, (int)len) < 0)
        abort();
    BN_clear_free(bn);
}

static inline void rsa_key_make(struct rsa_key *k, unsigned bits)
{
    k->n = (bits + 7) / 8;
    k->pkey = EVP_RSA_gen(bits);
    if (!k->pkey)
        abort();
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_N, k->modulus, k->n);
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_E, k->public_exponent, k->n);
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_D, k->private_exponent, k->n);
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, k->p, rsa_crt_long(k->n));
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, k->q, rsa_crt_short(k->n));
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, k->dp, rsa_crt_long(k->n));
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, k->dq, rsa_crt_short(k->n));
    rsa_key_part(k->pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, k->u, rsa_crt_long(k->n));
}

static inline struct rsa_request rsa_key_crt(const struct rsa_key *k, const uint8_t *input)
{
    return rsa_request_crt(k->n, input, k->p, k->q, k->dp, k->dq, k->u);
}

/* What OpenSSL computes: the private operation, or the public one, without padding. */
static inline void rsa_key_reference(const struct rsa_key *k, bool private_operation,
                                     const uint8_t *input, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
    size_t len = k->n;
    int ok;

    ok = ctx && (private_operation ? EVP_PKEY_decrypt_init(ctx) : EVP_PKEY_encrypt_init(ctx)) > 0 &&
         EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
         (private_operation ? EVP_PKEY_decrypt(ctx, out, &len, input, k->n)
                            : EVP_PKEY_encrypt(ctx, out, &len, input, k->n)) > 0;
    if (!ok || len != k->n)
        abort();
    EVP_PKEY_CTX_free(ctx);
}

#endif
