/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "store/machine_file.h"
#include "store/record_json.h"

/* Commands and outcomes as lines of JSON. */

static void set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) < 0)
        abort();
}

/* jansson takes valid UTF-8 only. */
static json_t *bytes(const void *data, size_t len)
{
    json_t *value = len && memchr(data, '\0', len) ? NULL : json_stringn(len ? data : "", len);
    text_auto hex = {0};

    if (value)
        return value;
    text_add_hex(&hex, data, len);
    return json_pack("{s:s}", "hex", hex.data);
}

/* The path of a node, or null when it has vanished. */
static json_t *path_of(const struct core *core, unsigned tree, sysfs_ino ino)
{
    const struct sysfs_tree *t = core_tree(core, tree);
    struct sysfs_entry entry;
    text_auto path = {0};

    if (!t || sysfs_stat(t, ino, &entry) < 0)
        return json_null();
    sysfs_path(t, ino, &path);
    return bytes(path.data, path.len);
}

static json_t *machine_text(const struct machine_config *config)
{
    text_auto machine = {0};

    machine_file_format(config, &machine);
    return bytes(machine.data, machine.len);
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

static json_t *format_fields(const struct core *core, const struct field *fields, const void *base,
                             json_t *object);

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
    case FIELD_PATTERN:
        return field_format(f, base, &text) ? bytes(text.data, text.len) : json_null();
    case FIELD_PATTERNS:
        return patterns(at, f->size);
    case FIELD_BYTES:
        return bytes(*(void *const *)at, *(const size_t *)((const char *)base + f->more));
    case FIELD_NODE:
        return path_of(core, cmd->store.tree, cmd->store.ino);
    case FIELD_MACHINE:
        return machine_text(cmd->machine.config);
    case FIELD_RSA:
        return cmd->zcrypt.request.kind == ZCRYPT_RSA
                   ? format_fields(core, rsa_fields(at), at, json_object())
                   : json_null();
    case FIELD_TARGETS:
        return targets(&cmd->zcrypt.request);
    }
    abort();
}

static json_t *format_fields(const struct core *core, const struct field *fields, const void *base,
                             json_t *object)
{
    for (const struct field *f = fields; f->name; f++)
        set(object, f->name, format_field(core, f, base));
    return object;
}

static void dump(json_t *line, struct text *out)
{
    char *text = json_dumps(line, JSON_COMPACT);

    if (!text)
        abort();
    text_adds(out, text);
    free(text);
    json_decref(line);
}

void record_format_head(const struct machine_config *config, struct text *out)
{
    dump(json_pack("{s:i, s:o}", "apus-recording", RECORD_VERSION, "machine", machine_text(config)),
         out);
}

void record_format_command(const struct core *core, const struct command *cmd, struct text *out)
{
    const struct command_row *row = &command_rows[cmd->kind];
    json_t *line = format_fields(core, command_head, cmd, json_object());

    set(line, "command", json_string(row->name));
    dump(format_fields(core, row->fields, cmd, line), out);
}

static json_t *format_env(const char *env, size_t len)
{
    json_t *array = json_array();

    for (size_t at = 0, n; at < len; at += n + 1) {
        n = strnlen(env + at, len - at);
        json_array_append_new(array, bytes(env + at, n));
    }
    return array;
}

/* The APCB itself is state, but it is what the effect is about. */
static const struct field apcb_fields[] = {
    {"adapters", FIELD_MASK, offsetof(struct guest_info, apm)},
    {"domains", FIELD_MASK, offsetof(struct guest_info, aqm)},
    {"control_domains", FIELD_MASK, offsetof(struct guest_info, adm)},
    {0},
};

static void format_apcb(json_t *line, const struct core *core, unsigned number)
{
    struct guest_info g;

    if (core_guest_info(core, number, &g) == 0)
        format_fields(core, apcb_fields, &g, line);
}

static const char *const effect_names[] = {
    [EFFECT_GONE] = "gone",
    [EFFECT_UEVENT] = "uevent",
    [EFFECT_LOG] = "log",
    [EFFECT_APCB] = "apcb",
    [EFFECT_GUEST_NOTIFY] = "guest-notify",
    [EFFECT_GUEST_DETACHED] = "guest-detached",
    [EFFECT_REPLY] = "reply",
    [EFFECT_TIMER] = "timer",
    [EFFECT_JOB] = "job",
    [EFFECT_GUEST_STOPPED] = "guest-stopped",
};

static json_t *format_effect(const struct core *core, const struct effects *fx,
                             const struct effect *e)
{
    static const char *const levels[] = {"info", "warning", "error"};
    json_t *line = json_pack("{s:s}", "effect", effect_names[e->kind]);

    if (e->tree)
        set(line, "tree", json_integer(e->tree));
    if (e->id || e->kind == EFFECT_APCB || e->kind == EFFECT_TIMER)
        set(line, "id", json_integer(e->id));
    if (e->value)
        set(line, "value", json_integer(e->value));
    if (e->kind == EFFECT_GONE)
        set(line, "node", path_of(core, e->tree, e->node));
    else if (e->node)
        set(line, "node", json_integer((json_int_t)e->node));
    if (e->kind == EFFECT_LOG)
        set(line, "level", json_string(levels[e->level]));
    if (e->kind == EFFECT_UEVENT)
        set(line, "env", format_env(effect_text(fx, e), e->len));
    else if (e->len)
        set(line, "text", bytes(effect_text(fx, e), e->len));
    if (e->kind == EFFECT_APCB)
        format_apcb(line, core, e->id);
    return line;
}

void record_format_outcome(const struct core *core, const struct reply *reply,
                           const struct effects *effects, struct text *out)
{
    static const struct ap_insn_result none;
    json_t *line = json_pack("{s:i}", "result", reply->result), *array = json_array();

    if (reply->value)
        set(line, "value", json_integer(reply->value));
    if (reply->why.len)
        set(line, "why", bytes(reply->why.data, reply->why.len));
    if (memcmp(&reply->insn, &none, sizeof none) != 0)
        set(line, "instruction",
            format_fields(core, insn_result_fields, &reply->insn, json_object()));
    for (size_t i = 0; i < effects->count; i++)
        json_array_append_new(array, format_effect(core, effects, &effects->v[i]));
    set(line, "effects", array);
    dump(line, out);
}
