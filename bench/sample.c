/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/text.h"
#include "bench.h"

static bool get(const EVP_PKEY *key, const char *name, uint8_t *out, size_t len)
{
    BIGNUM *b = NULL;
    bool ok =
        EVP_PKEY_get_bn_param(key, name, &b) == 1 && BN_bn2binpad(b, out, (int)len) == (int)len;

    BN_clear_free(b);
    return ok;
}

static bool get_all(struct bench_sample *s)
{
    size_t longer = rsa_crt_long(s->n), shorter = rsa_crt_short(s->n);

    return get(s->key, OSSL_PKEY_PARAM_RSA_N, s->modulus, s->n) &&
           get(s->key, OSSL_PKEY_PARAM_RSA_E, s->exponent, s->n) &&
           get(s->key, OSSL_PKEY_PARAM_RSA_FACTOR1, s->p, longer) &&
           get(s->key, OSSL_PKEY_PARAM_RSA_FACTOR2, s->q, shorter) &&
           get(s->key, OSSL_PKEY_PARAM_RSA_EXPONENT1, s->dp, longer) &&
           get(s->key, OSSL_PKEY_PARAM_RSA_EXPONENT2, s->dq, shorter) &&
           get(s->key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, s->u, longer);
}

static bool compute_public(struct bench_sample *s)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->key, NULL);
    size_t len = sizeof(s->public_result);
    bool ok = ctx && EVP_PKEY_encrypt_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
              EVP_PKEY_encrypt(ctx, s->public_result, &len, s->input, s->n) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

bool bench_sample_compute(const struct bench_sample *s, uint8_t out[RSA_BYTES_MAX])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(s->key, NULL);
    size_t len = RSA_BYTES_MAX;
    bool ok = ctx && EVP_PKEY_decrypt_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) > 0 &&
              EVP_PKEY_decrypt(ctx, out, &len, s->input, s->n) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

struct bench_sample *bench_sample_new(unsigned bits)
{
    struct bench_sample *s = xcalloc(1, sizeof(*s));

    s->n = bits / 8;
    s->key = EVP_RSA_gen(bits);
    memset(s->input, 0x5a, s->n);
    s->input[0] = 0;
    if (!s->key || !get_all(s) || !compute_public(s) || !bench_sample_compute(s, s->private_result))
        bench_fail("OpenSSL refuses an RSA key of %u bits", bits);
    return s;
}

void bench_sample_free(struct bench_sample *s)
{
    EVP_PKEY_free(s->key);
    explicit_bzero(s, sizeof(*s));
    free(s);
}
