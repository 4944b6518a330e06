/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "client.h"

/*
 * Elliptic curves on a CCA coprocessor, byte by byte as libica asks for them. What the coprocessor
 * answers is checked by OpenSSL.
 */

#define NUMBER_MAX 66

struct params {
    uint8_t bytes[2048];
    size_t len;
};

struct curve {
    const char *name; /* OpenSSL's */
    uint8_t family;
    unsigned bits, size;
};

struct pair {
    uint8_t d[NUMBER_MAX], q[1 + 2 * NUMBER_MAX];
};

static void add(struct params *p, const void *data, size_t len)
{
    if (len)
        memcpy(p->bytes + p->len, data, len);
    p->len += len;
}

static void add_zeros(struct params *p, size_t len)
{
    memset(p->bytes + p->len, 0, len);
    p->len += len;
}

static void add8(struct params *p, unsigned v)
{
    p->bytes[p->len++] = (uint8_t)v;
}

static void add16(struct params *p, unsigned v)
{
    add8(p, v >> 8);
    add8(p, v & 0xff);
}

static void add_public(struct params *p, const struct curve *c, const uint8_t *q, unsigned q_bytes)
{
    add16(p, 0x2100);
    add16(p, 14 + q_bytes);
    add_zeros(p, 4);
    add8(p, c->family);
    add8(p, 0);
    add16(p, c->bits);
    add16(p, q_bytes);
    add(p, q, q_bytes);
}

/* A token with both keys, or with room for them. */
static void add_token(struct params *p, const struct curve *c, const struct pair *pair)
{
    unsigned d_bytes = pair ? c->size : 0, q_bytes = pair ? 1 + 2 * c->size : 0;
    unsigned token = 8 + 76 + 16 + d_bytes + 14 + q_bytes;

    add16(p, token + 4);
    add16(p, 0x20);
    add16(p, 0x1e00);
    add16(p, token);
    add_zeros(p, 4);
    add16(p, 0x2000);
    add16(p, 76 + 16 + d_bytes);
    add_zeros(p, 4);
    add8(p, 0xc0);
    add8(p, c->family);
    add16(p, 0x4000);
    add16(p, c->bits);
    add16(p, 16);
    add_zeros(p, 56);
    add16(p, 16);
    add16(p, d_bytes);
    add(p, "\0\0\0\x10\0\0\0", 7);
    add8(p, c->family);
    add16(p, c->bits);
    add(p, "\xc0\x40\0\0\0\0", 6);
    add(p, pair ? pair->d : NULL, d_bytes);
    add_public(p, c, pair ? pair->q : NULL, q_bytes);
}

/* The key block begins here; the result is for end_keys. */
static size_t start_keys(struct params *p)
{
    add16(p, 0);
    return p->len - 2;
}

static void end_keys(struct params *p, size_t at)
{
    p->bytes[at] = (uint8_t)((p->len - at) >> 8);
    p->bytes[at + 1] = (uint8_t)(p->len - at);
}

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* Prints the errno or the code; whether the service succeeded. */
static int called(const char *what, int err, uint32_t rc)
{
    if (err)
        printf("%s %s\n", what, strerrorname_np(err));
    else
        printf("%s %u/%u\n", what, rc >> 16, rc & 0xffff);
    return !err && !rc;
}

static int generate(int fd, unsigned card, const struct curve *c, struct pair *pair)
{
    struct params p = {.len = 0};
    uint8_t reply[2048];
    uint32_t rc = 0;
    size_t keys;
    int err;

    add16(&p, 2);
    keys = start_keys(&p);
    add_token(&p, c, NULL);
    add(&p, "\0\x05\0\x10\0", 5);
    end_keys(&p, keys);
    err = cca_call(fd, card, "PG", "CLEAR   ", p.bytes, p.len, reply, sizeof reply, &rc);
    if (!called("keygen", err, rc))
        return 0;
    if (get16(reply + 20 + 74) != c->size || get16(reply + 20 + 2) != 92 + c->size)
        fail("PG: %u bytes of private key", get16(reply + 20 + 74));
    memcpy(pair->d, reply + 20 + 92, c->size);
    memcpy(pair->q, reply + 20 + 92 + c->size + 14, 1 + 2 * c->size);
    return 1;
}

static int sign(int fd, unsigned card, const struct curve *c, const struct pair *pair,
                const uint8_t hash[32], uint8_t *signature)
{
    struct params p = {.len = 0};
    uint8_t reply[2048];
    uint32_t rc = 0;
    size_t keys;
    int err;

    add16(&p, 36);
    add16(&p, 34);
    add(&p, hash, 32);
    keys = start_keys(&p);
    add_token(&p, c, pair);
    end_keys(&p, keys);
    err = cca_call(fd, card, "SG", "ECDSA   ", p.bytes, p.len, reply, sizeof reply, &rc);
    if (!called("sign", err, rc))
        return 0;
    if (get16(reply + 4) != 8 + 2 * c->size)
        fail("SG: %u bytes", get16(reply + 4));
    memcpy(signature, reply + 12, 2 * c->size);
    return 1;
}

