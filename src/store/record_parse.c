/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/machine_file.h"
#include "store/record_json.h"

/* Lines of a recording, read strictly: what is missing, unknown or of the wrong kind is refused. */

struct line_reader {
    struct record_entry *entry;
    struct text *why;
};

static int refuse(struct line_reader *r, const char *name, const char *what)
{
    text_addf(r->why, "\"%s\" %s", name, what);
    return -EINVAL;
}

/* Memory as long as the entry. */
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
        return refuse(r, name, "has to be a string or {\"hex\": string}");
    room = block(r->entry->memory, json_string_length(hex));
    if (text_parse_hex(json_string_value(hex), room) < 0)
        return refuse(r, name, "is not written in pairs of hex digits");
    *out = span_of(room, strlen(json_string_value(hex)) / 2);
    return 0;
}

/* A string that ends where C thinks so. */
static int take_text(struct line_reader *r, const char *name, const json_t *value, const char **out)
{
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return refuse(r, name, "has to be a string");
    *out = json_string_value(value);
    return 0;
}

/* max above INT64_MAX: any 64-bit number, as it was written. */
static int take_int(struct line_reader *r, const char *name, const json_t *value, uint64_t max,
                    uint64_t *out)
{
    if (!json_is_integer(value))
        return refuse(r, name, "has to be a number");
    if ((uint64_t)json_integer_value(value) > max)
        return refuse(r, name, "is out of range");
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

/* What is written as a string and has a value. */
static int take_value(struct line_reader *r, const struct field *f, const json_t *value, void *base)
{
    const char *text = "", *wrong;
    int rc = take_text(r, f->name, value, &text);

    wrong = rc == 0 ? field_parse(f, base, text) : NULL;
    return wrong ? refuse(r, f->name, wrong) : rc;
}

static int take_patterns(struct line_reader *r, const struct field *f, const json_t *value,
                         uint64_t *out)
{
    const struct field one = {.name = f->name, .type = FIELD_PATTERN};
    size_t count = f->size / sizeof *out;
    int rc = 0;

    if (!json_is_array(value) || json_array_size(value) != count)
        return refuse(r, f->name, "has to be a list of the right length");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = take_value(r, &one, json_array_get(value, i), &out[i]);
    return rc;
}

static int take_machine(struct line_reader *r, const json_t *value)
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
        return refuse(r, name, "has to be a list");
    for (size_t i = 0; i < count; i++) {
        json_int_t apid, apqi;

        if (json_unpack(json_array_get(value, i), "[I,I!]", &apid, &apqi) < 0 ||
            (uint64_t)apid > UINT16_MAX || (uint64_t)apqi > UINT16_MAX)
            return refuse(r, name, "has to hold pairs of adapter and domain");
        targets[i] = (struct zcrypt_target){(uint16_t)apid, (uint16_t)apqi};
    }
    request->targets = targets;
    request->target_count = (unsigned)count;
    return 0;
}

static int take_fields(struct line_reader *r, const json_t *o, const struct field *fields,
                       void *base);

static int take_rsa(struct line_reader *r, const json_t *value, struct zcrypt_request *request)
{
    if (request->kind != ZCRYPT_RSA)
        return 0;
    if (!json_is_object(value))
        return refuse(r, "rsa", "has to be an object");
    request->rsa.crt = json_object_get(value, "p") != NULL;
    if (json_object_size(value) != (request->rsa.crt ? 6 : 3))
        return refuse(r, "rsa", "has the wrong members");
    return take_fields(r, value, rsa_fields(&request->rsa), &request->rsa);
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
        rc = take_int(r, f->name, value, field_max(f), &number);
        field_set(f, base, number);
        return rc;
    case FIELD_BOOL:
        field_set(f, base, json_is_true(value));
        return json_is_boolean(value) ? 0 : refuse(r, f->name, "has to be true or false");
    case FIELD_UUID:
        return json_is_null(value) ? 0 : take_value(r, f, value, base);
    case FIELD_WORD:
    case FIELD_TEXT:
    case FIELD_MASK:
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
        cmd->machine.config = &r->entry->memory->machine;
        return take_machine(r, value);
    case FIELD_RSA:
        return take_rsa(r, value, &cmd->zcrypt.request);
    case FIELD_TARGETS:
        return take_targets(r, f->name, value, &cmd->zcrypt.request);
    }
    abort();
}

static int take_fields(struct line_reader *r, const json_t *o, const struct field *fields,
                       void *base)
{
    int rc = 0;

    for (const struct field *f = fields; f->name && rc == 0; f++)
        rc = take_field(r, f, json_object_get(o, f->name), base);
    return rc;
}

