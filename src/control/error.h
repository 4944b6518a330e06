/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_ERROR_H
#define APUS_CONTROL_ERROR_H

#include "base/text.h"

/*
 * Why a request failed. The class is for programs, the sentence for people; the errno is the one a
 * write to the corresponding attribute would give.
 */
#define CONTROL_SYNTAX   "SyntaxError"     /* the line is no request at all */
#define CONTROL_TOO_LONG "LineTooLong"     /* and was dropped */
#define CONTROL_UNKNOWN  "CommandNotFound" /* no command of that name */
#define CONTROL_ARGUMENT "InvalidArgument" /* an argument is missing, unknown or out of shape */
#define CONTROL_REFUSED  "Refused"         /* the machine, the bus or a device refused it */
#define CONTROL_TOO_BUSY "TooManyClients"  /* in place of a greeting; the connection is closed */

struct control_error {
    const char *class; /* NULL: no error */
    int number;        /* a positive errno */
    struct text desc;
};

/* Sets the error; an earlier one is replaced. */
void control_error_set(struct control_error *e, const char *class, int number, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));
void control_error_done(struct control_error *e);

/* "EBUSY" for EBUSY; "EUNKNOWN" for a number without a name. */
const char *control_errno_name(int number);

#endif
