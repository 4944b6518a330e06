/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_FIRMWARE_H
#define APUS_DAEMON_FIRMWARE_H

#include "crypto/firmware.h"
#include "machine/config.h"

/* What the firmware of the machine's adapters knows: each card's identity, each domain's keys. */
struct firmware;

/* Copies secret. locked: its memory is never swapped out. NULL: no memory. */
struct firmware *firmware_new(const uint8_t secret[CRYPTO_KEY_BYTES], bool *locked);

/* Cleanses all keys. NULL is allowed. */
void firmware_free(struct firmware *f);

/* Describes a card of a machine with that number of domains. */
void firmware_card(const struct adapter_config *config, unsigned domains, struct crypto_card *out);

/*
 * The key registers of a queue whose keys are of that generation, from a cache or newly derived.
 * The result is valid until the next call.
 */
const struct crypto_domain *firmware_domain(struct firmware *f, ap_qn qn, uint64_t generation);

#endif