static int take_command(struct line_reader *r, const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "command"));
    int kind = name ? command_find(name) : -1, rc;

    if (kind < 0)
        return refuse(r, "command", "is not one of the words there are");
    r->entry->line = RECORD_COMMAND;
    r->entry->cmd.kind = (enum command_kind)kind;
    rc = take_fields(r, o, command_head, &r->entry->cmd);
    if (rc == 0)
        rc = take_fields(r, o, command_rows[kind].fields, &r->entry->cmd);
    if (rc == 0 && json_object_size(o) != 3 + field_count(command_rows[kind].fields))
        return refuse(r, name, "has a member too many");
    return rc;
}

/* An outcome is compared as it is written; here it only has to be one. */
static int take_outcome(struct line_reader *r, const json_t *o)
{
    r->entry->line = RECORD_OUTCOME;
    if (!json_is_integer(json_object_get(o, "result")))
        return refuse(r, "result", "has to be a number");
    if (!json_is_array(json_object_get(o, "effects")))
        return refuse(r, "effects", "has to be a list");
    return 0;
}

/* {"start":time}, and {"look":guest}, which stood for CMD_GUEST_LOOK. */
static const struct field lone_fields[][2] = {
    [RECORD_START] = {{"start", FIELD_INT, offsetof(struct command, now), 8, .max = INT64_MAX}},
    [RECORD_LOOK] = {{"look", FIELD_INT, offsetof(struct command, look.guest), 4,
                      .max = UINT16_MAX}},
};

static int take_lone(struct line_reader *r, const json_t *o, enum record_line line)
{
    const struct field *f = lone_fields[line];
    int rc = take_fields(r, o, f, &r->entry->cmd);

    r->entry->line = line;
    r->entry->cmd.kind = CMD_GUEST_LOOK;
    return rc == 0 && json_object_size(o) != 1 ? refuse(r, f->name, "stands alone") : rc;
}

static int take_head(struct line_reader *r, const json_t *o)
{
    static const char mark[] = "apus-recording";
    const json_t *value = json_object_get(o, mark);
    uint64_t version = 0;
    int rc;

    if (!value)
        return refuse(r, mark, "is missing: this is no recording");
    rc = take_int(r, mark, value, UINT32_MAX, &version);
    if (rc == 0 && version != RECORD_VERSION)
        return refuse(r, mark, "is of a version that this program does not know");
    if (rc == 0)
        rc = take_machine(r, json_object_get(o, "machine"));
    return rc == 0 && json_object_size(o) != 2 ? refuse(r, mark, "has a member too many beside it")
                                               : rc;
}

static int take_line(struct line_reader *r, const json_t *o)
{
    if (json_object_get(o, "command"))
        return take_command(r, o);
    if (json_object_get(o, "look"))
        return take_lone(r, o, RECORD_LOOK);
    if (json_object_get(o, "start"))
        return take_lone(r, o, RECORD_START);
    if (json_object_get(o, "result"))
        return take_outcome(r, o);
    return refuse(r, "command", "is missing, and it is no outcome either");
}

static int parse(const char *line, size_t len, int (*take)(struct line_reader *r, const json_t *o),
                 struct record_entry *out, struct text *why)
{
    struct record_entry e = {.memory = xcalloc(1, sizeof *e.memory)};
    struct line_reader r = {&e, why};
    json_error_t error;
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    int rc = -EINVAL;

    e.memory->line = o;
    if (!o)
        text_addf(why, "not JSON, column %d: %s", error.column, error.text);
    else if (!json_is_object(o))
        text_adds(why, "not an object of JSON");
    else
        rc = take(&r, o);
    if (rc < 0)
        record_entry_done(&e);
    else
        *out = e;
    return rc;
}

int record_parse_head(const char *line, size_t len, struct machine_config *out, struct text *why)
{
    struct record_entry e;
    int rc = parse(line, len, take_head, &e, why);

    if (rc < 0)
        return rc;
    *out = e.memory->machine;
    record_entry_done(&e);
    return 0;
}

int record_parse_line(const char *line, size_t len, struct record_entry *out, struct text *why)
{
    return parse(line, len, take_line, out, why);
}

void record_entry_done(struct record_entry *e)
{
    struct record_memory *m = e->memory;

    if (!m)
        return;
    for (unsigned i = 0; i < m->block_count; i++)
        free(m->blocks[i]);
    free(m->blocks);
    json_decref(m->line);
    free(m);
    e->memory = NULL;
}
