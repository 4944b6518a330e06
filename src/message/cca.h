/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_CCA_H
#define APUS_MESSAGE_CCA_H

#include "message/cprbx.h"
#include "message/rsa.h"
#include "message/type6.h"

/*
 * Parameter blocks of CCA services: two letters that name the service, the rule array (keywords of
 * 8 characters behind a length field that counts itself), and what the service defines.
 */
struct cca_params {
    uint8_t function[2];
    struct span rules; /* a multiple of 8 bytes */
    struct span rest;
};

#define CCA_RULE_BYTES 8u

/* -EMSGSIZE too short for what its lengths say; -EINVAL rule array not a multiple of 8. */
int cca_params_parse(struct span params, struct cca_params *out);

bool cca_function_is(const uint8_t function[2], const char *name);

/* True when some keyword of the rule array is the given one (of up to 8 characters). */
bool cca_rules_have(struct span rules, const char *keyword);

/* Appends service letters and rule array; keyword may be NULL for an empty one. */
void cca_params_start(const char *function, const char *keyword, struct buffer *out);

/* True for services that need the special bit in NQAP ("US", "AU") [messages-special]. */
bool cca_function_special(const uint8_t function[2]);

/*
 * Clear-key ME ("PK") and CRT ("PD") requests [messages-cca-rsa].
 * Parsing: -EMSGSIZE a length that points outside; -EINVAL the token is no PKA key token, or lacks
 * the section that the operation needs, or has a part of no length. The spans point into params.
 * Formatting writes the whole message that zcrypt puts into the queue of domain, for an operation
 * in user form: -EINVAL not in user form; -ENOSPC; out unchanged then.
 */
int cca_rsa_parse(const struct cca_params *params, struct rsa_request *out);
int cca_rsa_format(const struct rsa_request *rsa, uint16_t domain, struct buffer *out);

/* Appends the parameters of the reply; *result is where len bytes of result go. */
void cca_rsa_format_reply(const uint8_t function[2], size_t len, struct buffer *out,
                          uint8_t **result);

/* The message by which zcrypt fetches random bytes ("RL"). -ENOSPC with out unchanged. */
int cca_random_format(uint16_t domain, uint32_t bytes, struct buffer *out);

/*
 * AES DATA keys. A secure key is a token of 64 bytes; clear keys have 16, 24 or 32 bytes.
 * Control blocks (CPRBX and parameters) for an xcRB, with reply_bytes for the reply:
 *   keygen "KG": generate a key of so many bytes;
 *   import "CM": wrap a clear key;
 *   unwrap "US": turn a secure key into a protected key of the machine.
 * Formatting: -EINVAL a key of no AES length or a token of not 64 bytes; -ENOSPC; out unchanged.
 * Parsing: -EMSGSIZE too short; -EINVAL unknown keyword or length field.
 */
#define CCA_TOKEN_BYTES       64u
#define CCA_KEY_REPLY_BYTES   (CPRBX_BYTES + 512u)
#define CCA_PROTECTED_KEY_MAX 64u
#define CCA_PATTERN_BYTES     32u

int cca_keygen_format(uint16_t domain, size_t key_bytes, struct buffer *out);
int cca_keygen_parse(const struct cca_params *params, size_t *key_bytes);
int cca_import_format(uint16_t domain, struct span clear, struct buffer *out);
int cca_import_parse(const struct cca_params *params, struct span *clear);
int cca_unwrap_format(uint16_t domain, struct span token, struct buffer *out);
int cca_unwrap_parse(const struct cca_params *params, struct span *token);

/* Parameters of the replies. Parsing takes the params of the reply's CPRBX; errors as above. */
void cca_key_format_reply(const uint8_t function[2], struct span token, struct buffer *out);
int cca_key_parse_reply(struct span params, struct span *token);

/* key is what the hardware calls the protected key, without the pattern of its wrapping key. */
struct cca_protected_key {
    struct span key, pattern;
    unsigned clear_bytes; /* 16, 24 or 32 */
};
void cca_unwrap_format_reply(const struct cca_protected_key *key, struct buffer *out);
int cca_unwrap_parse_reply(struct span params, struct cca_protected_key *out);

#endif
