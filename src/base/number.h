/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_NUMBER_H
#define APUS_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Numbers as sysfs attributes accept them [matrix-number]: an optional '+', digits in C notation
 * (0x, leading 0 = octal), an optional newline, nothing else. text need not be terminated. base 0:
 * by prefix; 10: decimal only. 0; -EINVAL: not a number; -ERANGE: above the type's range. On error
 * out is unchanged.
 */
int number_parse_u64(const char *text, size_t len, unsigned base, uint64_t *out);

/* The same for an int, which may also start with '-'. */
int number_parse_int(const char *text, size_t len, unsigned base, int *out);

/*
 * As %d (base 10) or %i (base 0) of the kernel's sscanf: leading blanks are skipped, a minus is
 * accepted and a plus is not, anything after the number is ignored, and a number that is too large
 * is truncated to its low 32 bits. Several AP attributes parse their number this way. 0; -EINVAL:
 * no number.
 */
int number_scan_int(const char *text, size_t len, unsigned base, int *out);

/* The same for a switch: 0 or 1, else -EINVAL. */
int number_scan_switch(const char *text, size_t len, bool *out);
#define NUMBER_SWITCH_WANTED "expected 0 or 1" /* for the refusal */

/* As kstrtobool: true for 1, y, t, e (enable), on; false for 0, n, f, d (disable), off. Case does
 * not matter; only the first one or two bytes count. 0 or -EINVAL. */
int number_parse_bool(const char *text, size_t len, bool *out);

/* The value of a hexadecimal digit in either case, or in lower case only; -1: not a digit. */
int number_hex_digit(char c);
int number_hex_lower(char c);

#endif
