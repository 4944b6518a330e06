/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_CCA_CALL_H
#define APUS_CRYPTO_CCA_CALL_H

#include "crypto/firmware.h"

/* A request to a CCA coprocessor in progress. The service appends its parameters to reply; on
 * success, random_bytes of reply data follow. */
struct cca_call {
    const struct crypto_card *card;
    const struct crypto_domain *domain;
    const struct type6 *type6;
    struct cprbx cprbx;
    struct cca_params params;
    struct modexp_kept *kept;
    struct buffer *reply;
    size_t random_bytes;
};

static inline struct cca_code code(uint16_t rtcode, uint16_t rscode)
{
    return (struct cca_code){rtcode, rscode};
}

/* The services PG, SG, SV and DH. */
struct cca_code cca_ec(struct cca_call *c);

#endif
