/* SPDX-License-Identifier: MIT */
#ifndef APUS_MESSAGE_CCA_TOKEN_H
#define APUS_MESSAGE_CCA_TOKEN_H

#include "message/bytes.h"

/*
 * PKA key tokens: a header of 8 bytes with the length of the whole token, then sections, each with
 * its id in the first byte and its length at offset 2.
 */
#define CCA_TOKEN_HEAD_BYTES 8u

/* Takes a token off *r. -EMSGSIZE: its length exceeds what is left; -EINVAL: not an external PKA
 * token. */
int cca_token_sections(struct reader *r, struct span *sections);

/* The first section with the id. -EMSGSIZE: a length exceeds the token; -EINVAL: there is none. */
int cca_token_section(struct span sections, uint8_t id, struct span *out);

/* Appends the header of a token of bytes bytes. */
void cca_token_start(size_t bytes, struct buffer *out);

#endif
