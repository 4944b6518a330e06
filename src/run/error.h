/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_ERROR_H
#define APUS_RUN_ERROR_H

#include <stdarg.h>

#include "rights/rights.h"

/* Prints "apus: " and the message to standard error. err: the errno, for whoever prints it in
 * another way. Returns 1. */
int run_error(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int run_error_v(int err, const char *format, va_list args);

/* Has messages printed by print, which gets them without "apus: " and newline; NULL: as above. */
void run_error_print_with(void (*print)(int err, const char *message));

/* What helps after EPERM or EACCES, see rights_advise. */
void run_advice(enum rights_deed deed, int err, struct text *out);

#endif
