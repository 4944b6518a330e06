/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_SCHEMA_H
#define APUS_CONTROL_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mask256.h"
#include "base/uuid.h"
#include "control/error.h"

/*
 * The arguments of a command, as a table, and the check of a JSON object against it. Handlers get
 * only valid values, so they need not look at JSON types.
 */
enum argument_type {
    ARGUMENT_ID,      /* integer 0..255: an adapter or domain */
    ARGUMENT_COUNT,   /* integer 0..2^63-1 */
    ARGUMENT_SECONDS, /* number above 0, up to CONTROL_SECONDS_MAX */
    ARGUMENT_BOOL,
    ARGUMENT_NAME,    /* string: a guest's name; the core knows more of what one can be */
    ARGUMENT_TEXT,    /* string of 1..255 bytes */
    ARGUMENT_DATA,    /* string of at most 4096 bytes: what one write(2) takes */
    ARGUMENT_FILE,    /* string of at most CONTROL_FILE_MAX bytes: a machine file */
    ARGUMENT_UUID,    /* string */
    ARGUMENT_CHOICE,  /* string, one of choices */
    ARGUMENT_CHOICES, /* array of strings, each one of choices */
    ARGUMENT_IDS,     /* array of integers 0..255 */
    ARGUMENT_TYPES,   /* object: adapter id (C notation) to type name, "5": "CEX7A" */
};

#define CONTROL_ARGUMENTS_MAX 8
#define CONTROL_TEXT_MAX      255
#define CONTROL_DATA_MAX      4096
#define CONTROL_FILE_MAX      200000 /* a line has room for it, see line.h */
#define CONTROL_SECONDS_MAX   86400.0

struct argument {
    const char *name;
    enum argument_type type;
    bool optional;
    const char *const *choices; /* terminated by NULL */
    const char *what;           /* description, for the documentation */
    const char *field;          /* field of the core's command; NULL: as name */
};

struct argument_value {
    bool given;
    union {
        uint64_t number; /* ID, COUNT; CHOICE: its index; CHOICES: bit i for choice i */
        double seconds;
        bool on;
        const char *string; /* NAME, TEXT, DATA, FILE */
        struct uuid uuid;
        struct mask256 ids;
        const json_t *types;
    };
};

/* Values in the order of the table. They point into the parsed JSON. */
struct argument_values {
    const struct argument *table; /* terminated by a NULL name */
    struct argument_value v[CONTROL_ARGUMENTS_MAX];
};

/*
 * Checks object (NULL counts as empty) against table. 0, or -EINVAL with *error set and *out
 * unchanged. Only the first mistake is reported: unknown members, then arguments in table order.
 */
int arguments_parse(const struct argument *table, const json_t *object, struct argument_values *out,
                    struct control_error *error);

/* The value of an argument, which must be in the table. */
const struct argument_value *argument_get(const struct argument_values *values, const char *name);

/* The adapter id of a member of ARGUMENT_TYPES, which must be valid. */
unsigned argument_types_id(const char *key);

/* Describes valid values, for errors and for the documentation: "a number from 0 to 255". */
void argument_describe(const struct argument *a, struct text *out);

#endif
