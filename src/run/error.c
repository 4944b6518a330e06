/* SPDX-License-Identifier: MIT */
#include "run/error.h"

#include <stdio.h>

static void print_plain(int err, const char *message)
{
    text_auto line = {0};

    (void)err;
    text_add_line(&line, message);
    fprintf(stderr, "apus: %s\n", line.data);
}

static void (*printer)(int err, const char *message) = print_plain;

void run_error_print_with(void (*print)(int err, const char *message))
{
    printer = print ? print : print_plain;
}

int run_error_v(int err, const char *format, va_list args)
{
    text_auto message = {0};

    text_addv(&message, format, args);
    printer(err, message.data);
    return 1;
}

int run_error(int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    run_error_v(err, format, args);
    va_end(args);
    return 1;
}

void run_advice(enum rights_deed deed, int err, struct text *out)
{
    struct rights rights;

    rights_look(&rights);
    rights_advise(&rights, deed, err, out);
}
