/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "store/machine_file.h"
#include "store/record_json.h"

/* Lines of a recording, read strictly: what is missing, unknown or of the wrong kind is refused. */

/* What a command points to. */
struct record_memory {
    json_t *line;
    struct machine_config machine;
    struct zcrypt_target *targets;
    void **blocks; /* bytes that were written in hex */
    unsigned block_count;
};

struct line_reader {
    struct record_memory *memory;
    struct text *why;
};

static int refuse(struct line_reader *r, const char *name, const char *what)
{
    text_addf(r->why, "\"%s\" %s", name, what);
    return -EINVAL;
}

static int hex_decode(struct line_reader *r, const char *name, const char *hex,
                      const uint8_t **data, size_t *len)
{
    struct record_memory *m = r->memory;
    size_t digits = strlen(hex);
    uint8_t *out = xcalloc(digits / 2, 1);

    m->blocks = xrealloc(m->blocks, (m->block_count + 1) * sizeof *m->blocks);
    m->blocks[m->block_count++] = out;
    for (size_t i = 0; i < digits; i++) {
        int d = number_hex_lower(hex[i]);

        if (d < 0 || digits % 2)
            return refuse(r, name, "is not written in pairs of hex digits");
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | d);
    }
    *data = out;
    *len = digits / 2;
    return 0;
}

static int take_bytes(struct line_reader *r, const json_t *object, const char *name,
                      const uint8_t **data, size_t *len)
{
    const json_t *value = json_object_get(object, name), *hex = json_object_get(value, "hex");

    if (json_is_string(value)) {
        *data = (const uint8_t *)json_string_value(value);
        *len = json_string_length(value);
        return 0;
    }
    if (json_object_size(value) != 1 || !json_is_string(hex))
        return refuse(r, name, "has to be a string or {\"hex\": string}");
    return hex_decode(r, name, json_string_value(hex), data, len);
}

static int take_span(struct line_reader *r, const json_t *object, const char *name,
                     struct span *out)
{
    return take_bytes(r, object, name, &out->data, &out->len);
}

/* max above INT64_MAX: any 64-bit number, as it was written. */
static int take_int(struct line_reader *r, const json_t *object, const char *name, uint64_t max,
                    uint64_t *out)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value))
        return refuse(r, name, "has to be a number");
    if ((uint64_t)json_integer_value(value) > max)
        return refuse(r, name, "is out of range");
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int take_u32(struct line_reader *r, const json_t *object, const char *name, uint32_t *out)
{
    uint64_t value = 0;
    int rc = take_int(r, object, name, UINT32_MAX, &value);

    if (rc == 0)
        *out = (uint32_t)value;
    return rc;
}

static int take_bool(struct line_reader *r, const json_t *object, const char *name, bool *out)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_boolean(value))
        return refuse(r, name, "has to be true or false");
    *out = json_is_true(value);
    return 0;
}

static int take_word(struct line_reader *r, const json_t *object, const char *name,
                     const char *const *words, int *out)
{
    const json_t *value = json_object_get(object, name);

    *out = json_is_string(value) ? record_word(words, json_string_value(value)) : -1;
    return *out < 0 ? refuse(r, name, "is not one of the words there are") : 0;
}

static int take_patterns(struct line_reader *r, const json_t *object, const char *name,
                         uint64_t *out, size_t count)
{
    const json_t *array = json_object_get(object, name);

    if (!json_is_array(array) || json_array_size(array) != count)
        return refuse(r, name, "has to be a list of the right length");
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        const char *text = json_is_string(value) ? json_string_value(value) : "";

        if (strncmp(text, "0x", 2) != 0 || number_parse_u64(text, strlen(text), 0, &out[i]) < 0)
            return refuse(r, name, "has to hold strings such as \"0x1f\"");
    }
    return 0;
}

/* A name or path: a string that ends where C thinks so. */
static int take_text(struct line_reader *r, const json_t *object, const char *name,
                     const char **out)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return refuse(r, name, "has to be a string");
    *out = json_string_value(value);
    return 0;
}

static int take_machine(struct line_reader *r, const json_t *object, struct machine_config *out)
{
    const uint8_t *data = NULL;
    size_t len = 0;
    int rc = take_bytes(r, object, "machine", &data, &len);

    return rc < 0 ? rc : machine_file_parse("machine", (const char *)data, len, out, r->why);
}

static int take_mask(struct line_reader *r, const json_t *object, const char *name,
                     struct mask256 *out)
{
    const char *text = NULL;
    int rc = take_text(r, object, name, &text);

    if (rc == 0 && mask256_parse_absolute(text, strlen(text), out) < 0)
        return refuse(r, name, "is not a mask");
    return rc;
}

/* Kinds of commands; o is the line. The order of members is that of record_format.c. */

