/* SPDX-License-Identifier: MIT */
#ifndef APUS_BASE_NUMBER_H
#define APUS_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Numbers as sysfs attributes take them [matrix-number]: an optional '+', digits in C notation (0x,
 * leading 0 = octal), one optional newline at the end, nothing else. text need not be terminated.
 * base 0 detects, 10 takes decimal digits alone.
 * 0; -EINVAL for anything that is not a number; -ERANGE above the type's range. out untouched on
 * failure.
 */
int number_parse_u64(const char *text, size_t len, unsigned base, uint64_t *out);

/* The same with an optional '-', for attributes that hold an int. */
int number_parse_int(const char *text, size_t len, unsigned base, int *out);

/*
 * As the kernel's sscanf reads %d (base 10) or %i (base 0): blanks before the number are skipped, a
 * minus is taken and a plus is not, whatever follows is ignored, and of a number that is too large
 * the low 32 bits count. Several AP attributes take their number so. 0, or -EINVAL if there is no
 * number.
 */
int number_scan_int(const char *text, size_t len, unsigned base, int *out);

/* A switch that is read in that way: 0 or 1, else -EINVAL. */
int number_scan_switch(const char *text, size_t len, bool *out);
#define NUMBER_SWITCH_WANTED "0 or 1 is wanted" /* what a refusal says */

/* As kstrtobool: true for 1, y, t, e (enable), on; false for 0, n, f, d (disable), off; in any
 * case, and the first one or two bytes decide. 0 or -EINVAL. */
int number_parse_bool(const char *text, size_t len, bool *out);

/* The value of a hexadecimal digit, in either case or in lower case alone; -1 if it is none. */
int number_hex_digit(char c);
int number_hex_lower(char c);

#endif
