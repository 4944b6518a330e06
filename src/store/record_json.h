/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_RECORD_JSON_H
#define APUS_STORE_RECORD_JSON_H

#include <jansson.h>

#include "store/record.h"

/* Private to the recorder: words that both directions use. */

extern const char *const record_command_names[];
extern const char *const record_lpar_names[];
extern const char *const record_zcrypt_names[];
extern const char *const record_level_names[];

/* The position of a word in a list that ends with NULL, or -1. */
int record_word(const char *const *words, const char *word);

#endif
