/* SPDX-License-Identifier: MIT */
/* CCA control blocks: the block, its parameters, and those of each service. */
#include "message/cca_ec.h"
#include "message/cca_info.h"

#include "fuzz.h"

static volatile uint8_t sink;

/* Reads the first and last byte, so that the sanitizer checks them. */
static void touch(struct span s)
{
    if (s.len)
        sink = (uint8_t)(s.data[0] ^ s.data[s.len - 1]);
}

static void check_rsa(const struct cca_params *params)
{
    struct rsa_request r;

    if (cca_rsa_parse(params, &r) < 0)
        return;
    fuzz_check(r.input.len > 0);
    touch(r.input);
    if (r.crt) {
        fuzz_check(r.key.p.len && r.key.q.len && r.key.dp.len && r.key.dq.len && r.key.u.len);
        touch(r.key.p);
        touch(r.key.u);
    } else {
        fuzz_check(r.me.exponent.len && r.me.modulus.len);
        touch(r.me.modulus);
    }
}

static void check_ec(const struct cca_params *params)
{
    struct cca_ec_request r;

    if (cca_ec_parse(params, &r) < 0)
        return;
    fuzz_check(cca_ec_is(params->function));
    fuzz_check(r.d.len == 0 || r.d.len == cca_ec_bytes(r.curve));
    fuzz_check(r.q.len == 0 || r.q.len == 1 + 2 * cca_ec_bytes(r.curve));
    touch(r.d);
    touch(r.q);
    touch(r.hash);
    touch(r.signature);
    touch(r.ignored_d);
}

static void check_params(struct span bytes)
{
    struct cca_params params;
    struct span found;
    size_t len;

    if (cca_params_parse(bytes, &params) < 0)
        return;
    fuzz_check(params.rules.len % CCA_RULE_BYTES == 0);
    fuzz_check(params.rules.len + params.rest.len + 4 == bytes.len);
    cca_rules_have(params.rules, "STATICSA");
    check_rsa(&params);
    check_ec(&params);
    if (cca_keygen_parse(&params, &len) == 0)
        fuzz_check(len == 16 || len == 24 || len == 32);
    if (cca_import_parse(&params, &found) == 0)
        touch(found);
    if (cca_unwrap_parse(&params, &found) == 0)
        touch(found);
}

static void check_reply(struct span params)
{
    struct cca_protected_key key;
    struct cca_info info = {0};
    struct span token;

    cca_query_parse_reply(params, false, &info);
    cca_query_parse_reply(params, true, &info);
    if (cca_key_parse_reply(params, &token) == 0)
        touch(token);
    if (cca_unwrap_parse_reply(params, &key) == 0) {
        fuzz_check(key.key.len == key.clear_bytes && key.pattern.len == CCA_PATTERN_BYTES);
        touch(key.key);
        touch(key.pattern);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span control = span_of(data, len);
    struct cprbx c;

    if (cprbx_parse(control, &c) == 0) {
        fuzz_check(c.params.len + CPRBX_BYTES <= len);
        check_params(c.params);
    }
    if (cprbx_parse_reply(control, &c) == 0)
        check_reply(c.params);
    return 0;
}
