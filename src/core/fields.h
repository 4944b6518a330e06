/* SPDX-License-Identifier: MIT */
#ifndef APUS_CORE_FIELDS_H
#define APUS_CORE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* The fields of commands, as data. Recordings and the control protocol convert commands by these
 * descriptions. */
enum field_type {
    /* Numbers: field_get, field_set. */
    FIELD_INT,   /* unsigned, of size bytes */
    FIELD_TREE,  /* the same, a tree number */
    FIELD_AGENT, /* two characters, big-endian */
    FIELD_BOOL,  /* words, if any, are how people read it */
    /* Values with a text form: field_format, field_parse. */
    FIELD_WORD,    /* an enum: one of words */
    FIELD_TEXT,    /* const char * */
    FIELD_UUID,    /* struct uuid; at more a bool: is it given? */
    FIELD_MASK,    /* struct mask256 */
    FIELD_LIST,    /* struct mask256, as a list of its bits; "" if there is none */
    FIELD_PATTERN, /* uint64_t as a bit pattern: "0x..." */
    /* Others. */
    FIELD_PATTERNS, /* an array of bit patterns, of size bytes */
    FIELD_BYTES,    /* pointer; at more the size_t length */
    FIELD_NODE,     /* inode number */
    FIELD_MACHINE,  /* const struct machine_config * */
    FIELD_RSA,      /* struct rsa_request, if a struct zcrypt_request is ZCRYPT_RSA */
    FIELD_TARGETS,  /* the targets of a struct zcrypt_request */
};

struct field {
    const char *name; /* NULL: the end of a list */
    enum field_type type;
    uint16_t at, size, more; /* at and more: offsets */
    uint64_t max;            /* FIELD_INT; 0: whatever size holds */
    const char *const *words;
    bool optional; /* FIELD_INT, FIELD_BOOL, FIELD_LIST: what is zero is not written, and what is
                    * missing is zero */
};

/* The field of that name, or NULL. */
const struct field *field_find(const struct field *fields, const char *name);

/* A number, a boolean (0 or 1), or the index of a word. */
uint64_t field_get(const struct field *f, const void *base);
void field_set(const struct field *f, void *base, uint64_t value);
uint64_t field_max(const struct field *f);

/* For those that can be optional. */
bool field_is_zero(const struct field *f, const void *base);

/* For FIELD_BYTES. */
void field_set_bytes(const struct field *f, void *base, const void *data, size_t len);

/* Appends the text of a value. False: no value is given. */
bool field_format(const struct field *f, const void *base, struct text *out);

/* The inverse. Returns NULL, or a clause that says what is wrong with text. FIELD_TEXT keeps the
 * pointer; FIELD_BOOL takes one of its words. */
const char *field_parse(const struct field *f, void *base, const char *text);

#endif
