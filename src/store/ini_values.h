/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_INI_VALUES_H
#define APUS_STORE_INI_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mask256.h"
#include "store/ini_file.h"

/*
 * The values of entries. Each function returns 0, or -EINVAL after a message "name:line: what is
 * wrong and what would be right". An entry that is NULL was not given and leaves *out alone, except
 * for ini_number.
 */
struct ini_reading {
    const char *name; /* of the file */
    struct text *error;
};

int ini_refuse(const struct ini_reading *r, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses the value of a key: name:line: key = "value": remedy. */
int ini_refuse_value(const struct ini_reading *r, const struct ini_entry *e, const char *remedy);

/* Sorts a section's entries by key, which ends with NULL; refuses unknown and repeated keys. */
int ini_keys_collect(const struct ini_reading *r, const struct ini_section *s,
                     const char *const *keys, const struct ini_entry **found);

int ini_number(const struct ini_reading *r, const struct ini_entry *e, uint64_t low, uint64_t high,
               uint64_t *out);
int ini_switch(const struct ini_reading *r, const struct ini_entry *e, bool *out);

/* A list of numbers up to max, which the file calls limit. An empty value is the empty list. */
int ini_list(const struct ini_reading *r, const struct ini_entry *e, unsigned max,
             const char *limit, struct mask256 *out);

/* A mask as in a kernel parameter. */
int ini_mask(const struct ini_reading *r, const struct ini_entry *e, struct mask256 *out);

#endif
