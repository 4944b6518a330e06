/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "store/machine_file.h"
#include "store/record_json.h"

/* Commands and outcomes as lines of JSON. */

const char *const record_command_names[] = {[CMD_STORE] = "store",
                                            [CMD_SE_ADAPTER] = "se-adapter",
                                            [CMD_SE_LPAR] = "se-lpar",
                                            [CMD_SCLP] = "sclp",
                                            [CMD_CHECKSTOP] = "checkstop",
                                            [CMD_FAULT_ADD] = "fault-add",
                                            [CMD_FAULT_REMOVE] = "fault-remove",
                                            [CMD_MACHINE_SET] = "machine-set",
                                            [CMD_GUEST_START] = "guest-start",
                                            [CMD_GUEST_STOP] = "guest-stop",
                                            [CMD_GUEST_ATTACH] = "guest-attach",
                                            [CMD_GUEST_DETACH] = "guest-detach",
                                            [CMD_GUEST_MIGRATE] = "guest-migrate",
                                            [CMD_GUEST_LOOK] = "guest-look",
                                            [CMD_CPU_CONNECT] = "cpu-connect",
                                            [CMD_CPU_RESET] = "cpu-reset",
                                            [CMD_TIMER] = "timer",
                                            [CMD_INSN] = "instruction",
                                            [CMD_ZCRYPT] = "zcrypt",
                                            [CMD_JOB_DONE] = "job-done",
                                            [CMD_CANCEL] = "cancel",
                                            NULL};

const char *const record_lpar_names[] = {[LPAR_ADAPTER] = "adapter",
                                         [LPAR_DOMAIN] = "domain",
                                         [LPAR_CONTROL_DOMAIN] = "control-domain",
                                         NULL};
const char *const record_zcrypt_names[] = {
    [ZCRYPT_RSA] = "rsa", [ZCRYPT_CCA] = "cca", [ZCRYPT_EP11] = "ep11", NULL};
const char *const record_level_names[] = {
    [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_ERROR] = "error", NULL};

int record_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static void set(json_t *object, const char *name, json_t *value)
{
    if (json_object_set_new(object, name, value) < 0)
        abort();
}

static void set_int(json_t *object, const char *name, uint64_t value)
{
    set(object, name, json_integer((json_int_t)value));
}

static json_t *pattern(uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "0x%" PRIx64, value);
    return json_string(text);
}

static json_t *patterns(const uint64_t *values, unsigned count)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < count; i++)
        if (json_array_append_new(array, pattern(values[i])) < 0)
            abort();
    return array;
}

/* jansson takes valid UTF-8 only. */
static json_t *bytes(const void *data, size_t len)
{
    json_t *value = len && memchr(data, '\0', len) ? NULL : json_stringn(len ? data : "", len);
    text_auto hex = {0};

    if (value)
        return value;
    for (size_t i = 0; i < len; i++)
        text_addf(&hex, "%02x", ((const uint8_t *)data)[i]);
    value = json_object();
    set(value, "hex", json_string(hex.data));
    return value;
}

