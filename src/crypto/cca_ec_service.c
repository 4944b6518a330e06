/* SPDX-License-Identifier: MIT */
/* The firmware of a CCA coprocessor: elliptic curves with clear keys. */
#include <errno.h>

#include <openssl/crypto.h>

#include "crypto/cca_call.h"
#include "crypto/ec.h"

static struct cca_code code_of(int error)
{
    switch (error) {
    case 0:
        return code(0, 0);
    case -EKEYREJECTED:
        return code(4, 429);
    case -EMSGSIZE:
        return code(8, 72);
    case -EINVAL:
        return code(8, 770);
    default: /* a signature that cannot be one, or OpenSSL failed */
        return code(12, 769);
    }
}

static int generate(const struct cca_ec_request *request, struct buffer *reply)
{
    uint8_t d[CCA_EC_BYTES_MAX], q[EC_POINT_BYTES_MAX];
    struct cca_ec_request key = *request;
    int error = ec_generate(request->curve, d, q);

    if (!error) {
        key.d = span_of(d, cca_ec_bytes(key.curve));
        key.q = span_of(q, 1 + 2 * cca_ec_bytes(key.curve));
        cca_ec_format_keygen_reply(&key, reply);
    }
    OPENSSL_cleanse(d, sizeof(d));
    return error;
}

static bool is_hash(size_t bytes)
{
    return bytes == 20 || bytes == 28 || bytes == 32 || bytes == 48 || bytes == 64;
}

/* libica sends zeros for x and y when its caller has the private key alone, as openCryptoki has. */
static bool is_absent(struct span q)
{
    size_t i = 1;

    while (i < q.len && !q.data[i])
        i++;
    return i == q.len;
}

static int sign(const struct cca_ec_request *request, struct buffer *reply)
{
    uint8_t *signature;
    int error;

    if (!is_hash(request->hash.len))
        return -EMSGSIZE;
    error = is_absent(request->q) ? 0 : ec_check_point(request->curve, request->q);
    if (error)
        return error;
    signature = cca_ec_format_sign_reply(request->curve, reply);
    if (!signature)
        return 0; /* the caller detects the overflow at the end */
    return ec_sign(request->curve, request->d, request->hash, signature);
}

static int verify(const struct cca_ec_request *request, struct buffer *reply)
{
    if (!is_hash(request->hash.len) || request->signature.len != 2 * cca_ec_bytes(request->curve))
        return -EMSGSIZE;
    cca_ec_format_verify_reply(reply);
    return ec_verify(request->curve, request->q, request->hash, request->signature);
}

static int derive(const struct cca_ec_request *request, struct buffer *reply)
{
    uint8_t *x = cca_ec_format_ecdh_reply(request->curve, reply);

    return x ? ec_derive(request->curve, request->d, request->q, x) : 0;
}

struct cca_code cca_ec(struct cca_call *c)
{
    static const struct {
        const char *function, *rule;
        int (*run)(const struct cca_ec_request *request, struct buffer *reply);
    } services[] = {{"PG", "CLEAR", generate},
                    {"SG", "ECDSA", sign},
                    {"SV", "ECDSA", verify},
                    {"DH", "PASSTHRU", derive}};
    struct cca_ec_request request;
    int error;

    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (!cca_function_is(c->params.function, services[i].function))
            continue;
        if (!cca_rules_have(c->params.rules, services[i].rule))
            return code(8, 33);
        error = cca_ec_parse(&c->params, &request);
        return code_of(error ? error : services[i].run(&request, c->reply));
    }
    return code(8, 90);
}
