/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_RSA_H
#define APUS_MESSAGE_RSA_H

#include "message/bytes.h"

/*
 * A clear-key RSA operation in modulus-exponent or Chinese-remainder form, as numbers of any width
 * (leading zeros allowed). It is what a parser finds in a request.
 *
 * The form in which a user of /dev/z90crypt hands it over ("user form", [zcrypt-structures]) fixes
 * the widths by n = input.len: modulus and exponent n; with s = (n + 1) / 2, p, dp and u have s + 8
 * bytes of which the first 8 are padding, q and dq have s. Formatters take that form.
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
/* Padding in front of p, dp and u in user form. */
#define RSA_CRT_PADDING 8u

static inline size_t rsa_crt_short(size_t n)
{
    return (n + 1) / 2;
}

static inline size_t rsa_crt_long(size_t n)
{
    return rsa_crt_short(n) + RSA_CRT_PADDING;
}

/* Operands in user form, each of the width that n implies. */
struct rsa_request rsa_request_me(size_t n, const void *input, const void *exponent,
                                  const void *modulus);
struct rsa_request rsa_request_crt(size_t n, const void *input, const void *p, const void *q,
                                   const void *dp, const void *dq, const void *u);

/* 0 for a request in user form with 1..512 bytes; -EINVAL otherwise. */
int rsa_request_check(const struct rsa_request *r);

#endif
