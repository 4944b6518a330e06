/* SPDX-License-Identifier: MIT */
#include "run/error.h"

#include <stdio.h>

int run_error_v(const char *format, va_list args)
{
    fputs("apus: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    return 1;
}

int run_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    run_error_v(format, args);
    va_end(args);
    return 1;
}

void run_advice(enum rights_deed deed, int err, struct text *out)
{
    struct rights rights;

    rights_look(&rights);
    rights_advise(&rights, deed, err, out);
}
