/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "store/machine_file.h"
#include "store/record_json.h"

/* Formats and parses the fields of commands as JSON. They may contain clear keys. */

void record_free(void *memory)
{
    if (memory)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void record_cleanse_json(void)
{
    json_set_alloc_funcs(xmalloc, record_free);
}

void record_set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) < 0)
        abort();
}

/* json_stringn fails if the bytes are not valid UTF-8. */
json_t *record_bytes(const void *data, size_t len)
{
    json_t *value = len && memchr(data, '\0', len) ? NULL : json_stringn(len ? data : "", len);
    text_private_auto hex = {0};

    if (value)
        return value;
    text_add_hex(&hex, data, len);
    return json_pack("{s:s}", "hex", hex.data);
}

/* The path of a node; null if it is gone. */
json_t *record_path(const struct core *core, unsigned tree, sysfs_ino ino)
{
    const struct sysfs_tree *t = core_tree(core, tree);
    struct sysfs_entry entry;
    text_auto path = {0};

    if (!t || sysfs_stat(t, ino, &entry) < 0)
        return json_null();
    sysfs_path(t, ino, &path);
    return record_bytes(path.data, path.len);
}

json_t *record_machine(const struct machine_config *config)
{
    text_auto machine = {0};

    machine_file_format(config, &machine);
    return record_bytes(machine.data, machine.len);
}

static json_t *patterns(const uint64_t *values, size_t size)
{
    static const struct field one = {.type = FIELD_PATTERN};
    json_t *array = json_array();

    for (size_t i = 0; i < size / sizeof *values; i++) {
        text_auto text = {0};

        field_format(&one, &values[i], &text);
        json_array_append_new(array, json_string(text.data));
    }
    return array;
}

static json_t *targets(const struct zcrypt_request *request)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < request->target_count; i++)
        json_array_append_new(
            array, json_pack("[i,i]", request->targets[i].apid, request->targets[i].apqi));
    return array;
}

static json_t *format_field(const struct core *core, const struct field *f, const void *base)
{
    const void *at = (const char *)base + f->at;
    const struct command *cmd = base;
    text_auto text = {0};

    switch (f->type) {
    case FIELD_INT:
    case FIELD_TREE:
    case FIELD_AGENT:
        return json_integer((json_int_t)field_get(f, base));
    case FIELD_BOOL:
        return json_boolean(field_get(f, base));
    case FIELD_WORD:
    case FIELD_TEXT:
    case FIELD_UUID:
    case FIELD_MASK:
    case FIELD_LIST:
    case FIELD_PATTERN:
        return field_format(f, base, &text) ? record_bytes(text.data, text.len) : json_null();
    case FIELD_PATTERNS:
        return patterns(at, f->size);
    case FIELD_BYTES:
        return record_bytes(*(void *const *)at, *(const size_t *)((const char *)base + f->more));
    case FIELD_NODE:
        return record_path(core, cmd->store.tree, cmd->store.ino);
    case FIELD_MACHINE:
        return record_machine(*(const struct machine_config *const *)at);
    case FIELD_RSA:
        return cmd->zcrypt.request.kind == ZCRYPT_RSA
                   ? record_format_fields(core, rsa_fields(at), at, json_object())
                   : json_null();
    case FIELD_TARGETS:
        return targets(&cmd->zcrypt.request);
    }
    abort();
}

json_t *record_format_fields(const struct core *core, const struct field *fields, const void *base,
                             json_t *object)
{
    for (const struct field *f = fields; f->name; f++)
        if (!f->optional || field_get(f, base))
            record_set(object, f->name, format_field(core, f, base));
    return object;
}

/* Parsing is strict: missing and unknown members and wrong types are refused. */

int record_refuse(struct line_reader *r, const char *name, const char *what)
{
    text_addf(r->why, "\"%s\" %s", name, what);
    return -EINVAL;
}

/* Memory that is freed with the entry. */
static void *block(struct record_memory *m, size_t size)
{
    m->blocks = xrealloc(m->blocks, (m->block_count + 1) * sizeof *m->blocks);
    return m->blocks[m->block_count++] = xcalloc(size, 1);
}

static int take_bytes(struct line_reader *r, const char *name, const json_t *value,
                      struct span *out)
{
    const json_t *hex = json_object_get(value, "hex");
    uint8_t *room;

    if (json_is_string(value)) {
        *out = span_of(json_string_value(value), json_string_length(value));
        return 0;
    }
    if (json_object_size(value) != 1 || !json_is_string(hex))
        return record_refuse(r, name, "must be a string or {\"hex\": string}");
    room = block(r->entry->memory, json_string_length(hex));
    if (text_parse_hex(json_string_value(hex), room) < 0)
        return record_refuse(r, name, "must consist of pairs of hexadecimal digits");
    *out = span_of(room, strlen(json_string_value(hex)) / 2);
    return 0;
}

/* A string without NUL inside. */
static int take_text(struct line_reader *r, const char *name, const json_t *value, const char **out)
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return record_refuse(r, name, "must be a string without NUL");
    *out = json_string_value(value);
    return 0;
}

