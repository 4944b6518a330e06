/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_ERROR_H
#define APUS_CONTROL_ERROR_H

#include <stdint.h>

#include "base/text.h"

/*
 * Why a request failed. The class is for programs, desc for people; the errno is that of a write to
 * the corresponding attribute.
 */
#define CONTROL_SYNTAX   "SyntaxError"     /* the line is not a request */
#define CONTROL_TOO_LONG "LineTooLong"     /* the line was discarded */
#define CONTROL_UNKNOWN  "CommandNotFound" /* no command of that name */
#define CONTROL_ARGUMENT "InvalidArgument" /* an argument is missing, unknown or invalid */
#define CONTROL_REFUSED  "Refused"         /* the machine, the bus or a device refused it */
#define CONTROL_TOO_BUSY "TooManyClients"  /* instead of a greeting; the connection is closed */

struct control_error_class {
    const char *name, *what;
};

extern const struct control_error_class control_error_classes[]; /* ends with a NULL name */

struct control_error {
    const char *class; /* NULL: no error */
    int number;        /* a positive errno */
    uint64_t message;  /* the number of the message in the log that tells of it; 0: none does */
    struct text desc;
};

/* Sets the error, replacing an earlier one. */
void control_error_set(struct control_error *e, const char *class, int number, const char *format,
                       ...) __attribute__((format(printf, 4, 5)));
void control_error_done(struct control_error *e);

/* "EBUSY" for EBUSY; "EUNKNOWN" for a number without a name. */
const char *control_errno_name(int number);

#endif
