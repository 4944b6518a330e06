/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_CCA_H
#define APUS_MESSAGE_CCA_H

#include "message/cprbx.h"
#include "message/rsa.h"
#include "message/type6.h"

/*
 * Parameter blocks of CCA services: two letters for the service, the rule array (a length field
 * that counts itself, then keywords of 8 characters), and the data of the service.
 */
struct cca_params {
    uint8_t function[2];
    struct span rules; /* a multiple of 8 bytes */
    struct span rest;
};

#define CCA_RULE_BYTES 8u

/* -EMSGSIZE: shorter than its length fields; -EINVAL: the rule array is not a multiple of 8
 * bytes. */
int cca_params_parse(struct span params, struct cca_params *out);

bool cca_function_is(const uint8_t function[2], const char *name);

/* Whether the rule array contains the keyword (of up to 8 characters). */
bool cca_rules_have(struct span rules, const char *keyword);

/* Appends the service letters and a rule array of one keyword, or none if keyword is NULL. */
void cca_params_start(const char *function, const char *keyword, struct buffer *out);

/* Whether the service needs the special bit in NQAP ("US", "AU") [messages-special]. */
bool cca_function_special(const uint8_t function[2]);

/*
 * Clear-key ME ("PK") and CRT ("PD") requests [messages-cca-rsa]. Parsing: -EMSGSIZE: a length
 * exceeds the block; -EINVAL: the token is not a PKA key token, lacks the section for the
 * operation, or has an empty part. The spans point into params. Formatting appends the whole
 * message that zcrypt sends to a queue of domain, for an operation in user form: -EINVAL: not in
 * user form; -ENOSPC; out is unchanged then.
 */
int cca_rsa_parse(const struct cca_params *params, struct rsa_request *out);
int cca_rsa_format(const struct rsa_request *rsa, uint16_t domain, struct buffer *out);

/* Appends the parameters of the reply; *result points to room for len bytes of result. */
void cca_rsa_format_reply(const uint8_t function[2], size_t len, struct buffer *out,
                          uint8_t **result);

/* The message with which zcrypt requests random bytes ("RL"). -ENOSPC with out unchanged. */
int cca_random_format(uint16_t domain, uint32_t bytes, struct buffer *out);

/*
 * AES DATA keys. A secure key is a token of 64 bytes; clear keys have 16, 24 or 32 bytes.
 * Control blocks (CPRBX and parameters) for an xcRB:
 *   keygen "KG": generate a key of the given length;
 *   import "CM": wrap a clear key;
 *   unwrap "US": turn a secure key into a protected key of the machine.
 * Formatting: -EINVAL: not an AES key length, or not a 64-byte token; -ENOSPC; out is unchanged.
 * Parsing: -EMSGSIZE: too short; -EINVAL: unknown keyword or wrong length field.
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

/* Parameters of the replies. The parsers get the params of the reply's CPRBX; errors as above. */
void cca_key_format_reply(const uint8_t function[2], struct span token, struct buffer *out);
int cca_key_parse_reply(struct span params, struct span *token);

/* key is the protected key itself, without the verification pattern of its wrapping key. */
struct cca_protected_key {
    struct span key, pattern;
    unsigned clear_bytes; /* 16, 24 or 32 */
};
void cca_unwrap_format_reply(const struct cca_protected_key *key, struct buffer *out);
int cca_unwrap_parse_reply(struct span params, struct cca_protected_key *out);

#endif