static void verify(int fd, unsigned card, const struct curve *c, const struct pair *pair,
                   const uint8_t hash[32], const uint8_t *signature, const char *what)
{
    unsigned token = 8 + 14 + 1 + 2 * c->size;
    struct params p = {.len = 0};
    uint8_t reply[2048];
    uint32_t rc = 0;
    size_t keys;
    int err;

    add16(&p, 38 + 2 * c->size);
    add16(&p, 34);
    add(&p, hash, 32);
    add16(&p, 2 + 2 * c->size);
    add(&p, signature, 2 * c->size);
    keys = start_keys(&p);
    add16(&p, token + 4);
    add16(&p, 0);
    add16(&p, 0x1e00);
    add16(&p, token);
    add_zeros(&p, 4);
    add_public(&p, c, pair->q, 1 + 2 * c->size);
    end_keys(&p, keys);
    err = cca_call(fd, card, "SV", "ECDSA   ", p.bytes, p.len, reply, sizeof reply, &rc);
    called(what, err, rc);
}

static void derive(int fd, unsigned card, const struct curve *c, const struct pair *own,
                   const struct pair *other, uint8_t *x)
{
    struct params p = {.len = 0};
    struct pair both = *own;
    uint8_t reply[2048];
    uint32_t rc = 0;
    size_t keys;
    int err;

    memcpy(both.q, other->q, sizeof both.q);
    add(&p, "\0\x14\0\x04\0\x91\0\x06\0\x93\0\0\0\x04\0\x90\0\x04\0\x92", 20);
    keys = start_keys(&p);
    for (unsigned i = 0; i < 6; i++) {
        if (i == 0 || i == 2) {
            add_token(&p, c, &both);
        } else {
            add16(&p, 0x44);
            add_zeros(&p, 66);
        }
    }
    end_keys(&p, keys);
    err = cca_call(fd, card, "DH", "PASSTHRU", p.bytes, p.len, reply, sizeof reply, &rc);
    if (called("ecdh", err, rc)) {
        if (get16(reply + 20) != c->size + 4)
            fail("DH: %u bytes", get16(reply + 20) - 4);
        memcpy(x, reply + 24, c->size);
    }
}

static EVP_PKEY *public_of(const struct curve *c, const struct pair *pair)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)c->name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)pair->q,
                                          1 + 2 * c->size),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    EVP_PKEY_fromdata_init(ctx);
    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(ctx);
    if (!key)
        fail("OpenSSL does not take the public key");
    return key;
}

static int good_for_openssl(const struct curve *c, const struct pair *pair, const uint8_t hash[32],
                            const uint8_t *signature)
{
    EVP_PKEY *key = public_of(c, pair);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    ECDSA_SIG *pair_of = ECDSA_SIG_new();
    uint8_t *der = NULL;
    int len, good;

    ECDSA_SIG_set0(pair_of, BN_bin2bn(signature, (int)c->size, NULL),
                   BN_bin2bn(signature + c->size, (int)c->size, NULL));
    len = i2d_ECDSA_SIG(pair_of, &der);
    EVP_PKEY_verify_init(ctx);
    good = EVP_PKEY_verify(ctx, der, (size_t)len, hash, 32);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair_of);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good == 1;
}

int command_ec(int fd, unsigned card, const char *name, unsigned bits)
{
    struct curve c = {name, name[0] == 'b', bits, (bits + 7) / 8};
    uint8_t hash[32] = "the hash of a message, 32 bytes", signature[2 * NUMBER_MAX];
    uint8_t x[2][NUMBER_MAX] = {{1}, {2}};
    struct pair own, other;

    if (!generate(fd, card, &c, &own) || !generate(fd, card, &c, &other) ||
        !sign(fd, card, &c, &own, hash, signature))
        return 0;
    printf("openssl %s\n", good_for_openssl(&c, &own, hash, signature) ? "good" : "bad");
    verify(fd, card, &c, &own, hash, signature, "verify");
    verify(fd, card, &c, &other, hash, signature, "verify-other");
    derive(fd, card, &c, &own, &other, x[0]);
    derive(fd, card, &c, &other, &own, x[1]);
    printf("secrets %s\n", memcmp(x[0], x[1], c.size) ? "differ" : "same");
    return 0;
}
