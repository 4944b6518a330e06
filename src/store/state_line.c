/* SPDX-License-Identifier: MIT */
#include "store/state_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/number.h"
#include "base/uuid.h"
#include "store/machine_file.h"

/* Bytes that would end a word or look like an escape are %XX. */
static void add_escaped(const char *data, size_t len, struct text *out)
{
    size_t plain = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];

        if (c > ' ' && c < 0x7f && c != '%')
            continue;
        text_add(out, data + plain, i - plain);
        text_addf(out, "%%%02x", c);
        plain = i + 1;
    }
    text_add(out, data + plain, len - plain);
}

static void add_machine(const struct machine_config *config, struct text *out)
{
    text_auto machine = {0};

    machine_file_format(config, &machine);
    add_escaped(machine.data, machine.len, out);
}

static void field_add(const struct field *f, const struct saved *s, struct text *out)
{
    const void *at = (const char *)s + f->at;

    switch (f->type) {
    case FIELD_INT:
    case FIELD_BOOL:
        text_add_number(out, field_get(f, s));
        return;
    case FIELD_LIST:
    case FIELD_UUID:
        field_format(f, s, out);
        return;
    case FIELD_TEXT:
        add_escaped(*(char *const *)at, strlen(*(char *const *)at), out);
        return;
    case FIELD_BYTES:
        add_escaped(*(char *const *)at, *(const size_t *)((const char *)s + f->more), out);
        return;
    case FIELD_MACHINE:
        add_machine(*(const struct machine_config *const *)at, out);
        return;
    default:
        abort();
    }
}

static void word_add(const struct field *f, const struct saved *s, struct text *out)
{
    if (f->optional && field_is_zero(f, s))
        return;
    text_add(out, " ", 1);
    text_adds(out, f->name);
    text_add(out, "=", 1);
    field_add(f, s, out);
}

void state_line_format(const struct core *core, const struct change *of, struct text *out)
{
    const struct saved_row *row = &saved_rows[of->kind];
    struct saved s;

    text_adds(out, row->name);
    if (row->has_tree) {
        text_add(out, " ", 1);
        text_add_number(out, of->tree);
    }
    if (row->has_id) {
        text_add(out, " ", 1);
        text_add_number(out, of->id);
    }
    if (saved_get(core, of, &s))
        for (const struct field *f = row->fields; f->name; f++)
            word_add(f, &s, out);
    text_add(out, "\n", 1);
    saved_done(&s);
}

