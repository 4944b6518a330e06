/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_KEYS_H
#define APUS_CRYPTO_KEYS_H

#include "base/apqn.h"
#include "message/cca_info.h"
#include "message/ep11.h"

/*
 * The key registers of one domain of one adapter, and wrapping and unwrapping with them.
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
    uint8_t protected_key[CRYPTO_KEY_BYTES]; /* the machine's wrapping key for protected keys */
};

/*
 * Derives the registers of a queue: current master keys and the EP11 wrapping key are set, new and
 * old ones are empty. All depend on all arguments, and on nothing else, except that protected_key
 * depends on the secret only. A zeroize increments generation. 0, or -ENOMEM with *out unchanged.
 */
int crypto_domain_derive(const uint8_t secret[CRYPTO_KEY_BYTES], ap_qn qn, uint64_t generation,
                         struct crypto_domain *out);

void crypto_domain_done(struct crypto_domain *domain);

/* Fills in the registers' part of a facility query's reply; serial is not changed. 0 or -ENOMEM. */
int crypto_domain_info(const struct crypto_domain *domain, struct cca_info *out);

/* The verification pattern of the EP11 wrapping key. 0 or -ENOMEM. */
int crypto_wrapping_pattern(const struct crypto_domain *domain, uint8_t out[EP11_PATTERN_BYTES]);

/* Return and reason code of a CCA service; both 0 for success. */
struct cca_code {
    uint16_t rtcode, rscode;
};

/*
 * Wraps an AES key of 16, 24 or 32 bytes into a secure key token of the domain. 12/764: no current
 * AES master key; 8/72: another length; 12/769: failure of OpenSSL.
 */
struct cca_code crypto_token_wrap(const struct crypto_domain *domain, struct span clear,
                                  uint8_t token[CCA_TOKEN_BYTES]);

/*
 * Unwraps the key of a token. In this order: 8/72 wrong length of the token; 8/47 not an internal
 * token; 8/49 version; 8/29 check word; 8/47 fields out of range; 12/764 no AES master key; 8/48
 * wrapped with a master key that the domain does not hold (another domain's, or one from before a
 * zeroize); 0/10001 success with the old master key; 12/769 failure of OpenSSL.
 */
struct cca_code crypto_token_unwrap(const struct crypto_domain *domain, struct span token,
                                    uint8_t clear[CRYPTO_KEY_BYTES], size_t *len);

/* key must have len bytes; pattern identifies the machine's wrapping key. 0 or -ENOMEM. */
int crypto_protect(const struct crypto_domain *domain, struct span clear, uint8_t *key,
                   uint8_t pattern[CCA_PATTERN_BYTES]);

/* The inverse, as CPACF does it. -EINVAL: length; -EKEYREJECTED: pattern of another key. */
int crypto_unprotect(const struct crypto_domain *domain, struct span key, struct span pattern,
                     uint8_t *clear);

#endif
