/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_FAULT_SCHEDULE_H
#define APUS_MACHINE_FAULT_SCHEDULE_H

#include "base/slice.h"
#include "machine/fault.h"

/* When a rule applies: the words behind its kind. Private to the files fault*.c. */

/* fault_text.c: a time above 0 such as 500ms, into *out. */
int fault_time_parse(struct slice w, uint64_t *out, struct text *why);
void fault_time_format(uint64_t ns, struct text *out);
/* Decimal digits, or with hex_too hexadecimal ones after 0x. -EINVAL: not a number; -ERANGE: above
 * max. */
int fault_number_parse(struct slice w, uint64_t max, bool hex_too, uint64_t *out);

/* Takes the words that are left. As fault_parse. */
int fault_schedule_parse(struct slice words, struct fault *f, struct text *why);
void fault_schedule_format(const struct fault *f, struct text *out);

/* Whether the rule applies to what is the seen-th instruction or reply that it matches, from 1. */
bool fault_schedule_fits(const struct fault *f, uint64_t seen);

#endif
