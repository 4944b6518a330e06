/* SPDX-License-Identifier: MIT */
#include "crypto/keys.h"

#include <errno.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* The register that a derived key belongs to. */
enum purpose {
    PURPOSE_ASYM = CCA_ASYM,
    PURPOSE_AES = CCA_AES,
    PURPOSE_APKA = CCA_APKA,
    PURPOSE_WRAPPING,
    PURPOSE_PROTECTED,
};

static int derive(const uint8_t *secret, enum purpose purpose, ap_qn qn, uint64_t generation,
                  uint8_t out[CRYPTO_KEY_BYTES])
{
    uint8_t message[8 + 1 + 2 + 8] = "apus key";

    message[8] = (uint8_t)purpose;
    be16_put(message + 9, qn);
    be64_put(message + 11, generation);
    return HMAC(EVP_sha256(), secret, CRYPTO_KEY_BYTES, message, sizeof(message), out, NULL)
               ? 0
               : -ENOMEM;
}

int crypto_domain_derive(const uint8_t secret[CRYPTO_KEY_BYTES], ap_qn qn, uint64_t generation,
                         struct crypto_domain *out)
{
    struct crypto_domain d = {.index = (uint8_t)AP_QN_APQI(qn), .wrapping_valid = true};
    int r = 0;

    for (unsigned k = 0; k < CCA_MASTER_KEYS && !r; k++) {
        for (unsigned i = 0; i < CCA_REGISTERS; i++)
            d.cca[k][i].state = i == CCA_CURRENT ? '2' : '1';
        r = derive(secret, (enum purpose)k, qn, generation, d.cca[k][CCA_CURRENT].key);
    }
    if (!r)
        r = derive(secret, PURPOSE_WRAPPING, qn, generation, d.wrapping);
    if (!r)
        r = derive(secret, PURPOSE_PROTECTED, 0, 0, d.protected_key);
    if (!r)
        *out = d;
    crypto_domain_done(&d);
    return r;
}

void crypto_domain_done(struct crypto_domain *domain)
{
    OPENSSL_cleanse(domain, sizeof(*domain));
}

/* SHA-256 of a byte 01 and the key. CCA truncates it, EP11 does not. */
static int pattern_of(const uint8_t key[CRYPTO_KEY_BYTES], uint8_t out[32])
{
    uint8_t input[1 + CRYPTO_KEY_BYTES] = {1};
    int ok;

    memcpy(input + 1, key, CRYPTO_KEY_BYTES);
    ok = EVP_Digest(input, sizeof(input), out, NULL, EVP_sha256(), NULL);
    OPENSSL_cleanse(input, sizeof(input));
    return ok ? 0 : -ENOMEM;
}

int crypto_domain_info(const struct crypto_domain *domain, struct cca_info *out)
{
    struct cca_info info = *out;

    for (unsigned k = 0; k < CCA_MASTER_KEYS; k++) {
        for (unsigned i = 0; i < CCA_REGISTERS; i++) {
            uint8_t pattern[32];

            if (pattern_of(domain->cca[k][i].key, pattern) < 0)
                return -ENOMEM;
            info.keys[k][i].state = domain->cca[k][i].state;
            memset(info.keys[k][i].pattern, 0, CCA_PATTERN_BYTES_MAX);
            memcpy(info.keys[k][i].pattern, pattern, k == CCA_ASYM ? 16 : 8);
        }
    }
    *out = info;
    return 0;
}

int crypto_wrapping_pattern(const struct crypto_domain *domain, uint8_t out[EP11_PATTERN_BYTES])
{
    return pattern_of(domain->wrapping, out);
}

/* AES-256-CBC with a zero IV, and ciphertext stealing for lengths that are not a multiple of the
 * block size. */
static int aes_crypt(const uint8_t key[CRYPTO_KEY_BYTES], bool encrypt, const uint8_t *in,
                     size_t len, uint8_t *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, len % 16 ? "AES-256-CBC-CTS" : "AES-256-CBC", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    static const uint8_t vector[16];
    int written, ok;

    ok = cipher && ctx && EVP_CipherInit_ex2(ctx, cipher, key, vector, encrypt, NULL) &&
         EVP_CIPHER_CTX_set_padding(ctx, 0) && EVP_CipherUpdate(ctx, out, &written, in, (int)len) &&
         written == (int)len;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok ? 0 : -ENOMEM;
}

/* Offsets in a key token (AES DATA key, internal, version 4). */
enum {
    TOKEN_TYPE = 0,
    TOKEN_VERSION = 4,
    TOKEN_FLAGS = 6,
    TOKEN_PATTERN = 8,
    TOKEN_KEY = 16,
    TOKEN_BITS = 56,
    TOKEN_BYTES = 58,
    TOKEN_CHECK = 60,
};

