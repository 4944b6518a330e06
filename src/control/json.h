/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_JSON_H
#define APUS_CONTROL_JSON_H

#include <jansson.h>
#include <time.h>

#include "base/mask256.h"

/* Values in the form of the control protocol. Out of memory aborts, as in base/text.h. */

/* A JSON string from any bytes: if they are not UTF-8, each byte that is not ASCII becomes '?'.
 * Never NULL. */
json_t *control_json_string(const char *string);

/* As RFC 3339 has it, in UTC, with microseconds. */
json_t *control_json_date(const struct timespec *date);

/* Set a member, or append; they take ownership of value, which must not be NULL. */
void control_json_set(json_t *object, const char *name, json_t *value);
void control_json_append(json_t *array, json_t *value);

/* The ids of a mask in ascending order: [4, 71]. */
json_t *control_json_ids(const struct mask256 *mask);

/* Sets the members adapters, domains and control_domains. */
void control_json_matrix(json_t *object, const struct mask256 *apm, const struct mask256 *aqm,
                         const struct mask256 *adm);

/* The product: ["05.0004", ...], adapter by adapter. */
json_t *control_json_apqns(const struct mask256 *apm, const struct mask256 *aqm);

/* "0x" and 64 digits. */
json_t *control_json_mask(const struct mask256 *mask);

#endif
