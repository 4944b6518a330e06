/* SPDX-License-Identifier: MIT */
/* Structures of the device node, and behind them the operands. */
#include "fuzz_work.h"

static volatile uint8_t sink;

static void touch(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        sink = (uint8_t)(sink ^ s.data[i]);
}

static void check_request(const struct zcrypt_work *w, const uint8_t *data)
{
    unsigned count = w->in[0].len / ZCRYPT_TARGET_BYTES;
    struct zcrypt_target *targets = calloc(count + 1, sizeof *targets);
    struct zcrypt_request r;

    zcrypt_abi_request(w, data, targets, &r);
    if (r.kind == ZCRYPT_RSA) {
        touch(r.rsa.input);
        touch(r.rsa.crt ? r.rsa.key.u : r.rsa.me.modulus);
    } else {
        touch(r.control);
        touch(r.data);
        fuzz_check(r.target_count <= count);
    }
    free(targets);
}

static void check_answer(struct zcrypt_work *w, const uint8_t *data, size_t len)
{
    struct zcrypt_reply reply = {1, span_of(data, len), span_of(data, len / 2)};
    struct zcrypt_answer a;
    size_t total = 0;

    if (zcrypt_abi_answer(w, 0x1000, 0, &reply, &a) < 0)
        return;
    fuzz_check(a.count <= ZCRYPT_WRITTEN_PIECES);
    for (unsigned i = 0; i < a.count; i++) {
        touch(span_of(a.v[i].data, a.v[i].len));
        total += a.v[i].len;
    }
    fuzz_check(total <= len + len / 2 + w->struct_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct zcrypt_work w;
    size_t used = fuzz_work(data, len, &w);
    uint8_t *operands;

    if (!used)
        return 0;
    fuzz_check(w.in_len <= 2 * ZCRYPT_CONTROL_MAX + 65535u * ZCRYPT_TARGET_BYTES);
    operands = calloc(1, w.in_len + 1);
    memcpy(operands, data + used, len - used < w.in_len ? len - used : w.in_len);
    check_request(&w, operands);
    check_answer(&w, data, len);
    free(operands);
    return 0;
}
