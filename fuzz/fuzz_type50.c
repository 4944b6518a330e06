/* SPDX-License-Identifier: MIT */
/* Type 50 requests and the replies to them. */
#include "message/type50.h"

#include "fuzz.h"

static void check_span(struct span whole, struct span part, size_t len)
{
    fuzz_check(part.len == len);
    fuzz_check(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* An accepted request has operands of the stated size, and formats to the same bytes. */
static void check_request(struct span message)
{
    uint8_t room[TYPE50_BYTES_MAX];
    struct buffer out = buffer_of(room, sizeof(room));
    struct type50_request r;
    struct rsa_request again;

    if (type50_parse(message, &r) < 0)
        return;
    check_span(message, r.rsa.input, r.size);
    if (r.rsa.crt) {
        check_span(message, r.rsa.key.p, r.size / 2);
        check_span(message, r.rsa.key.u, r.size / 2);
        return;
    }
    check_span(message, r.rsa.me.exponent, r.size);
    check_span(message, r.rsa.me.modulus, r.size);
    again = rsa_request_me(r.size, r.rsa.input.data, r.rsa.me.exponent.data, r.rsa.me.modulus.data);
    fuzz_check(type50_format(&again, &out) == 0);
    fuzz_check(out.len == message.len);
    fuzz_check(memcmp(room + TYPE50_HEADER_BYTES, message.data + TYPE50_HEADER_BYTES,
                      out.len - TYPE50_HEADER_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct span message = span_of(data, len);

    check_request(message);
    for (size_t n = 1; n <= RSA_BYTES_MAX; n *= 2) {
        struct outcome o = type50_judge(message, n);

        fuzz_check(o.error ? o.data.len == 0 : o.data.len == n);
        if (!o.error)
            check_span(message, o.data, n);
        fuzz_check(!o.offline || o.error);
    }
    return 0;
}