static int take_store(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    uint32_t tree = 0;
    const uint8_t *data = NULL;
    int rc = take_u32(r, o, "tree", &tree);

    if (rc == 0 && !json_is_null(json_object_get(o, "path")))
        rc = take_text(r, o, "path", &e->path);
    if (rc == 0)
        rc = take_bytes(r, o, "data", &data, &e->cmd.store.len);
    e->cmd.store.tree = tree;
    e->cmd.store.data = (const char *)data;
    return rc;
}

static int take_adapter(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    uint32_t apid = 0;
    int rc = take_u32(r, o, "adapter", &apid);

    e->cmd.adapter.apid = apid;
    if (rc == 0)
        rc = take_bool(r, o, "on", &e->cmd.adapter.on);
    return rc < 0 ? rc : take_bool(r, o, "force", &e->cmd.adapter.force);
}

static int take_lpar(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    uint32_t id = 0;
    int what = 0, rc = take_word(r, o, "what", record_lpar_names, &what);

    if (rc == 0)
        rc = take_u32(r, o, "id", &id);
    e->cmd.lpar.what = (enum lpar_kind)what;
    e->cmd.lpar.id = id;
    if (rc == 0)
        rc = take_bool(r, o, "add", &e->cmd.lpar.add);
    return rc < 0 ? rc : take_bool(r, o, "force", &e->cmd.lpar.force);
}

static int take_machine_set(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    int rc = take_machine(r, o, &r->memory->machine);

    e->cmd.machine.config = &r->memory->machine;
    return rc < 0 ? rc : take_mask(r, o, "checkstopped", &e->cmd.machine.checkstopped);
}

static int take_sclp(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    return take_u32(r, o, "word", &e->cmd.sclp.word);
}

static int take_timer(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    return take_u32(r, o, "id", &e->cmd.timer.id);
}

static int take_cpu(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    uint32_t guest = 0;
    int rc = take_u32(r, o, "guest", &guest);

    e->cmd.cpu.guest = guest;
    return rc < 0 ? rc : take_bool(r, o, "on", &e->cmd.cpu.on);
}

static int take_guest_look(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    uint32_t guest = 0;
    int rc = take_u32(r, o, "guest", &guest);

    e->cmd.look.guest = guest;
    return rc;
}

static int take_guest(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    const char *uuid = NULL;
    uint32_t features = 0;
    int rc = take_text(r, o, "guest", &e->cmd.guest.name);

    if (rc == 0)
        rc = take_u32(r, o, "features", &features);
    e->cmd.guest.features = features;
    if (rc < 0 || json_is_null(json_object_get(o, "mdev")))
        return rc;
    rc = take_text(r, o, "mdev", &uuid);
    if (rc < 0)
        return rc;
    e->cmd.guest.has_mdev = true;
    if (strlen(uuid) != UUID_TEXT - 1 || uuid_parse(uuid, UUID_TEXT - 1, &e->cmd.guest.mdev) < 0)
        return refuse(r, "mdev", "is not a UUID");
    return 0;
}

static int take_insn(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    struct ap_insn *i = &e->cmd.insn.insn;
    uint64_t opcode = 0, r1 = 0, r2 = 0;
    uint32_t guest = 0;
    int rc = take_u32(r, o, "guest", &guest);

    if (rc == 0)
        rc = take_int(r, o, "opcode", UINT16_MAX, &opcode);
    if (rc == 0)
        rc = take_int(r, o, "r1", 15, &r1);
    if (rc == 0)
        rc = take_int(r, o, "r2", 15, &r2);
    e->cmd.insn.guest = guest;
    i->opcode = (uint16_t)opcode;
    i->r1 = (uint8_t)r1;
    i->r2 = (uint8_t)r2;
    if (rc == 0)
        rc = take_patterns(r, o, "gr", i->gr, 3);
    if (rc == 0)
        rc = take_patterns(r, o, "p1", i->p1, 2);
    if (rc == 0)
        rc = take_patterns(r, o, "p2", i->p2, 2);
    return rc < 0 ? rc : take_bytes(r, o, "data", &i->data, &i->data_len);
}

static int take_rsa(struct line_reader *r, const json_t *o, struct rsa_request *out)
{
    const json_t *rsa = json_object_get(o, "rsa");
    struct {
        const char *name;
        struct span *span;
    } me[] = {{"exponent", &out->me.exponent}, {"modulus", &out->me.modulus}},
      crt[] = {{"p", &out->key.p},
               {"q", &out->key.q},
               {"dp", &out->key.dp},
               {"dq", &out->key.dq},
               {"u", &out->key.u}};
    int rc = json_is_object(rsa) ? take_span(r, rsa, "input", &out->input) : -EINVAL;

    if (!json_is_object(rsa))
        return refuse(r, "rsa", "has to be an object");
    out->crt = json_object_get(rsa, "p") != NULL;
    if (json_object_size(rsa) != (out->crt ? 6 : 3))
        return refuse(r, "rsa", "has the wrong members");
    for (unsigned i = 0; rc == 0 && out->crt && i < 5; i++)
        rc = take_span(r, rsa, crt[i].name, crt[i].span);
    for (unsigned i = 0; rc == 0 && !out->crt && i < 2; i++)
        rc = take_span(r, rsa, me[i].name, me[i].span);
    return rc;
}

