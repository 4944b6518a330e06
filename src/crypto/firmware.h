/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_FIRMWARE_H
#define APUS_CRYPTO_FIRMWARE_H

#include "crypto/keys.h"
#include "crypto/modexp.h"

/*
 * An adapter's firmware: one request in, one reply out, according to its mode. It uses only its
 * arguments and OpenSSL's random numbers, so any thread may call it.
 */
enum crypto_mode {
    CRYPTO_ACCELERATOR,
    CRYPTO_CCA,
    CRYPTO_EP11,
};

struct crypto_card {
    enum crypto_mode mode;
    bool me4k, crt4k;               /* accelerator: operations of more than 2048 bits */
    char serial[EP11_SERIAL_BYTES]; /* CCA: the first 8; padded with blanks or zeros */
    uint32_t api_ordinal, domains;  /* from here on EP11 only */
    uint8_t firmware_major, firmware_minor;
    uint64_t op_modes; /* of the card and of its domains */
};

/* Enough room for any reply to a request of a driver; the largest is 4096 bytes of random data. */
#define CRYPTO_REPLY_BYTES 12288u

/*
 * Appends exactly one reply to a request that NQAP accepted for a queue of the card: the result, or
 * the adapter's error reply, which it also gives for what it does not support
 * [messages-error-codes] [messages-service-codes]:
 *
 * accelerator  type 88: 23 length fields, 20 not type 50, 34 key block type, 84 size without 4k
 *              function, 85 even modulus, 82 number or key out of range, 10 library failure.
 * CCA, EP11    type 82: 80 lengths, 20 not type 6, 40 malformed header, block or payload, 8A block
 *              names another domain than the queue's (administration may), A0 reply larger than its
 *              buffers.
 * CCA services PK, PD, RL, FQ, KG, CM, US, PG, SG, SV, DH; others return 8/90. 8/33 keyword, 8/35
 *              rule array, 8/72 a length, 8/770 key token, 8/65 modulus even or of a size outside
 *              16..512 bytes, 8/66 input not below the modulus, 4/429 not the signature, 12/769 it
 *              cannot be one, and those of keys.h.
 * EP11         get_xcp_info of API, module and domain, GenerateRandom; others return 0x54 (not
 *              supported), an API ordinal above the card's or no function number 0x80010013, bad
 *              arguments and sub-queries 7, more random bytes than the reply may hold 0x21.
 *
 * kept may be NULL. 0, or -ENOSPC: reply has no room even for an error reply.
 */
int crypto_answer(const struct crypto_card *card, const struct crypto_domain *domain,
                  struct span request, struct modexp_kept *kept, struct buffer *reply);

#endif
