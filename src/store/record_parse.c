/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/machine_file.h"
#include "store/record_json.h"

/* Parses the lines of a recording, strictly: missing and unknown members and wrong types are
 * refused. */

/* An optional field need not be there. */
static size_t members_of(const json_t *o, const struct field *fields)
{
    size_t count = 0;

    for (const struct field *f = fields; f->name; f++)
        count += !f->optional || json_object_get(o, f->name);
    return count;
}

static int take_command(struct line_reader *r, const json_t *o)
{
    const char *name = json_string_value(json_object_get(o, "command"));
    int kind = name ? command_find(name) : -1, rc;

    if (kind < 0)
        return record_refuse(r, "command", "is not a known command");
    r->entry->line = RECORD_COMMAND;
    r->entry->cmd.kind = (enum command_kind)kind;
    rc = record_take_fields(r, o, command_head, &r->entry->cmd);
    if (rc == 0)
        rc = record_take_fields(r, o, command_rows[kind].fields, &r->entry->cmd);
    r->entry->keyless = json_object_get(o, "keyless") != NULL;
    if (r->entry->keyless && !json_is_true(json_object_get(o, "keyless")))
        return record_refuse(r, "keyless", "must be true");
    if (rc == 0 &&
        json_object_size(o) != 3u + r->entry->keyless + members_of(o, command_rows[kind].fields))
        return record_refuse(r, name, "has an unknown member");
    return rc;
}

#define ERRNO_MAX 4095

/* An outcome is compared as text later; here only its form is checked. */
static int take_outcome(struct line_reader *r, const json_t *o)
{
    const json_t *result = json_object_get(o, "result");

    r->entry->line = RECORD_OUTCOME;
    if (!json_is_integer(result))
        return record_refuse(r, "result", "must be a number");
    if (json_integer_value(result) < -ERRNO_MAX || json_integer_value(result) > 0)
        return record_refuse(r, "result", "is out of range");
    if (!json_is_array(json_object_get(o, "effects")))
        return record_refuse(r, "effects", "must be a list");
    return 0;
}

/* {"start":time}, and {"look":guest}, the old form of CMD_GUEST_LOOK. */
static const struct field lone_fields[][2] = {
    [RECORD_START] = {{"start", FIELD_INT, offsetof(struct command, now), 8, .max = INT64_MAX}},
    [RECORD_LOOK] = {{"look", FIELD_INT, offsetof(struct command, look.guest), 4,
                      .max = UINT16_MAX}},
};

static int take_lone(struct line_reader *r, const json_t *o, enum record_line line)
{
    const struct field *f = lone_fields[line];
    int rc = record_take_fields(r, o, f, &r->entry->cmd);

    r->entry->line = line;
    r->entry->cmd.kind = CMD_GUEST_LOOK;
    return rc == 0 && json_object_size(o) != 1
               ? record_refuse(r, f->name, "must be the only member")
               : rc;
}

static int take_head(struct line_reader *r, const json_t *o)
{
    static const char mark[] = "apus-recording";
    const json_t *value = json_object_get(o, mark);
    uint64_t version = 0;
    int rc;

    if (!value)
        return record_refuse(r, mark, "is missing; this is not a recording");
    rc = record_take_int(r, mark, value, UINT32_MAX, &version);
    if (rc == 0 && version != RECORD_VERSION)
        return record_refuse(r, mark, "has a version that this program does not support");
    r->entry->line = RECORD_HEAD;
    if (rc == 0)
        rc = record_take_machine(r, json_object_get(o, "machine"));
    r->entry->mounted = json_is_true(json_object_get(o, "mounted"));
    return rc == 0 && json_object_size(o) != 2u + r->entry->mounted
               ? record_refuse(r, mark, "has an unknown member beside it")
               : rc;
}

static int take_line(struct line_reader *r, const json_t *o)
{
    if (json_object_get(o, "apus-recording"))
        return take_head(r, o);
    if (json_object_get(o, "command"))
        return take_command(r, o);
    if (json_object_get(o, "look"))
        return take_lone(r, o, RECORD_LOOK);
    if (json_object_get(o, "start"))
        return take_lone(r, o, RECORD_START);
    if (json_object_get(o, "result"))
        return take_outcome(r, o);
    return record_refuse(r, "command", "is missing, and the line is not an outcome either");
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
        text_adds(why, "not a JSON object");
    else
        rc = take(&r, o);
    if (rc < 0)
        record_entry_done(&e);
    else
        *out = e;
    return rc;
}

int record_parse_head(const char *line, size_t len, struct machine_config *out, bool *mounted,
                      struct text *why)
{
    struct record_entry e;
    int rc = parse(line, len, take_head, &e, why);

    if (rc < 0)
        return rc;
    *out = e.memory->machine;
    *mounted = e.mounted;
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
        record_free(m->blocks[i]);
    free(m->blocks);
    json_decref(m->line);
    free(m);
    e->memory = NULL;
}
