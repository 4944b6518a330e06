/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_LIST_H
#define APUS_BASE_LIST_H

#include <stddef.h>

#include "base/mask256.h"
#include "base/text.h"

/*
 * Lists of adapters or domains as people write them in a machine file and on the command line:
 * "4-6,0x47". Numbers 0 to 255 in C notation (0x hexadecimal, leading 0 octal) without sign, and
 * rising ranges, with commas between; blanks around a number do not matter, order and repetition
 * neither.
 */

/*
 * text need not be terminated. 0; -EINVAL if it is no such list (also when it is empty or a range
 * falls); -ERANGE if a number is above 255. *out is untouched then, and why, which may be NULL,
 * gets a clause that names the place and the remedy, such as: "4x" is not a number; ...
 */
int ap_list_parse(const char *text, size_t len, struct mask256 *out, struct text *why);

/* The shortest list: ranges where three or more follow each other, hexadecimal from 10 on. */
void ap_list_format(const struct mask256 *m, struct text *out);

#endif
