/* SPDX-License-Identifier: MIT */
#include "crypto/ec.h"

#include <errno.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

/* OpenSSL's name of the curve. */
static const char *name_of(struct cca_ec_curve curve)
{
    static const struct {
        struct cca_ec_curve curve;
        const char *name;
    } curves[] = {
        {{CCA_EC_PRIME, 192}, "P-192"},
        {{CCA_EC_PRIME, 224}, "P-224"},
        {{CCA_EC_PRIME, 256}, "P-256"},
        {{CCA_EC_PRIME, 384}, "P-384"},
        {{CCA_EC_PRIME, 521}, "P-521"},
        {{CCA_EC_BRAINPOOL, 160}, "brainpoolP160r1"},
        {{CCA_EC_BRAINPOOL, 192}, "brainpoolP192r1"},
        {{CCA_EC_BRAINPOOL, 224}, "brainpoolP224r1"},
        {{CCA_EC_BRAINPOOL, 256}, "brainpoolP256r1"},
        {{CCA_EC_BRAINPOOL, 320}, "brainpoolP320r1"},
        {{CCA_EC_BRAINPOOL, 384}, "brainpoolP384r1"},
        {{CCA_EC_BRAINPOOL, 512}, "brainpoolP512r1"},
    };

    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (curves[i].curve.family == curve.family && curves[i].curve.bits == curve.bits)
            return curves[i].name;
    return NULL;
}

/* Between the order of bytes in messages and that of OpenSSL's parameters, which is the CPU's. */
static void swap(uint8_t *out, const uint8_t *in, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? in[i] : in[len - 1 - i];
}

static int is_private_valid(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    int ok = ctx && EVP_PKEY_private_check(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static EVP_PKEY *key_from(OSSL_PARAM *params, int what)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &key, what, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *private_key(struct cca_ec_curve curve, struct span d)
{
    const char *name = name_of(curve);
    uint8_t number[CCA_EC_BYTES_MAX];
    OSSL_PARAM params[3];
    EVP_PKEY *key;

    if (!name || d.len != cca_ec_bytes(curve))
        return NULL;
    swap(number, d.data, d.len);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)name, 0);
    params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, d.len);
    params[2] = OSSL_PARAM_construct_end();
    key = key_from(params, EVP_PKEY_KEYPAIR);
    OPENSSL_cleanse(number, sizeof(number));
    if (key && !is_private_valid(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

/* OpenSSL checks that the point is on the curve; the cofactor of all twelve is 1. */
static EVP_PKEY *public_key(struct cca_ec_curve curve, struct span q)
{
    const char *name = name_of(curve);
    OSSL_PARAM params[3];

    if (!name || q.len != 1 + 2 * cca_ec_bytes(curve) || q.data[0] != POINT_CONVERSION_UNCOMPRESSED)
        return NULL;
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)name, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)q.data, q.len);
    params[2] = OSSL_PARAM_construct_end();
    return key_from(params, EVP_PKEY_PUBLIC_KEY);
}

int ec_check_point(struct cca_ec_curve curve, struct span q)
{
    EVP_PKEY *key = public_key(curve, q);

    EVP_PKEY_free(key);
    return key ? 0 : -EINVAL;
}

static int take_numbers(EVP_PKEY *key, size_t bytes, uint8_t *d, uint8_t *q)
{
    uint8_t number[CCA_EC_BYTES_MAX];
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, number, bytes),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, q, 1 + 2 * bytes),
        OSSL_PARAM_construct_end()};
    int ok = EVP_PKEY_get_params(key, params) && params[1].return_size == 1 + 2 * bytes;

    if (ok)
        swap(d, number, bytes);
    OPENSSL_cleanse(number, sizeof(number));
    return ok ? 0 : -ENOMEM;
}

int ec_generate(struct cca_ec_curve curve, uint8_t *d, uint8_t *q)
{
    const char *name = name_of(curve);
    EVP_PKEY *key = name ? EVP_EC_gen(name) : NULL;
    int error = -EINVAL;

    if (key)
        error = take_numbers(key, cca_ec_bytes(curve), d, q);
    EVP_PKEY_free(key);
    return error;
}

