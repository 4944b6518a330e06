/* SPDX-License-Identifier: MIT */
#include "crypto/modexp.h"

#include <errno.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>

#define MODULUS_BITS (8 * (int)RSA_BYTES_MAX)
#define PRIME_BITS   (MODULUS_BITS / 2)
/* Exponents of up to this size are assumed to be public; longer ones are used in constant time. */
#define PUBLIC_EXPONENT_BITS 64

/* Loads a number into the context, which clears it when it is freed. */
static int load(BN_CTX *ctx, struct span s, int max_bits, BIGNUM **out)
{
    BIGNUM *n = BN_CTX_get(ctx);

    while (s.len && !s.data[0])
        s = span_of(s.data + 1, s.len - 1);
    if (s.len > (size_t)max_bits / 8)
        return -EINVAL;
    if (!n || !BN_bin2bn(s.data, (int)s.len, n))
        return -ENOMEM;
    *out = n;
    return 0;
}

static int check_modulus(const BIGNUM *m)
{
    if (BN_is_zero(m) || BN_is_one(m))
        return -EINVAL;
    return BN_is_odd(m) ? 0 : -EDOM;
}

static int store(const BIGNUM *result, uint8_t *out, size_t n)
{
    if ((size_t)BN_num_bytes(result) > n)
        return -ERANGE;
    return BN_bn2binpad(result, out, (int)n) < 0 ? -ENOMEM : 0;
}

void modexp_forget(struct modexp_kept *kept)
{
    for (unsigned i = 0; i < 2; i++)
        BN_MONT_CTX_free(kept->forms[i]); /* clears its numbers */
    OPENSSL_cleanse(kept, sizeof(*kept));
}

static int prepare(BN_CTX *ctx, const BIGNUM *const *moduli, unsigned count,
                   struct modexp_kept *kept)
{
    modexp_forget(kept);
    for (unsigned i = 0; i < count; i++) {
        kept->forms[i] = BN_MONT_CTX_new();
        if (!kept->forms[i] || !BN_MONT_CTX_set(kept->forms[i], moduli[i], ctx)) {
            modexp_forget(kept);
            return -ENOMEM;
        }
    }
    return 0;
}

static bool same_moduli(const struct modexp_kept *kept, const uint8_t numbers[RSA_BYTES_MAX],
                        unsigned count)
{
    return kept->forms[0] && (kept->forms[1] ? 2 : 1) == count &&
           CRYPTO_memcmp(kept->numbers, numbers, RSA_BYTES_MAX) == 0;
}

/* Makes kept hold the Montgomery forms of one or two moduli. */
static int use_kept(BN_CTX *ctx, const BIGNUM *const *moduli, unsigned count,
                    struct modexp_kept *kept)
{
    const size_t len = RSA_BYTES_MAX / count;
    uint8_t numbers[RSA_BYTES_MAX];
    int error = 0;

    for (unsigned i = 0; i < count; i++)
        if (BN_bn2binpad(moduli[i], numbers + i * len, (int)len) < 0)
            return -ENOMEM;
    if (!same_moduli(kept, numbers, count)) {
        error = prepare(ctx, moduli, count, kept);
        if (!error)
            memcpy(kept->numbers, numbers, sizeof(numbers));
    }
    OPENSSL_cleanse(numbers, sizeof(numbers));
    kept->used = true;
    return error;
}

