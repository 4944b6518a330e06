/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_KEYLESS_H
#define APUS_MESSAGE_KEYLESS_H

#include "message/rsa.h"

/*
 * Requests without the private keys in them, for whoever keeps requests: each byte that may belong
 * to a clear private or secret key becomes zero. Lengths, services, addresses and inputs stay, so
 * that the request is parsed, routed and refused as before. Of a service that is not known to be
 * without keys nothing is left but that. All return whether a byte was made zero.
 */

/* An operation in ME form has a private exponent if it is longer than this. */
#define RSA_PUBLIC_EXPONENT_BYTES 8u

/* The exponent is not a public one; CRT form is always private. */
bool rsa_is_private(const struct rsa_request *r);

/* The blocks of a request to a coprocessor: control begins with a CPRBX, or an EP11 block, which
 * should have no data block. */
bool keyless_cca(uint8_t *control, size_t len, uint8_t *data, size_t data_len);
bool keyless_ep11(uint8_t *control, size_t len, uint8_t *data, size_t data_len);

/* A whole message, as NQAP takes it, of type 50 or 6; another one keeps its first 16 bytes. */
bool keyless_message(uint8_t *message, size_t len);

/*
 * Replies: without the private key of a pair that was generated. A whole message, as DQAP returns
 * it; and its control block, as a program gets it.
 */
bool keyless_reply(uint8_t *message, size_t len);
bool keyless_reply_control(uint8_t *control, size_t len);

#endif
