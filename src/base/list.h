/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_LIST_H
#define APUS_BASE_LIST_H

#include <stddef.h>

#include "base/mask256.h"
#include "base/text.h"

/*
 * Lists of adapters or domains in machine files and on the command line: "4-6,0x47". Numbers from 0
 * to 255 in C notation (0x hexadecimal, leading 0 octal) without a sign, and ascending ranges,
 * separated by commas. Blanks around a number, order and repetition do not matter.
 */

/*
 * text need not be terminated. 0; -EINVAL: not such a list (also if empty, or a range descends);
 * -ERANGE: a number is above 255. On error *out is unchanged, and why, which may be NULL, gets a
 * clause with the place and the remedy, such as: "4x" is not a number; ...
 */
int ap_list_parse(const char *text, size_t len, struct mask256 *out, struct text *why);

/* The shortest list: ranges for three or more consecutive numbers, hexadecimal from 10 up. */
void ap_list_format(const struct mask256 *m, struct text *out);

#endif