size_t state_line_key(const char *line, size_t len, bool *has_fields)
{
    const char *equals = memchr(line, '=', len);
    const char *blank = equals ? memrchr(line, ' ', (size_t)(equals - line)) : NULL;

    *has_fields = blank != NULL;
    return blank ? (size_t)(blank - line) : len;
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

/* What is wrong with a field. */
static int refuse(const struct field *f, const char *what, struct text *why)
{
    text_addf(why, "\"%s\" %s", f->name, what);
    return -EINVAL;
}

/* The bytes of an escaped word; as many as it has at most, and there is always a NUL behind. */
static bool unescape(const char *word, size_t len, struct text *out)
{
    text_adds(out, "");
    while (len) {
        const char *escape = memchr(word, '%', len);
        size_t plain = escape ? (size_t)(escape - word) : len;
        int high, low;
        char byte;

        text_add(out, word, plain);
        if (!escape)
            return true;
        if (len - plain < 3 || (high = number_hex_lower(escape[1])) < 0 ||
            (low = number_hex_lower(escape[2])) < 0)
            return false;
        byte = (char)(high << 4 | low);
        text_add(out, &byte, 1);
        word += plain + 3;
        len -= plain + 3;
    }
    return true;
}

static int take_int(const struct field *f, const char *word, size_t len, struct saved *out,
                    struct text *why)
{
    uint64_t value;

    if (!len || number_parse_u64(word, len, 10, &value) < 0 || value > field_max(f))
        return refuse(f, "is not a number, or out of range", why);
    field_set(f, out, value);
    return 0;
}

/* What stands in out->text; an object has one such field at most. */
static int take_escaped(const struct field *f, const char *word, size_t len, struct saved *out,
                        struct text *why)
{
    if (!unescape(word, len, &out->text))
        return refuse(f, "has a % without two hexadecimal digits", why);
    if (f->type == FIELD_BYTES) {
        field_set_bytes(f, out, out->text.data, out->text.len);
        return 0;
    }
    if (strlen(out->text.data) != out->text.len)
        return refuse(f, "has a NUL in it", why);
    *(const char **)((char *)out + f->at) = out->text.data;
    return 0;
}

static int take_machine(const struct field *f, const char *word, size_t len, struct saved *out,
                        struct text *why)
{
    struct machine_config config;
    text_auto text = {0};
    int rc;

    if (!unescape(word, len, &text))
        return refuse(f, "has a % without two hexadecimal digits", why);
    rc = machine_file_parse("machine", text.data, text.len, &config, why);
    if (rc < 0)
        return rc;
    text_add(&out->text, (const char *)&config, sizeof config);
    *(const void **)((char *)out + f->at) = out->text.data;
    return 0;
}

static int take_list(const struct field *f, const char *word, size_t len, struct saved *out,
                     struct text *why)
{
    struct mask256 *mask = (struct mask256 *)((char *)out + f->at);

    return !len || ap_list_parse(word, len, mask, NULL) == 0 ? 0 : refuse(f, "is not a list", why);
}

static int take_uuid(const struct field *f, const char *word, size_t len, struct saved *out,
                     struct text *why)
{
    *((bool *)((char *)out + f->more)) = true;
    return uuid_parse(word, len, (struct uuid *)((char *)out + f->at)) == 0
               ? 0
               : refuse(f, "is not a UUID", why);
}

static int take_field(const struct field *f, const char *word, size_t len, struct saved *out,
                      struct text *why)
{
    switch (f->type) {
    case FIELD_INT:
    case FIELD_BOOL:
        return take_int(f, word, len, out, why);
    case FIELD_LIST:
        return take_list(f, word, len, out, why);
    case FIELD_UUID:
        return take_uuid(f, word, len, out, why);
    case FIELD_TEXT:
    case FIELD_BYTES:
        return take_escaped(f, word, len, out, why);
    case FIELD_MACHINE:
        return take_machine(f, word, len, out, why);
    default:
        abort();
    }
}

/* Takes the word "name=value" that *at begins with, and the blank behind it. An optional one may be
 * missing. */
static int take_word(const struct field *f, const char **at, const char *end, struct saved *out,
                     struct text *why)
{
    size_t name = strlen(f->name), len;
    const char *value = *at + name + 1, *stop;

    if ((size_t)(end - *at) <= name || memcmp(*at, f->name, name) != 0 || (*at)[name] != '=')
        return f->optional
                   ? 0
                   : refuse(f, "is missing: it has other fields than this version knows", why);
    stop = memchr(value, ' ', (size_t)(end - value));
    len = (size_t)((stop ? stop : end) - value);
    *at = value + len + (stop != NULL);
    return take_field(f, value, len, out, why);
}

int state_fields_parse(const struct change *of, const char *fields, size_t len, struct saved *out,
                       struct text *why)
{
    const char *at = fields, *end = fields + len;
    int rc = 0;

    *out = (struct saved){.of = *of};
    for (const struct field *f = saved_rows[of->kind].fields; f->name && rc == 0; f++)
        rc = take_word(f, &at, end, out, why);
    if (rc == 0 && (at != end || (len && end[-1] == ' '))) {
        text_adds(why, "it has other fields than this version knows");
        rc = -EINVAL;
    }
    if (rc < 0)
        saved_done(out);
    return rc;
}
