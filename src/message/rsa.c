/* SPDX-License-Identifier: MIT */
#include "message/rsa.h"

#include <errno.h>

struct rsa_request rsa_request_me(size_t n, const void *input, const void *exponent,
                                  const void *modulus)
{
    struct rsa_request r = {.crt = false, .input = span_of(input, n)};

    r.me.exponent = span_of(exponent, n);
    r.me.modulus = span_of(modulus, n);
    return r;
}

struct rsa_request rsa_request_crt(size_t n, const void *input, const void *p, const void *q,
                                   const void *dp, const void *dq, const void *u)
{
    struct rsa_request r = {.crt = true, .input = span_of(input, n)};

    r.key.p = span_of(p, rsa_crt_long(n));
    r.key.q = span_of(q, rsa_crt_short(n));
    r.key.dp = span_of(dp, rsa_crt_long(n));
    r.key.dq = span_of(dq, rsa_crt_short(n));
    r.key.u = span_of(u, rsa_crt_long(n));
    return r;
}

int rsa_request_check(const struct rsa_request *r)
{
    size_t n = r->input.len, s = rsa_crt_short(n), l = rsa_crt_long(n);

    if (n < 1 || n > RSA_BYTES_MAX)
        return -EINVAL;
    if (!r->crt)
        return r->me.exponent.len == n && r->me.modulus.len == n ? 0 : -EINVAL;
    if (r->key.p.len != l || r->key.dp.len != l || r->key.u.len != l)
        return -EINVAL;
    return r->key.q.len == s && r->key.dq.len == s ? 0 : -EINVAL;
}