static int write_signature(const uint8_t *der, size_t len, uint8_t *out, int bytes)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    int ok = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, bytes) == bytes &&
             BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + bytes, bytes) == bytes;

    ECDSA_SIG_free(pair);
    return ok ? 0 : -ENOMEM;
}

/* Room for a signature as OpenSSL gives it: a SEQUENCE of two INTEGERs. */
#define DER_BYTES_MAX (2u * CCA_EC_BYTES_MAX + 16u)

int ec_sign(struct cca_ec_curve curve, struct span d, struct span hash, uint8_t *signature)
{
    EVP_PKEY *key = private_key(curve, d);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    uint8_t der[DER_BYTES_MAX];
    size_t len = sizeof(der);
    int error = key ? -ENOMEM : -EINVAL;

    if (ctx && EVP_PKEY_sign_init(ctx) == 1 &&
        EVP_PKEY_sign(ctx, der, &len, hash.data, hash.len) == 1)
        error = write_signature(der, len, signature, (int)cca_ec_bytes(curve));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return error;
}

/* Whether 0 < number < order. */
static bool in_range(const BIGNUM *number, const BIGNUM *order)
{
    return number && order && !BN_is_zero(number) && BN_cmp(number, order) < 0;
}

/* The signature for OpenSSL; NULL if it cannot be one. */
static ECDSA_SIG *signature_of(EVP_PKEY *key, struct span signature)
{
    int half = (int)(signature.len / 2);
    BIGNUM *r = BN_bin2bn(signature.data, half, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + half, half, NULL), *order = NULL;
    ECDSA_SIG *pair = ECDSA_SIG_new();

    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_ORDER, &order);
    if (in_range(r, order) && in_range(s, order) && pair) {
        ECDSA_SIG_set0(pair, r, s);
    } else {
        ECDSA_SIG_free(pair);
        BN_free(r);
        BN_free(s);
        pair = NULL;
    }
    BN_free(order);
    return pair;
}

static int verify(EVP_PKEY *key, const ECDSA_SIG *pair, struct span hash)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    uint8_t *der = NULL;
    int len = i2d_ECDSA_SIG(pair, &der), good = -1;

    if (ctx && len > 0 && EVP_PKEY_verify_init(ctx) == 1)
        good = EVP_PKEY_verify(ctx, der, (size_t)len, hash.data, hash.len);
    EVP_PKEY_CTX_free(ctx);
    OPENSSL_free(der);
    if (good == 1)
        return 0;
    return good == 0 ? -EKEYREJECTED : -ENOMEM;
}

int ec_verify(struct cca_ec_curve curve, struct span q, struct span hash, struct span signature)
{
    EVP_PKEY *key = public_key(curve, q);
    ECDSA_SIG *pair;
    int error = -EDOM;

    if (!key)
        return -EINVAL;
    pair = signature_of(key, signature);
    if (pair)
        error = verify(key, pair, hash);
    ECDSA_SIG_free(pair);
    EVP_PKEY_free(key);
    return error;
}

static int derive(EVP_PKEY *own, EVP_PKEY *other, uint8_t *x, size_t bytes)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    size_t len = bytes;
    int ok = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
             EVP_PKEY_derive_set_peer_ex(ctx, other, 0) == 1 &&
             EVP_PKEY_derive(ctx, x, &len) == 1 && len == bytes;

    EVP_PKEY_CTX_free(ctx);
    return ok ? 0 : -ENOMEM;
}

int ec_derive(struct cca_ec_curve curve, struct span d, struct span q, uint8_t *x)
{
    EVP_PKEY *own = private_key(curve, d), *other = public_key(curve, q);
    int error = own && other ? derive(own, other, x, cca_ec_bytes(curve)) : -EINVAL;

    EVP_PKEY_free(own);
    EVP_PKEY_free(other);
    return error;
}