static int compute_me(BN_CTX *ctx, const struct rsa_request *r, struct modexp_kept *kept,
                      uint8_t *out, size_t n)
{
    BIGNUM *c, *e, *m, *result = BN_CTX_get(ctx);
    int error = load(ctx, r->input, MODULUS_BITS, &c), ok;

    if (!error)
        error = load(ctx, r->me.exponent, MODULUS_BITS, &e);
    if (!error)
        error = load(ctx, r->me.modulus, MODULUS_BITS, &m);
    if (!error && BN_is_zero(e))
        error = -EINVAL;
    if (!error)
        error = check_modulus(m);
    if (error)
        return error;
    if (BN_cmp(c, m) >= 0)
        return -ERANGE;
    error = use_kept(ctx, (const BIGNUM *const[]){m}, 1, kept);
    if (error)
        return error;
    if (BN_num_bits(e) <= PUBLIC_EXPONENT_BITS)
        ok = BN_mod_exp_mont(result, c, e, m, ctx, kept->forms[0]);
    else
        ok = BN_mod_exp_mont_consttime(result, c, e, m, ctx, kept->forms[0]);
    return ok ? store(result, out, n) : -ENOMEM;
}

struct crt {
    BIGNUM *c, *p, *q, *dp, *dq, *u;
};

static int load_crt(BN_CTX *ctx, const struct rsa_request *r, struct crt *k)
{
    const struct {
        struct span from;
        BIGNUM **to;
    } parts[] = {{r->key.p, &k->p},
                 {r->key.q, &k->q},
                 {r->key.dp, &k->dp},
                 {r->key.dq, &k->dq},
                 {r->key.u, &k->u}};
    int error = load(ctx, r->input, MODULUS_BITS, &k->c);

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !error; i++) {
        error = load(ctx, parts[i].from, PRIME_BITS, parts[i].to);
        if (!error)
            BN_set_flags(*parts[i].to, BN_FLG_CONSTTIME);
    }
    if (!error && (BN_is_zero(k->dp) || BN_is_zero(k->dq)))
        error = -EINVAL;
    if (!error)
        error = check_modulus(k->p);
    if (!error)
        error = check_modulus(k->q);
    return error;
}

static int compute_crt(BN_CTX *ctx, const struct rsa_request *r, struct modexp_kept *kept,
                       uint8_t *out, size_t n)
{
    BIGNUM *m1 = BN_CTX_get(ctx), *m2 = BN_CTX_get(ctx), *cp = BN_CTX_get(ctx);
    BIGNUM *cq = BN_CTX_get(ctx), *h = BN_CTX_get(ctx);
    struct crt k;
    int error;

    if (!h)
        return -ENOMEM;
    error = load_crt(ctx, r, &k);
    if (error)
        return error;
    if (!BN_mul(h, k.p, k.q, ctx))
        return -ENOMEM;
    if (BN_cmp(k.c, h) >= 0)
        return -ERANGE;
    error = use_kept(ctx, (const BIGNUM *const[]){k.p, k.q}, 2, kept);
    if (error)
        return error;
    if (!BN_mod(cp, k.c, k.p, ctx) || !BN_mod(cq, k.c, k.q, ctx))
        return -ENOMEM;
    /* Both halves in one call, which OpenSSL interleaves where the processor supports it. */
    if (!BN_mod_exp_mont_consttime_x2(m1, cp, k.dp, k.p, kept->forms[0], m2, cq, k.dq, k.q,
                                      kept->forms[1], ctx))
        return -ENOMEM;
    if (!BN_mod_sub(h, m1, m2, k.p, ctx) || !BN_mod_mul(h, h, k.u, k.p, ctx) ||
        !BN_mul(h, h, k.q, ctx) || !BN_add(h, h, m2))
        return -ENOMEM;
    return store(h, out, n);
}

int modexp_compute(const struct rsa_request *r, struct modexp_kept *kept, uint8_t *out, size_t n)
{
    struct modexp_kept none = {0};
    BN_CTX *ctx = BN_CTX_new();
    int error;

    if (!ctx)
        return -ENOMEM;
    BN_CTX_start(ctx);
    error = (r->crt ? compute_crt : compute_me)(ctx, r, kept ? kept : &none, out, n);
    BN_CTX_end(ctx);
    /* Clears all numbers of the context. */
    BN_CTX_free(ctx);
    modexp_forget(&none);
    return error;
}
