/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_FIRMWARE_H
#define APUS_DAEMON_FIRMWARE_H

#include "crypto/firmware.h"
#include "machine/config.h"

/* What the firmware of the machine's adapters knows: the identity of cards, the keys of domains. */
struct firmware;

/* secret is copied. */
struct firmware *firmware_new(const uint8_t secret[CRYPTO_KEY_BYTES]);

/* Cleanses all keys. NULL is allowed. */
void firmware_free(struct firmware *f);

/* The identity of a card of a machine with so many domains. */
void firmware_card(const struct adapter_config *config, unsigned domains, struct crypto_card *out);

/*
 * The key registers of a queue, valid until the next call. They are derived when they are first
 * asked for and kept, as long as there is room, until others are.
 */
const struct crypto_domain *firmware_domain(struct firmware *f, ap_qn qn, uint64_t generation);

#endif
