/* SPDX-License-Identifier: MIT */
#ifndef APUS_CRYPTO_REFUSED_H
#define APUS_CRYPTO_REFUSED_H

#include "crypto/firmware.h"

#define CRYPTO_SERVICE_TEXT 48u

/*
 * Whether the card's reply says that it does not have the service. If so, name tells people which
 * one: a CCA service by its letters and the kind of block, an EP11 function by its name or number.
 */
bool crypto_refused(enum crypto_mode mode, struct span reply, char name[CRYPTO_SERVICE_TEXT]);

#endif
