/* SPDX-License-Identifier: MIT */
#include "store/state_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "store/record_json.h"

static int append(const char *bytes, size_t len, void *out)
{
    text_add(out, bytes, len);
    return 0;
}

static void add_json(json_t *value, struct text *out)
{
    if (json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        abort();
    json_decref(value);
}

/* Most lines consist of masks, which need no care. */
static void field_add(const struct field *f, const struct saved *s, struct text *out)
{
    const void *at = (const char *)s + f->at;

    switch (f->type) {
    case FIELD_INT:
        text_addf(out, "%" PRIu64, field_get(f, s));
        return;
    case FIELD_BOOL:
        text_adds(out, field_get(f, s) ? "true" : "false");
        return;
    case FIELD_LIST:
    case FIELD_UUID:
        text_adds(out, "\"");
        field_format(f, s, out);
        text_adds(out, "\"");
        return;
    case FIELD_TEXT:
        add_json(record_bytes(*(char *const *)at, strlen(*(char *const *)at)), out);
        return;
    case FIELD_BYTES:
        add_json(record_bytes(*(void *const *)at, *(const size_t *)((const char *)s + f->more)),
                 out);
        return;
    case FIELD_MACHINE:
        add_json(record_machine(*(const struct machine_config *const *)at), out);
        return;
    default:
        abort();
    }
}

void state_line_format(const struct core *core, const struct change *of, struct text *out)
{
    const struct saved_row *row = &saved_rows[of->kind];
    const char *separator = " {\"";
    struct saved s;

    text_adds(out, row->name);
    if (row->has_tree)
        text_addf(out, " %u", of->tree);
    if (row->has_id)
        text_addf(out, " %" PRIu32, of->id);
    if (saved_get(core, of, &s)) {
        for (const struct field *f = row->fields; f->name; f++) {
            if (f->optional && !field_get(f, &s))
                continue;
            text_adds(out, separator);
            text_adds(out, f->name);
            text_adds(out, "\":");
            field_add(f, &s, out);
            separator = ",\"";
        }
        text_adds(out, "}");
    }
    text_adds(out, "\n");
    saved_done(&s);
}

size_t state_line_key(const char *line, size_t len, bool *has_fields)
{
    const char *brace = memchr(line, '{', len);

    *has_fields = brace && brace > line && brace[-1] == ' ';
    return *has_fields ? (size_t)(brace - line) - 1 : len;
}

/* The next word of a key, a number below limit. */
static bool take_number(const char **at, const char *end, uint32_t limit, uint32_t *out)
{
    const char *word = *at, *stop;
    uint64_t value;

    if (word == end || *word++ != ' ')
        return false;
    stop = memchr(word, ' ', (size_t)(end - word));
    stop = stop ? stop : end;
    /* As it is written: two spellings of a number would be two keys. */
    if (stop == word || (*word == '0' && stop > word + 1) ||
        number_parse_u64(word, (size_t)(stop - word), 10, &value) < 0 || value >= limit)
        return false;
    *at = stop;
    *out = (uint32_t)value;
    return true;
}

static int find_row(const char *name, size_t len)
{
    for (int i = 0; i < STATE_KINDS; i++)
        if (strlen(saved_rows[i].name) == len && memcmp(saved_rows[i].name, name, len) == 0)
            return i;
    return -1;
}

int state_key_parse(const char *key, size_t len, struct change *out, struct text *why)
{
    const char *end = key + len, *at = memchr(key, ' ', len);
    const struct saved_row *row;
    uint32_t tree = 0, id = 0;
    int kind;

    at = at ? at : end;
    kind = find_row(key, (size_t)(at - key));
    if (kind < 0) {
        text_adds(why, "it begins with no word that this version knows");
        return -EINVAL;
    }
    row = &saved_rows[kind];
    if ((row->has_tree && !take_number(&at, end, UINT16_MAX, &tree)) ||
        (row->has_id && !take_number(&at, end, row->ids, &id)) || at != end) {
        text_addf(why, "\"%s\" is not followed by the numbers of one", row->name);
        return -EINVAL;
    }
    *out = (struct change){.kind = (uint8_t)kind, .tree = (uint16_t)tree, .id = id};
    return 0;
}

/* An optional field need not be there. */
static size_t field_count(const struct field *fields, const json_t *o)
{
    size_t n = 0;

    for (; fields->name; fields++)
        n += !fields->optional || json_object_get(o, fields->name);
    return n;
}

int state_fields_parse(const struct change *of, const char *json, size_t len, struct saved *out,
                       struct record_entry *entry, struct text *why)
{
    const struct field *fields = saved_rows[of->kind].fields;
    struct line_reader reader = {entry, why};
    json_error_t error;
    json_t *o = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    int rc = -EINVAL;

    *out = (struct saved){.of = *of};
    *entry = (struct record_entry){.memory = xcalloc(1, sizeof *entry->memory)};
    entry->memory->line = o;
    if (!o)
        text_addf(why, "not JSON, column %d: %s", error.column, error.text);
    else if (json_is_object(o) && json_object_size(o) == field_count(fields, o))
        rc = record_take_fields(&reader, o, fields, out);
    else
        text_adds(why, "it has other fields than this version knows");
    if (rc < 0)
        record_entry_done(entry);
    return rc;
}
