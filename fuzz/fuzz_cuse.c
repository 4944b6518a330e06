/* SPDX-License-Identifier: MIT */
/* The rounds of a call. */
#include "cuse/rounds.h"

#include "fuzz_work.h"

#define STRUCTURE UINT64_C(0x10000)

static void check_round(const struct round *r)
{
    size_t in = 0, out = 0;

    for (unsigned i = 0; i < r->in_count; i++)
        in += r->in[i].iov_len;
    for (unsigned i = 0; i < r->out_count; i++)
        out += r->out[i].iov_len;
    fuzz_check(in == r->in_len && in <= ROUND_BYTES && in > 0);
    fuzz_check(out == r->out_len && out <= ROUND_BYTES);
    fuzz_check(r->in_count <= ZCRYPT_PIECES + 1 && r->out_count <= ZCRYPT_WRITTEN_PIECES + 1);
}

static void check_operands(const struct zcrypt_work *w)
{
    unsigned rounds = 0;
    struct round r;

    for (size_t done = 0; done < w->in_len; done += r.in_len) {
        round_operands(w, STRUCTURE, done, &r);
        check_round(&r);
        fuzz_check(done + r.in_len == w->in_len || !r.out_count);
        fuzz_check(round_name(&r, r.out_len + 1 + done % ROUND_NAMES, STRUCTURE));
        check_round(&r);
        fuzz_check(++rounds <= 1 + w->in_len / ROUND_BYTES);
    }
}

static void check_answer(struct zcrypt_work *w, const uint8_t *data, size_t len)
{
    struct zcrypt_reply reply = {0, span_of(data, len), span_of(data, len / 2)};
    struct zcrypt_answer a;
    struct round r;

    if (zcrypt_abi_answer(w, STRUCTURE, 0, &reply, &a) < 0 || !a.count)
        return;
    if (round_room(&a, STRUCTURE, &r) == 0)
        check_round(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct zcrypt_work w;

    if (!fuzz_work(data, len, &w))
        return 0;
    check_operands(&w);
    check_answer(&w, data, len);
    return 0;
}