static int take_targets(struct line_reader *r, const json_t *o, struct zcrypt_request *out)
{
    const json_t *array = json_object_get(o, "targets");
    size_t count = json_array_size(array);

    if (!json_is_array(array))
        return refuse(r, "targets", "has to be a list");
    r->memory->targets = xcalloc(count, sizeof *r->memory->targets);
    for (size_t i = 0; i < count; i++) {
        const json_t *target = json_array_get(array, i);
        json_int_t apid = json_integer_value(json_array_get(target, 0));
        json_int_t apqi = json_integer_value(json_array_get(target, 1));

        if (json_array_size(target) != 2 || !json_is_integer(json_array_get(target, 0)) ||
            !json_is_integer(json_array_get(target, 1)) || (uint64_t)apid > UINT16_MAX ||
            (uint64_t)apqi > UINT16_MAX)
            return refuse(r, "targets", "has to hold pairs of adapter and domain");
        r->memory->targets[i] = (struct zcrypt_target){(uint16_t)apid, (uint16_t)apqi};
    }
    out->targets = r->memory->targets;
    out->target_count = (unsigned)count;
    return 0;
}

static int take_zcrypt(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    struct zcrypt_request *z = &e->cmd.zcrypt.request;
    uint64_t agent = 0;
    uint32_t tree = 0;
    int kind = 0, rc = take_u32(r, o, "tree", &tree);

    if (rc == 0)
        rc = take_word(r, o, "kind", record_zcrypt_names, &kind);
    e->cmd.zcrypt.tree = tree;
    z->kind = (enum zcrypt_kind)kind;
    if (rc == 0)
        rc = take_u32(r, o, "node", &z->node);
    if (rc == 0 && z->kind == ZCRYPT_RSA)
        rc = take_rsa(r, o, &z->rsa);
    if (rc == 0)
        rc = take_span(r, o, "control", &z->control);
    if (rc == 0)
        rc = take_span(r, o, "data", &z->data);
    if (rc == 0)
        rc = take_int(r, o, "agent", UINT16_MAX, &agent);
    z->agent[0] = (uint8_t)(agent >> 8);
    z->agent[1] = (uint8_t)agent;
    if (rc == 0)
        rc = take_u32(r, o, "card", &z->card);
    if (rc == 0)
        rc = take_u32(r, o, "reply_control", &z->reply_control);
    if (rc == 0)
        rc = take_u32(r, o, "reply_data", &z->reply_data);
    return rc < 0 ? rc : take_targets(r, o, z);
}

static int take_job(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    int rc = take_int(r, o, "id", UINT64_MAX, &e->cmd.job.id);

    return rc < 0 ? rc : take_bytes(r, o, "data", &e->cmd.job.data, &e->cmd.job.len);
}

static int take_fault_add(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    const uint8_t *text = NULL;
    int rc = take_bytes(r, o, "rule", &text, &e->cmd.fault.len);

    e->cmd.fault.text = (const char *)text;
    return rc;
}

static int take_fault_remove(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    return take_u32(r, o, "number", &e->cmd.fault.number);
}

static int take_nothing(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    return 0;
}

/* How many members a command's line has besides time, token and command, and who reads them. */
static const struct {
    unsigned members;
    int (*take)(struct line_reader *r, const json_t *o, struct record_entry *e);
} kinds[] = {
    [CMD_STORE] = {3, take_store},         [CMD_SE_ADAPTER] = {3, take_adapter},
    [CMD_SE_LPAR] = {4, take_lpar},        [CMD_SCLP] = {1, take_sclp},
    [CMD_CHECKSTOP] = {3, take_adapter},   [CMD_MACHINE_SET] = {2, take_machine_set},
    [CMD_FAULT_ADD] = {1, take_fault_add}, [CMD_FAULT_REMOVE] = {1, take_fault_remove},
    [CMD_GUEST_START] = {3, take_guest},   [CMD_GUEST_STOP] = {3, take_guest},
    [CMD_GUEST_ATTACH] = {3, take_guest},  [CMD_GUEST_DETACH] = {3, take_guest},
    [CMD_CPU_CONNECT] = {2, take_cpu},     [CMD_CPU_RESET] = {2, take_cpu},
    [CMD_GUEST_MIGRATE] = {3, take_guest}, [CMD_GUEST_LOOK] = {1, take_guest_look},
    [CMD_TIMER] = {1, take_timer},         [CMD_INSN] = {8, take_insn},
    [CMD_ZCRYPT] = {11, take_zcrypt},      [CMD_JOB_DONE] = {2, take_job},
    [CMD_CANCEL] = {0, take_nothing},
};

