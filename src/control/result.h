/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_RESULT_H
#define APUS_CONTROL_RESULT_H

#include "base/text.h"

/*
 * What a command returns, and what an event tells, as a table: the members of a JSON object. The
 * schema (schema_json.h) and docs/control-protocol.md follow from it.
 */
enum result_type {
    RESULT_BOOL,
    RESULT_INTEGER,
    RESULT_NUMBER,
    RESULT_STRING,
    RESULT_ID,     /* integer 0..255: an adapter or domain */
    RESULT_QUEUE,  /* "05.0004" */
    RESULT_UUID,   /* string */
    RESULT_MASK,   /* "0x" and 64 digits */
    RESULT_DATE,   /* RFC 3339, UTC */
    RESULT_CHOICE, /* string, one of choices */
    RESULT_WORDS,  /* object whose members are strings */
    RESULT_SCHEMA, /* object: a JSON Schema */
    RESULT_OBJECT, /* object, one of result_objects */
};

#define RESULT_LIST     1u /* an array of these */
#define RESULT_NULL     2u /* or null */
#define RESULT_OPTIONAL 4u /* may be missing */

struct result_object;

struct result {
    const char *name;
    enum result_type type;
    unsigned flags;
    const char *what;                   /* for the documentation */
    const struct result_object *object; /* RESULT_OBJECT */
    const char *const *choices;         /* RESULT_CHOICE, terminated by NULL */
};

/* An object that several results have. */
struct result_object {
    const char *name, *what;
    const struct result *members; /* terminated by a NULL name */
};

/* All of them, terminated by NULL. */
extern const struct result_object *const result_objects[];

extern const struct result_object result_adapter, result_alternative, result_cell, result_controls,
    result_entry, result_event, result_fault, result_guest, result_guest_counts, result_lpar,
    result_matrix, result_mdev, result_mdev_change, result_mdev_queues, result_message,
    result_queue, result_queue_counts, result_queues, result_response, result_step, result_write;

/* Members that several tables have. */
#define RESULT_MATRIX                                                                              \
    {"adapters", RESULT_ID, RESULT_LIST, "adapters"},                                              \
        {"domains", RESULT_ID, RESULT_LIST, "usage domains"},                                      \
    {                                                                                              \
        "control_domains", RESULT_ID, RESULT_LIST, "control domains"                               \
    }

/* As control_view_guest makes them. */
#define RESULT_GUEST                                                                               \
    {"name", RESULT_STRING, 0, "the name"},                                                        \
        {"number", RESULT_INTEGER, 0, "the number, from 0 on"},                                    \
        {"kind", RESULT_CHOICE,                                                                    \
         0,      "real: a client of the guest protocol provides its CPUs; light: it has none",     \
         NULL,   control_guest_kinds},                                                             \
        {"features", RESULT_CHOICE, RESULT_LIST, "CPU features", NULL, control_guest_features},    \
        {"mdev", RESULT_UUID, RESULT_NULL, "the mediated device"}, RESULT_MATRIX

/* Where the records kept begin and end. */
#define RESULT_RANGE                                                                               \
    {"oldest", RESULT_INTEGER, 0, "the number of the oldest one kept"},                            \
    {                                                                                              \
        "next", RESULT_INTEGER, 0, "the number that the next one will have"                        \
    }

extern const char *const control_guest_kinds[],
    *const control_guest_features[], *const control_levels[], *const control_adapter_states[];

/* Describes the values of a member, for the documentation: "array of adapter". */
void result_describe(const struct result *r, struct text *out);

#endif
