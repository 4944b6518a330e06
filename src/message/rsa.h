/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_RSA_H
#define APUS_MESSAGE_RSA_H

#include "message/bytes.h"

/*
 * A clear-key RSA operation in modulus-exponent (ME) or Chinese-remainder (CRT) form, as numbers of
 * any width (leading zeros allowed). This is what a parser returns.
 *
 * "User form" is the form in which users of /dev/z90crypt pass it [zcrypt-structures]. It fixes the
 * widths by n = input.len: modulus and exponent have n bytes; with s = (n + 1) / 2, p, dp and u
 * have s + 8 bytes of which the first 8 are padding, q and dq have s. Formatters require that form.
 */
struct rsa_request {
    bool crt;
    struct span input;
    union {
        struct {
            struct span exponent, modulus;
        } me;
        struct {
            struct span p, q, dp, dq, u;
        } key;
    };
};

#define RSA_BYTES_MAX 512u
/* Padding before p, dp and u in user form. */
#define RSA_CRT_PADDING 8u

static inline size_t rsa_crt_short(size_t n)
{
    return (n + 1) / 2;
}

static inline size_t rsa_crt_long(size_t n)
{
    return rsa_crt_short(n) + RSA_CRT_PADDING;
}

/* Operands in user form, of the widths that n implies. */
struct rsa_request rsa_request_me(size_t n, const void *input, const void *exponent,
                                  const void *modulus);
struct rsa_request rsa_request_crt(size_t n, const void *input, const void *p, const void *q,
                                   const void *dp, const void *dq, const void *u);

/* 0 for a request in user form with 1..512 bytes; -EINVAL otherwise. */
int rsa_request_check(const struct rsa_request *r);

#endif