/* The sum of the words before the check word. */
static uint32_t check_word(const uint8_t *token)
{
    uint32_t sum = 0;

    for (unsigned at = 0; at < TOKEN_CHECK; at += 4)
        sum += be32_get(token + at);
    return sum;
}

static struct cca_code code(uint16_t rtcode, uint16_t rscode)
{
    return (struct cca_code){rtcode, rscode};
}

static bool aes_length(size_t len)
{
    return len == 16 || len == 24 || len == 32;
}

struct cca_code crypto_token_wrap(const struct crypto_domain *domain, struct span clear,
                                  uint8_t token[CCA_TOKEN_BYTES])
{
    const struct crypto_register *master = &domain->cca[CCA_AES][CCA_CURRENT];
    uint8_t t[CCA_TOKEN_BYTES] = {0}, padded[CRYPTO_KEY_BYTES] = {0}, pattern[32];
    int r;

    if (!aes_length(clear.len))
        return code(8, 72);
    if (master->state != '2')
        return code(12, 764);
    memcpy(padded, clear.data, clear.len);
    r = aes_crypt(master->key, true, padded, sizeof(padded), t + TOKEN_KEY);
    OPENSSL_cleanse(padded, sizeof(padded));
    if (r < 0 || pattern_of(master->key, pattern) < 0)
        return code(12, 769);
    t[TOKEN_TYPE] = 1;
    t[TOKEN_VERSION] = 4;
    t[TOKEN_FLAGS] = 0xc0;
    memcpy(t + TOKEN_PATTERN, pattern, 8);
    be16_put(t + TOKEN_BITS, (uint16_t)(8 * clear.len));
    be16_put(t + TOKEN_BYTES, sizeof(padded));
    be32_put(t + TOKEN_CHECK, check_word(t));
    memcpy(token, t, sizeof(t));
    return code(0, 0);
}

static struct cca_code check_token(struct span token)
{
    const uint8_t *t = token.data;

    if (token.len != CCA_TOKEN_BYTES)
        return code(8, 72);
    if (t[TOKEN_TYPE] != 1)
        return code(8, 47);
    if (t[TOKEN_VERSION] != 4)
        return code(8, 49);
    if (be32_get(t + TOKEN_CHECK) != check_word(t))
        return code(8, 29);
    if (be16_get(t + TOKEN_BITS) % 8 || !aes_length(be16_get(t + TOKEN_BITS) / 8) ||
        be16_get(t + TOKEN_BYTES) != CRYPTO_KEY_BYTES)
        return code(8, 47);
    return code(0, 0);
}

struct cca_code crypto_token_unwrap(const struct crypto_domain *domain, struct span token,
                                    uint8_t clear[CRYPTO_KEY_BYTES], size_t *len)
{
    static const enum cca_register order[] = {CCA_CURRENT, CCA_OLD};
    struct cca_code c = check_token(token);

    if (c.rtcode)
        return c;
    if (domain->cca[CCA_AES][CCA_CURRENT].state != '2')
        return code(12, 764);
    for (unsigned i = 0; i < 2; i++) {
        const struct crypto_register *master = &domain->cca[CCA_AES][order[i]];
        uint8_t pattern[32];

        if (master->state != '2')
            continue;
        if (pattern_of(master->key, pattern) < 0)
            return code(12, 769);
        if (memcmp(pattern, token.data + TOKEN_PATTERN, 8) != 0)
            continue;
        if (aes_crypt(master->key, false, token.data + TOKEN_KEY, CRYPTO_KEY_BYTES, clear) < 0)
            return code(12, 769);
        *len = be16_get(token.data + TOKEN_BITS) / 8;
        return code(0, i == 0 ? 0 : 10001);
    }
    return code(8, 48);
}

int crypto_protect(const struct crypto_domain *domain, struct span clear, uint8_t *key,
                   uint8_t pattern[CCA_PATTERN_BYTES])
{
    if (pattern_of(domain->protected_key, pattern) < 0)
        return -ENOMEM;
    return aes_crypt(domain->protected_key, true, clear.data, clear.len, key);
}

int crypto_unprotect(const struct crypto_domain *domain, struct span key, struct span pattern,
                     uint8_t *clear)
{
    uint8_t own[CCA_PATTERN_BYTES];

    if (!aes_length(key.len))
        return -EINVAL;
    if (pattern_of(domain->protected_key, own) < 0)
        return -ENOMEM;
    if (!span_equal(pattern, own, sizeof(own)))
        return -EKEYREJECTED;
    return aes_crypt(domain->protected_key, false, key.data, key.len, clear);
}
