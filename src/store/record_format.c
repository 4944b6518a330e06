/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "store/machine_file.h"
#include "store/record_json.h"

/* Formats commands and outcomes as lines of JSON. */

static int append(const char *bytes, size_t len, void *out)
{
    text_add_private(out, bytes, len);
    return 0;
}

static void dump(json_t *line, struct text *out)
{
    if (json_dump_callback(line, append, out, JSON_COMPACT) < 0)
        abort();
    json_decref(line);
}

void record_format_head(const struct machine_config *config, bool mounted, struct text *out)
{
    dump(json_pack("{s:i, s:o, s:o*}", "apus-recording", RECORD_VERSION, "machine",
                   record_machine(config), "mounted", mounted ? json_true() : NULL),
         out);
}

void record_format_command(const struct core *core, const struct command *cmd, bool keyless,
                           struct text *out)
{
    const struct command_row *row = &command_rows[cmd->kind];
    json_t *line = record_format_fields(core, command_head, cmd, json_object());

    record_set(line, "command", json_string(row->name));
    if (keyless)
        record_set(line, "keyless", json_true());
    dump(record_format_fields(core, row->fields, cmd, line), out);
}

static json_t *format_env(const char *env, size_t len)
{
    json_t *array = json_array();

    for (size_t at = 0, n; at < len; at += n + 1) {
        n = strnlen(env + at, len - at);
        json_array_append_new(array, record_bytes(env + at, n));
    }
    return array;
}

/* The effect itself does not contain the APCB, but that is what it is about. */
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
        record_format_fields(core, apcb_fields, &g, line);
}

static const char *const effect_names[] = {
    [EFFECT_GONE] = "gone",
    [EFFECT_OWNER] = "owner",
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
        record_set(line, "tree", json_integer(e->tree));
    if (e->id || e->kind == EFFECT_APCB || e->kind == EFFECT_TIMER)
        record_set(line, "id", json_integer(e->id));
    if (e->value)
        record_set(line, "value", json_integer(e->value));
    if (e->kind == EFFECT_GONE || e->kind == EFFECT_OWNER)
        record_set(line, "node", record_path(core, e->tree, e->node));
    else if (e->node)
        record_set(line, "node", json_integer((json_int_t)e->node));
    if (e->kind == EFFECT_LOG)
        record_set(line, "level", json_string(levels[e->level]));
    if (e->kind == EFFECT_UEVENT)
        record_set(line, "env", format_env(effect_text(fx, e), e->len));
    else if (e->len)
        record_set(line, "text", record_bytes(effect_text(fx, e), e->len));
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
        record_set(line, "value", json_integer(reply->value));
    if (reply->why.len)
        record_set(line, "why", record_bytes(reply->why.data, reply->why.len));
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): all zero unless set */
    if (memcmp(&reply->insn, &none, sizeof none) != 0)
        record_set(line, "instruction",
                   record_format_fields(core, insn_result_fields, &reply->insn, json_object()));
    /* What is in no recording (EFFECT_VFIO_NODES) follows from the uevents. */
    for (size_t i = 0; i < effects->count; i++)
        if (effects->v[i].kind < EFFECTS_RECORDED)
            json_array_append_new(array, format_effect(core, effects, &effects->v[i]));
    record_set(line, "effects", array);
    dump(line, out);
}
