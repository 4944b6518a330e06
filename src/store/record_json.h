/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_RECORD_JSON_H
#define APUS_STORE_RECORD_JSON_H

#include <jansson.h>

#include "core/commands.h"
#include "store/record.h"

/* Private to the recorder. */

/* The memory that an entry points into. */
struct record_memory {
    json_t *line;
    struct machine_config machine;
    void **blocks; /* decoded values that do not stand in line as they are */
    unsigned block_count;
};

static inline const struct field *rsa_fields(const struct rsa_request *r)
{
    return r->crt ? rsa_crt_fields : rsa_me_fields;
}

/* record_fields.c */

/* Overwrites memory before freeing it. After record_cleanse_json jansson frees all its memory that
 * way, process-wide. */
void record_free(void *memory);
void record_cleanse_json(void);

/* Sets a member; takes ownership of value. */
void record_set(json_t *object, const char *name, json_t *value);
/* A string, or {"hex": ...} for bytes that a JSON string cannot hold. */
json_t *record_bytes(const void *data, size_t len);
/* The path of a node; null if it is gone. */
json_t *record_path(const struct core *core, unsigned tree, sysfs_ino ino);
json_t *record_machine(const struct machine_config *config);
/* Sets a member of object for each field of base. Returns object. */
json_t *record_format_fields(const struct core *core, const struct field *fields, const void *base,
                             json_t *object);

struct line_reader {
    struct record_entry *entry;
    struct text *why;
};

/* All return 0, or -EINVAL with a message in why. */
int record_refuse(struct line_reader *r, const char *name, const char *what);
/* With max above INT64_MAX, negative numbers are accepted, as 64-bit patterns. */
int record_take_int(struct line_reader *r, const char *name, const json_t *value, uint64_t max,
                    uint64_t *out);
int record_take_machine(struct line_reader *r, const json_t *value);
int record_take_fields(struct line_reader *r, const json_t *o, const struct field *fields,
                       void *base);

#endif
