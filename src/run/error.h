/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_ERROR_H
#define APUS_RUN_ERROR_H

#include <stdarg.h>

#include "rights/rights.h"

/* Prints "apus: " and the message to standard error. Returns 1. */
int run_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int run_error_v(const char *format, va_list args);

/* Has messages printed by print, which gets them without "apus: " and newline; NULL: as above. */
void run_error_print_with(void (*print)(const char *message));

/* What helps after EPERM or EACCES, see rights_advise. */
void run_advice(enum rights_deed deed, int err, struct text *out);

#endif
