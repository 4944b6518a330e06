/* SPDX-License-Identifier: MIT */
#include "control/error.h"

#include <string.h>

void control_error_set(struct control_error *e, const char *class, int number, const char *format,
                       ...)
{
    va_list args;

    e->class = class;
    e->number = number;
    text_clear(&e->desc);
    va_start(args, format);
    text_addv(&e->desc, format, args);
    va_end(args);
}

void control_error_done(struct control_error *e)
{
    text_done(&e->desc);
    *e = (struct control_error){0};
}

const char *control_errno_name(int number)
{
    const char *name = strerrorname_np(number);

    return name ? name : "EUNKNOWN";
}