static json_t *mask(const struct mask256 *m)
{
    char text[MASK256_TEXT];

    mask256_format(m, text);
    return json_string(text);
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

void record_format_head(const struct machine_config *config, struct text *out)
{
    json_t *line = json_object();

    set_int(line, "apus-recording", RECORD_VERSION);
    set(line, "machine", machine_text(config));
    dump(line, out);
}

static void format_guest(json_t *line, const struct command *cmd)
{
    char uuid[UUID_TEXT];

    uuid_format(&cmd->guest.mdev, uuid);
    set(line, "guest", bytes(cmd->guest.name, strlen(cmd->guest.name)));
    set_int(line, "features", cmd->guest.features);
    set(line, "mdev", cmd->guest.has_mdev ? json_string(uuid) : json_null());
}

static void format_insn(json_t *line, const struct command *cmd)
{
    const struct ap_insn *i = &cmd->insn.insn;

    set_int(line, "guest", cmd->insn.guest);
    set_int(line, "opcode", i->opcode);
    set_int(line, "r1", i->r1);
    set_int(line, "r2", i->r2);
    set(line, "gr", patterns(i->gr, 3));
    set(line, "p1", patterns(i->p1, 2));
    set(line, "p2", patterns(i->p2, 2));
    set(line, "data", bytes(i->data, i->data_len));
}

static json_t *format_rsa(const struct rsa_request *r)
{
    json_t *line = json_object();

    set(line, "input", bytes(r->input.data, r->input.len));
    if (!r->crt) {
        set(line, "exponent", bytes(r->me.exponent.data, r->me.exponent.len));
        set(line, "modulus", bytes(r->me.modulus.data, r->me.modulus.len));
        return line;
    }
    set(line, "p", bytes(r->key.p.data, r->key.p.len));
    set(line, "q", bytes(r->key.q.data, r->key.q.len));
    set(line, "dp", bytes(r->key.dp.data, r->key.dp.len));
    set(line, "dq", bytes(r->key.dq.data, r->key.dq.len));
    set(line, "u", bytes(r->key.u.data, r->key.u.len));
    return line;
}

static void format_zcrypt(json_t *line, const struct command *cmd)
{
    const struct zcrypt_request *r = &cmd->zcrypt.request;
    json_t *targets = json_array();

    set_int(line, "tree", cmd->zcrypt.tree);
    set(line, "kind", json_string(record_zcrypt_names[r->kind]));
    set_int(line, "node", r->node);
    set(line, "rsa", r->kind == ZCRYPT_RSA ? format_rsa(&r->rsa) : json_null());
    set(line, "control", bytes(r->control.data, r->control.len));
    set(line, "data", bytes(r->data.data, r->data.len));
    set_int(line, "agent", (uint64_t)r->agent[0] << 8 | r->agent[1]);
    set_int(line, "card", r->card);
    set_int(line, "reply_control", r->reply_control);
    set_int(line, "reply_data", r->reply_data);
    for (unsigned i = 0; i < r->target_count; i++) {
        json_t *target = json_array();

        json_array_append_new(target, json_integer(r->targets[i].apid));
        json_array_append_new(target, json_integer(r->targets[i].apqi));
        json_array_append_new(targets, target);
    }
    set(line, "targets", targets);
}

static void format_machine(json_t *line, const struct command *cmd)
{
    if (cmd->kind == CMD_MACHINE_SET) {
        set(line, "machine", machine_text(cmd->machine.config));
        set(line, "checkstopped", mask(&cmd->machine.checkstopped));
    } else if (cmd->kind == CMD_SCLP) {
        set_int(line, "word", cmd->sclp.word);
    } else if (cmd->kind == CMD_SE_LPAR) {
        set(line, "what", json_string(record_lpar_names[cmd->lpar.what]));
        set_int(line, "id", cmd->lpar.id);
        set(line, "add", json_boolean(cmd->lpar.add));
        set(line, "force", json_boolean(cmd->lpar.force));
    } else {
        set_int(line, "adapter", cmd->adapter.apid);
        set(line, "on", json_boolean(cmd->adapter.on));
        set(line, "force", json_boolean(cmd->adapter.force));
    }
}

/* Without a default, too. */
static void format_kind(json_t *line, const struct core *core, const struct command *cmd)
{
    switch (cmd->kind) {
    case CMD_STORE:
        set_int(line, "tree", cmd->store.tree);
        set(line, "path", path_of(core, cmd->store.tree, cmd->store.ino));
        set(line, "data", bytes(cmd->store.data, cmd->store.len));
        return;
    case CMD_SE_ADAPTER:
    case CMD_SE_LPAR:
    case CMD_SCLP:
    case CMD_CHECKSTOP:
    case CMD_MACHINE_SET:
        return format_machine(line, cmd);
    case CMD_GUEST_START:
    case CMD_GUEST_STOP:
    case CMD_GUEST_ATTACH:
    case CMD_GUEST_DETACH:
    case CMD_GUEST_MIGRATE:
        return format_guest(line, cmd);
    case CMD_GUEST_LOOK:
        set_int(line, "guest", cmd->look.guest);
        return;
    case CMD_FAULT_ADD:
        set(line, "rule", bytes(cmd->fault.text, cmd->fault.len));
        return;
    case CMD_FAULT_REMOVE:
        set_int(line, "number", cmd->fault.number);
        return;
    case CMD_CPU_CONNECT:
    case CMD_CPU_RESET:
        set_int(line, "guest", cmd->cpu.guest);
        set(line, "on", json_boolean(cmd->cpu.on));
        return;
    case CMD_TIMER:
        set_int(line, "id", cmd->timer.id);
        return;
    case CMD_INSN:
        return format_insn(line, cmd);
    case CMD_ZCRYPT:
        return format_zcrypt(line, cmd);
    case CMD_JOB_DONE:
        set_int(line, "id", cmd->job.id);
        set(line, "data", bytes(cmd->job.data, cmd->job.len));
        return;
    case CMD_CANCEL:
        return;
    }
    abort();
}

void record_format_command(const struct core *core, const struct command *cmd, struct text *out)
{
    json_t *line = json_object();

    set_int(line, "time", cmd->now);
    set_int(line, "token", cmd->token);
    set(line, "command", json_string(record_command_names[cmd->kind]));
    format_kind(line, core, cmd);
    dump(line, out);
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
static void format_apcb(json_t *line, const struct core *core, unsigned number)
{
    struct guest_info g;
    uint32_t cursor = 0;

    while (core_guest_next(core, &cursor, &g)) {
        if (g.number != number)
            continue;
        set(line, "adapters", mask(&g.apm));
        set(line, "domains", mask(&g.aqm));
        set(line, "control_domains", mask(&g.adm));
    }
}

/* Without a default, so that the compiler asks for the word of a new kind. */
static const char *effect_word(enum effect_kind kind)
{
    switch (kind) {
    case EFFECT_GONE:
        return "gone";
    case EFFECT_UEVENT:
        return "uevent";
    case EFFECT_LOG:
        return "log";
    case EFFECT_APCB:
        return "apcb";
    case EFFECT_GUEST_NOTIFY:
        return "guest-notify";
    case EFFECT_GUEST_DETACHED:
        return "guest-detached";
    case EFFECT_REPLY:
        return "reply";
    case EFFECT_TIMER:
        return "timer";
    case EFFECT_JOB:
        return "job";
    case EFFECT_GUEST_STOPPED:
        return "guest-stopped";
    }
    abort();
}

static json_t *format_effect(const struct core *core, const struct effects *fx,
                             const struct effect *e)
{
    json_t *line = json_object();

    set(line, "effect", json_string(effect_word(e->kind)));
    if (e->tree)
        set_int(line, "tree", e->tree);
    if (e->id || e->kind == EFFECT_APCB || e->kind == EFFECT_TIMER)
        set_int(line, "id", e->id);
    if (e->value)
        set_int(line, "value", (uint64_t)e->value);
    if (e->kind == EFFECT_GONE)
        set(line, "node", path_of(core, e->tree, e->node));
    else if (e->node)
        set_int(line, "node", e->node);
    if (e->kind == EFFECT_LOG)
        set(line, "level", json_string(record_level_names[e->level]));
    if (e->kind == EFFECT_UEVENT)
        set(line, "env", format_env(effect_text(fx, e), e->len));
    else if (e->len)
        set(line, "text", bytes(effect_text(fx, e), e->len));
    if (e->kind == EFFECT_APCB)
        format_apcb(line, core, e->id);
    return line;
}

static json_t *format_insn_result(const struct ap_insn_result *r)
{
    json_t *line = json_object();

    set_int(line, "program_check", r->program_check);
    set_int(line, "cc", r->cc);
    set(line, "gr", patterns(r->gr, 3));
    set(line, "p1", patterns(r->p1, 2));
    set(line, "p2", patterns(r->p2, 2));
    set(line, "address", pattern(r->address));
    set(line, "data", bytes(r->data.data, r->data.len));
    return line;
}

void record_format_outcome(const struct core *core, const struct reply *reply,
                           const struct effects *effects, struct text *out)
{
    static const struct ap_insn_result none;
    const struct ap_insn_result *i = &reply->insn;
    json_t *line = json_object(), *array = json_array();

    set(line, "result", json_integer(reply->result));
    if (reply->value)
        set(line, "value", json_integer(reply->value));
    if (reply->why.len)
        set(line, "why", bytes(reply->why.data, reply->why.len));
    if (memcmp(i, &none, sizeof none) != 0)
        set(line, "instruction", format_insn_result(i));
    for (size_t k = 0; k < effects->count; k++)
        if (json_array_append_new(array, format_effect(core, effects, &effects->v[k])) < 0)
            abort();
    set(line, "effects", array);
    dump(line, out);
}