/* With max above INT64_MAX, negative numbers are accepted, as 64-bit patterns. */
int record_take_int(struct line_reader *r, const char *name, const json_t *value, uint64_t max,
                    uint64_t *out)
{
    if (!json_is_integer(value))
        return record_refuse(r, name, "must be a number");
    if ((uint64_t)json_integer_value(value) > max)
        return record_refuse(r, name, "is out of range");
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

/* A value that is written as a string. */
static int take_value(struct line_reader *r, const struct field *f, const json_t *value, void *base)
{
    const char *text = "", *wrong;
    int rc = take_text(r, f->name, value, &text);

    wrong = rc == 0 ? field_parse(f, base, text) : NULL;
    return wrong ? record_refuse(r, f->name, wrong) : rc;
}

static int take_patterns(struct line_reader *r, const struct field *f, const json_t *value,
                         uint64_t *out)
{
    const struct field one = {.name = f->name, .type = FIELD_PATTERN};
    size_t count = f->size / sizeof *out;
    int rc = 0;

    if (!json_is_array(value) || json_array_size(value) != count)
        return record_refuse(r, f->name, "must be a list of the right length");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = take_value(r, &one, json_array_get(value, i), &out[i]);
    return rc;
}

int record_take_machine(struct line_reader *r, const json_t *value)
{
    struct span text = {0};
    int rc = take_bytes(r, "machine", value, &text);

    return rc < 0 ? rc
                  : machine_file_parse("machine", (const char *)text.data, text.len,
                                       &r->entry->memory->machine, r->why);
}

static int take_targets(struct line_reader *r, const char *name, const json_t *value,
                        struct zcrypt_request *request)
{
    size_t count = json_array_size(value);
    struct zcrypt_target *targets = block(r->entry->memory, count * sizeof *targets);

    if (!json_is_array(value))
        return record_refuse(r, name, "must be a list");
    for (size_t i = 0; i < count; i++) {
        json_int_t apid, apqi;

        if (json_unpack(json_array_get(value, i), "[I,I!]", &apid, &apqi) < 0 ||
            (uint64_t)apid > UINT16_MAX || (uint64_t)apqi > UINT16_MAX)
            return record_refuse(r, name, "must consist of pairs of adapter and domain");
        targets[i] = (struct zcrypt_target){(uint16_t)apid, (uint16_t)apqi};
    }
    request->targets = targets;
    request->target_count = (unsigned)count;
    return 0;
}

static int take_rsa(struct line_reader *r, const json_t *value, struct zcrypt_request *request)
{
    if (request->kind != ZCRYPT_RSA)
        return 0;
    if (!json_is_object(value))
        return record_refuse(r, "rsa", "must be an object");
    request->rsa.crt = json_object_get(value, "p") != NULL;
    if (json_object_size(value) != (request->rsa.crt ? 6 : 3))
        return record_refuse(r, "rsa", "has the wrong members");
    return record_take_fields(r, value, rsa_fields(&request->rsa), &request->rsa);
}

static int take_field(struct line_reader *r, const struct field *f, const json_t *value, void *base)
{
    void *at = (char *)base + f->at;
    struct command *cmd = base;
    struct span span = {0};
    uint64_t number = 0;
    int rc;

    switch (f->type) {
    case FIELD_INT:
    case FIELD_TREE:
    case FIELD_AGENT:
        rc = record_take_int(r, f->name, value, field_max(f), &number);
        field_set(f, base, number);
        return rc;
    case FIELD_BOOL:
        field_set(f, base, json_is_true(value));
        return json_is_boolean(value) ? 0 : record_refuse(r, f->name, "must be true or false");
    case FIELD_UUID:
        return json_is_null(value) ? 0 : take_value(r, f, value, base);
    case FIELD_WORD:
    case FIELD_TEXT:
    case FIELD_MASK:
    case FIELD_LIST:
    case FIELD_PATTERN:
        return take_value(r, f, value, base);
    case FIELD_PATTERNS:
        return take_patterns(r, f, value, at);
    case FIELD_BYTES:
        rc = take_bytes(r, f->name, value, &span);
        field_set_bytes(f, base, span.data, span.len);
        return rc;
    case FIELD_NODE:
        return json_is_null(value) ? 0 : take_text(r, f->name, value, &r->entry->path);
    case FIELD_MACHINE:
        *(const struct machine_config **)at = &r->entry->memory->machine;
        return record_take_machine(r, value);
    case FIELD_RSA:
        return take_rsa(r, value, &cmd->zcrypt.request);
    case FIELD_TARGETS:
        return take_targets(r, f->name, value, &cmd->zcrypt.request);
    }
    abort();
}

int record_take_fields(struct line_reader *r, const json_t *o, const struct field *fields,
                       void *base)
{
    int rc = 0;

    for (const struct field *f = fields; f->name && rc == 0; f++) {
        const json_t *value = json_object_get(o, f->name);

        if (value || !f->optional)
            rc = take_field(r, f, value, base);
    }
    return rc;
}
