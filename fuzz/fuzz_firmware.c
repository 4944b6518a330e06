/* SPDX-License-Identifier: MIT */
/* An adapter of any mode answers any bytes with exactly one reply that zcrypt can parse. */
#include <errno.h>

#include "crypto/firmware.h"
#include "message/type50.h"

#include "fuzz.h"

static const struct crypto_card cards[] = {
    {.mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true},
    {.mode = CRYPTO_CCA, .serial = "00000000"},
    {.mode = CRYPTO_EP11, .serial = "0000000000000000"},
};

static void check_reply(enum crypto_mode mode, struct span reply)
{
    struct outcome o = {0};

    fuzz_check(reply.len >= ERROR_REPLY_BYTES);
    switch (mode) {
    case CRYPTO_ACCELERATOR:
        o = type50_judge(reply, 1);
        break;
    case CRYPTO_CCA:
        o = type86_judge_cprb(reply, CPRBX_VERSION);
        break;
    case CRYPTO_EP11:
        o = type86_judge_cprb(reply, EP11_VERSION);
        break;
    }
    fuzz_check(!o.offline && o.error != -EMSGSIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t secret[CRYPTO_KEY_BYTES];
    static uint8_t room[CRYPTO_REPLY_BYTES];
    struct modexp_kept kept = {0};
    struct crypto_domain domain;

    fuzz_check(crypto_domain_derive(secret, AP_QN(6, 4), 0, &domain) == 0);
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        struct buffer reply = buffer_of(room, sizeof(room));

        fuzz_check(crypto_answer(&cards[i], &domain, span_of(data, len), &kept, &reply) == 0);
        check_reply(cards[i].mode, buffer_span(&reply));
    }
    modexp_forget(&kept);
    return 0;
}
