/* SPDX-License-Identifier: MIT */
#include "control/error.h"

#include <string.h>

const struct control_error_class control_error_classes[] = {
    {CONTROL_SYNTAX,
     "the line is not a request: not JSON, not an object, an unknown member, nested "
     "more than 16 deep, a duplicate name"},
    {CONTROL_TOO_LONG, "the line had more than 262,144 bytes before its newline and was discarded"},
    {CONTROL_UNKNOWN, "there is no command of that name"},
    {CONTROL_ARGUMENT,
     "an argument is missing, unknown, of the wrong type or out of range; nothing "
     "was done"},
    {CONTROL_REFUSED, "the machine, bus or device refused it; nothing was changed"},
    {CONTROL_TOO_BUSY, "instead of the greeting: there are already 256 connections; this one is "
                       "closed"},
    {NULL, NULL}};

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
