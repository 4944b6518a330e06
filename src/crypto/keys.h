/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_KEYS_H
#define APUS_CRYPTO_KEYS_H

#include "base/apqn.h"
#include "message/cca_info.h"
#include "message/ep11.h"

/*
 * The key registers of one domain of one adapter, and what is wrapped with them.
 */
#define CRYPTO_KEY_BYTES 32u

struct crypto_register {
    char state; /* as in struct cca_info */
    uint8_t key[CRYPTO_KEY_BYTES];
};

struct crypto_domain {
    uint8_t index; /* the APQI */
    struct crypto_register cca[CCA_MASTER_KEYS][CCA_REGISTERS];
    bool wrapping_valid;
    uint8_t wrapping[CRYPTO_KEY_BYTES];      /* EP11 wrapping key */
    uint8_t protected_key[CRYPTO_KEY_BYTES]; /* the machine's, for protected keys */
};

/*
 * The registers of a queue: current master keys and the EP11 wrapping key are set, new and old ones
 * are empty. They depend on nothing but the arguments, and each argument changes all of them
 * (except that protected_key depends on the secret alone); a zeroize is a step of generation.
 * 0 or -ENOMEM, *out untouched then.
 */
int crypto_domain_derive(const uint8_t secret[CRYPTO_KEY_BYTES], ap_qn qn, uint64_t generation,
                         struct crypto_domain *out);

void crypto_domain_done(struct crypto_domain *domain);

/* Fills in what a facility query tells of the registers; serial is left alone. 0 or -ENOMEM. */
int crypto_domain_info(const struct crypto_domain *domain, struct cca_info *out);

/* The verification pattern of the EP11 wrapping key. 0 or -ENOMEM. */
int crypto_wrapping_pattern(const struct crypto_domain *domain, uint8_t out[EP11_PATTERN_BYTES]);

/* Codes of a CCA service; zero for success. */
struct cca_code {
    uint16_t rtcode, rscode;
};

/*
 * Wraps an AES key of 16, 24 or 32 bytes into a secure key token of the domain: 12/764 without a
 * current AES master key, 8/72 for another length, 12/769 when the library fails.
 */
struct cca_code crypto_token_wrap(const struct crypto_domain *domain, struct span clear,
                                  uint8_t token[CCA_TOKEN_BYTES]);

/*
 * The key inside a token. In this order: 8/72 wrong length of the token; 8/47 not an internal
 * token; 8/49 version; 8/29 its check word; 8/47 fields out of range; 12/764 no AES master key;
 * 8/48 the token was made with a master key that the domain does not hold (another domain, or
 * before a zeroize); 0/10001 success with the old master key; 12/769.
 */
struct cca_code crypto_token_unwrap(const struct crypto_domain *domain, struct span token,
                                    uint8_t clear[CRYPTO_KEY_BYTES], size_t *len);

/* key must have len bytes; pattern tells which machine's wrapping key was used. 0 or -ENOMEM. */
int crypto_protect(const struct crypto_domain *domain, struct span clear, uint8_t *key,
                   uint8_t pattern[CCA_PATTERN_BYTES]);

/* The inverse, for whoever plays the machine's CPACF: -EINVAL length, -EKEYREJECTED pattern. */
int crypto_unprotect(const struct crypto_domain *domain, struct span key, struct span pattern,
                     uint8_t *clear);

#endif
