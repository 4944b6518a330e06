/* SPDX-License-Identifier: MIT */
#ifndef APUS_CLI_FIELD_H
#define APUS_CLI_FIELD_H

#include <jansson.h>

#include "base/text.h"

/* Formats members of what the daemon returned. */

/*
 * The numbers of a JSON array as a list in hex with ranges: "04-06,0a", or "-" if it is empty.
 * digits is the width: 2 for adapters, 4 for domains.
 */
void field_ids(const json_t *ids, int digits, struct text *out);

/* A member that is a string; fallback if it is empty, null or missing. */
const char *field_string(const json_t *object, const char *name, const char *fallback);
long long field_number(const json_t *object, const char *name);

#endif