static int take_command(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    int kind = 0, rc = take_word(r, o, "command", record_command_names, &kind);

    e->line = RECORD_COMMAND;
    e->cmd.kind = (enum command_kind)kind;
    if (rc == 0)
        rc = take_int(r, o, "time", INT64_MAX, &e->cmd.now);
    if (rc == 0)
        rc = take_int(r, o, "token", UINT64_MAX, &e->cmd.token);
    if (rc == 0)
        rc = kinds[kind].take(r, o, e);
    if (rc == 0 && json_object_size(o) != kinds[kind].members + 3)
        return refuse(r, record_command_names[kind], "has a member too many");
    return rc;
}

/* An outcome is compared as it is written; here it only has to be one. */
static int take_outcome(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    e->line = RECORD_OUTCOME;
    if (!json_is_integer(json_object_get(o, "result")))
        return refuse(r, "result", "has to be a number");
    if (!json_is_array(json_object_get(o, "effects")))
        return refuse(r, "effects", "has to be a list");
    return 0;
}

static int take_look(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    uint64_t guest = 0;
    int rc = take_int(r, o, "look", UINT16_MAX, &guest);

    e->line = RECORD_LOOK;
    e->cmd.kind = CMD_GUEST_LOOK;
    e->cmd.look.guest = (unsigned)guest;
    if (rc == 0 && json_object_size(o) != 1)
        return refuse(r, "look", "stands alone");
    return rc;
}

static int take_start(struct line_reader *r, const json_t *o, struct record_entry *e)
{
    int rc = take_int(r, o, "start", INT64_MAX, &e->cmd.now);

    e->line = RECORD_START;
    if (rc == 0 && json_object_size(o) != 1)
        return refuse(r, "start", "stands alone");
    return rc;
}

static json_t *load(const char *line, size_t len, struct text *why)
{
    json_error_t error;
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

    if (!o)
        text_addf(why, "not JSON, column %d: %s", error.column, error.text);
    else if (!json_is_object(o))
        text_adds(why, "not an object of JSON");
    else
        return o;
    json_decref(o);
    return NULL;
}

int record_parse_head(const char *line, size_t len, struct machine_config *out, struct text *why)
{
    struct record_entry e = {.memory = xcalloc(1, sizeof *e.memory)};
    struct line_reader r = {e.memory, why};
    json_t *o = load(line, len, why);
    uint64_t version = 0;
    int rc = o ? 0 : -EINVAL;

    e.memory->line = o;
    if (rc == 0 && !json_object_get(o, "apus-recording"))
        rc = refuse(&r, "apus-recording", "is missing: this is no recording");
    if (rc == 0)
        rc = take_int(&r, o, "apus-recording", UINT32_MAX, &version);
    if (rc == 0 && version != RECORD_VERSION)
        rc = refuse(&r, "apus-recording", "is of a version that this program does not know");
    if (rc == 0)
        rc = take_machine(&r, o, &e.memory->machine);
    if (rc == 0 && json_object_size(o) != 2)
        rc = refuse(&r, "apus-recording", "has a member too many beside it");
    if (rc == 0)
        *out = e.memory->machine;
    record_entry_done(&e);
    return rc;
}

int record_parse_line(const char *line, size_t len, struct record_entry *out, struct text *why)
{
    struct record_entry e = {.memory = xcalloc(1, sizeof *e.memory)};
    struct line_reader r = {e.memory, why};
    json_t *o = load(line, len, why);
    int rc = -EINVAL;

    e.memory->line = o;
    if (o && json_object_get(o, "command"))
        rc = take_command(&r, o, &e);
    else if (o && json_object_get(o, "look"))
        rc = take_look(&r, o, &e);
    else if (o && json_object_get(o, "start"))
        rc = take_start(&r, o, &e);
    else if (o && json_object_get(o, "result"))
        rc = take_outcome(&r, o, &e);
    else if (o)
        rc = refuse(&r, "command", "is missing, and it is no outcome either");
    if (rc < 0)
        record_entry_done(&e);
    else
        *out = e;
    return rc;
}

void record_entry_done(struct record_entry *e)
{
    struct record_memory *m = e->memory;

    if (!m)
        return;
    for (unsigned i = 0; i < m->block_count; i++)
        free(m->blocks[i]);
    free(m->blocks);
    free(m->targets);
    json_decref(m->line);
    free(m);
    e->memory = NULL;
}
