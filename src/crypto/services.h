/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_SERVICES_H
#define APUS_CRYPTO_SERVICES_H

#include "crypto/firmware.h"

/*
 * The parts of crypto_answer. Each appends a whole reply and returns 0, or returns the code of the
 * error reply to give; reply may then be incomplete, and the caller truncates it.
 */
uint8_t accelerator_answer(const struct crypto_card *card, struct span request,
                           struct modexp_kept *kept, struct buffer *reply);
uint8_t cca_answer(const struct crypto_card *card, const struct crypto_domain *domain,
                   const struct type6 *request, struct modexp_kept *kept, struct buffer *reply);
uint8_t ep11_answer(const struct crypto_card *card, const struct crypto_domain *domain,
                    const struct type6 *request, struct buffer *reply);

#endif
