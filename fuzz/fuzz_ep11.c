/* SPDX-License-Identifier: MIT */
/* EP11 control blocks and their ASN.1 payload. */
#include "message/ep11.h"

#include "fuzz.h"

/* Walks all octet strings; each step must advance. */
static void check_payload(struct span payload)
{
    struct ep11_payload p;
    struct span value;
    uint32_t word;

    if (ep11_reply_parse(payload, &p, &word) == 0)
        fuzz_check(p.rest.len + 18 <= payload.len);
    if (ep11_payload_parse(payload, &p) < 0)
        return;
    while (p.rest.len) {
        size_t before = p.rest.len;

        if (ep11_octets_parse(&p.rest, &value) < 0)
            break;
        fuzz_check(p.rest.len + value.len + 2 <= before);
    }
}

/* A domain that was set is the one that a parser then reads. */
static void check_set_domain(struct span control)
{
    uint8_t *copy = malloc(control.len ? control.len : 1);
    struct ep11_payload p;
    struct ep11_cprb c;

    fuzz_check(copy);
    if (control.len)
        memcpy(copy, control.data, control.len);
    if (ep11_set_domain(copy, control.len, 0x42) == 0 &&
        ep11_parse(span_of(copy, control.len), &c) == 0) {
        fuzz_check(c.target == 0x42);
        if (ep11_payload_parse(c.payload, &p) == 0)
            fuzz_check(p.domain == 0x42);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span control = span_of(data, len);
    struct ep11_module_info module;
    struct ep11_domain_info domain;
    struct ep11_cprb c;

    if (ep11_parse(control, &c) == 0) {
        fuzz_check(c.payload.len + EP11_CPRB_BYTES <= len);
        check_payload(c.payload);
    }
    check_set_domain(control);
    ep11_module_parse(control, &module);
    ep11_domain_parse(control, &domain);
    return 0;
}
