/* SPDX-License-Identifier: MIT */
#include "core/commands.h"

#include <string.h>

#include "core/state.h"

#define COMMAND(n, t, m)                                                                           \
    .name = n, .type = t, .at = offsetof(struct command, m), .size = sizeof((struct command *)0)->m
#define MORE(m) .more = offsetof(struct command, m)

static const char *const off_on[] = {"off", "on", NULL};
static const char *const remove_add[] = {"remove", "add", NULL};
static const char *const force[] = {"", " --force", NULL};
static const char *const silent[] = {"", " without an event", NULL};
static const char *const with_connection[] = {"", ", with its connection", NULL};
static const char *const lpar_kinds[] = {"adapter", "domain", "control-domain", NULL};
static const char *const zcrypt_kinds[] = {"rsa", "cca", "ep11", NULL};

const struct field command_head[] = {
    {COMMAND("time", FIELD_INT, now), .max = INT64_MAX},
    {COMMAND("token", FIELD_INT, token)},
    {0},
};

static const struct field store_fields[] = {
    {COMMAND("tree", FIELD_TREE, store.tree)},
    {COMMAND("path", FIELD_NODE, store.ino)},
    {COMMAND("data", FIELD_BYTES, store.data), MORE(store.len)},
    {0},
};

static const struct field owner_fields[] = {
    {COMMAND("tree", FIELD_TREE, owner.tree)},   {COMMAND("path", FIELD_NODE, owner.ino)},
    {COMMAND("mode", FIELD_INT, owner.to.mode)}, {COMMAND("uid", FIELD_INT, owner.to.uid)},
    {COMMAND("gid", FIELD_INT, owner.to.gid)},   {0},
};

#define SILENT COMMAND("silent", FIELD_BOOL, silent), .words = silent, .optional = true

static const struct field adapter_fields[] = {
    {COMMAND("adapter", FIELD_INT, adapter.apid)},
    {COMMAND("on", FIELD_BOOL, adapter.on), .words = off_on},
    {COMMAND("force", FIELD_BOOL, adapter.force), .words = force},
    {SILENT},
    {0},
};

static const struct field lpar_fields[] = {
    {COMMAND("what", FIELD_WORD, lpar.what), .words = lpar_kinds},
    {COMMAND("id", FIELD_INT, lpar.id)},
    {COMMAND("add", FIELD_BOOL, lpar.add), .words = remove_add},
    {COMMAND("force", FIELD_BOOL, lpar.force), .words = force},
    {SILENT},
    {0},
};

static const struct field sclp_fields[] = {{COMMAND("word", FIELD_INT, sclp.word)}, {0}};

static const struct field machine_fields[] = {
    {COMMAND("machine", FIELD_MACHINE, machine.config)},
    {COMMAND("checkstopped", FIELD_MASK, machine.checkstopped)},
    {SILENT},
    {0},
};

static const struct field fault_add_fields[] = {
    {COMMAND("rule", FIELD_BYTES, fault.text), MORE(fault.len)}, {0}};
static const struct field fault_remove_fields[] = {{COMMAND("number", FIELD_INT, fault.number)},
                                                   {0}};

static const struct field guest_fields[] = {
    {COMMAND("guest", FIELD_TEXT, guest.name)},
    {COMMAND("features", FIELD_INT, guest.features)},
    {COMMAND("mdev", FIELD_UUID, guest.mdev), MORE(guest.has_mdev)},
    {COMMAND("with_connection", FIELD_BOOL, guest.with_connection), .words = with_connection,
     .optional = true},
    {0},
};

static const struct field vfio_open_fields[] = {
    {COMMAND("process", FIELD_INT, guest.process)},
    {COMMAND("mdev", FIELD_UUID, guest.mdev), MORE(guest.has_mdev)},
    {COMMAND("guest", FIELD_TEXT, guest.name)},
    {0},
};

static const struct field vfio_fields[] = {
    {COMMAND("process", FIELD_INT, guest.process)},
    {COMMAND("mdev", FIELD_UUID, guest.mdev), MORE(guest.has_mdev)},
    {0},
};

static const struct field look_fields[] = {{COMMAND("guest", FIELD_INT, look.guest)}, {0}};

static const struct field cpu_fields[] = {
    {COMMAND("guest", FIELD_INT, cpu.guest)},
    {COMMAND("on", FIELD_BOOL, cpu.on), .words = off_on},
    {COMMAND("process", FIELD_INT, cpu.process), .optional = true},
    {0},
};

static const struct field timer_fields[] = {{COMMAND("id", FIELD_INT, timer.id)}, {0}};

static const struct field insn_fields[] = {
    {COMMAND("guest", FIELD_INT, insn.guest)},
    {COMMAND("opcode", FIELD_INT, insn.insn.opcode)},
    {COMMAND("r1", FIELD_INT, insn.insn.r1), .max = 15},
    {COMMAND("r2", FIELD_INT, insn.insn.r2), .max = 15},
    {COMMAND("gr", FIELD_PATTERNS, insn.insn.gr)},
    {COMMAND("p1", FIELD_PATTERNS, insn.insn.p1)},
    {COMMAND("p2", FIELD_PATTERNS, insn.insn.p2)},
    {COMMAND("data", FIELD_BYTES, insn.insn.data), MORE(insn.insn.data_len)},
    {0},
};

static const struct field zcrypt_fields[] = {
    {COMMAND("tree", FIELD_TREE, zcrypt.tree)},
    {COMMAND("kind", FIELD_WORD, zcrypt.request.kind), .words = zcrypt_kinds},
    {COMMAND("node", FIELD_INT, zcrypt.request.node)},
    {COMMAND("rsa", FIELD_RSA, zcrypt.request.rsa)},
    {COMMAND("control", FIELD_BYTES, zcrypt.request.control.data),
     MORE(zcrypt.request.control.len)},
    {COMMAND("data", FIELD_BYTES, zcrypt.request.data.data), MORE(zcrypt.request.data.len)},
    {COMMAND("agent", FIELD_AGENT, zcrypt.request.agent)},
    {COMMAND("card", FIELD_INT, zcrypt.request.card)},
    {COMMAND("reply_control", FIELD_INT, zcrypt.request.reply_control)},
    {COMMAND("reply_data", FIELD_INT, zcrypt.request.reply_data)},
    {COMMAND("targets", FIELD_TARGETS, zcrypt.request)},
    {0},
};

static const struct field job_fields[] = {
    {COMMAND("id", FIELD_INT, job.id)},
    {COMMAND("data", FIELD_BYTES, job.data), MORE(job.len)},
    {0},
};

static const struct field no_fields[] = {{0}};

const struct command_row command_rows[COMMAND_KINDS] = {
    [CMD_STORE] = {"store", "{tree:g}{data:q} > /sys/{path}", store_fields, false, core_store},
    [CMD_OWNER] = {"owner", "{tree:g}mode {mode:o4} and owner {uid}:{gid} for /sys/{path}",
                   owner_fields, false, core_owner},
    [CMD_SE_ADAPTER] = {"se-adapter", "se-adapter {adapter:x2} {on}{silent}", adapter_fields, true,
                        core_se_adapter},
    [CMD_SE_LPAR] = {"se-lpar", "se-lpar {add} {what} {id:x2}{force}{silent}", lpar_fields, true,
                     core_se_lpar},
    [CMD_SCLP] = {"sclp", "sclp {word:x8}", sclp_fields, false, core_sclp},
    [CMD_CHECKSTOP] = {"checkstop", "checkstop {adapter:x2} {on}{silent}", adapter_fields, true,
                       core_checkstop},
    [CMD_FAULT_ADD] = {"fault-add", "fault-add {rule:q}", fault_add_fields, true, core_fault_add},
    [CMD_FAULT_REMOVE] = {"fault-remove", "fault-remove {number}", fault_remove_fields, true,
                          core_fault_remove},
    [CMD_MACHINE_SET] = {"machine-set", "machine-set{silent}", machine_fields, true,
                         core_machine_set},
    [CMD_GUEST_START] = {"guest-start", "guest-start {guest} {mdev}{with_connection}", guest_fields,
                         true, core_guest_start},
    [CMD_GUEST_STOP] = {"guest-stop", "guest-stop {guest} {mdev}", guest_fields, true,
                        core_guest_stop},
    [CMD_GUEST_ATTACH] = {"guest-attach", "guest-attach {guest} {mdev}", guest_fields, true,
                          core_guest_attach},
    [CMD_GUEST_DETACH] = {"guest-detach", "guest-detach {guest} {mdev}", guest_fields, true,
                          core_guest_detach},
    [CMD_GUEST_MIGRATE] = {"guest-migrate", "guest-migrate {guest} {mdev}", guest_fields, true,
                           core_guest_migrate},
    [CMD_GUEST_LOOK] = {"guest-look", "guest-look {guest}", look_fields, false, core_guest_look},
    [CMD_VFIO_OPEN] = {"vfio-open", "vfio-open {mdev} by process {process}", vfio_open_fields, true,
                       core_vfio_open},
    [CMD_VFIO_CLOSE] = {"vfio-close", "vfio-close {mdev} by process {process}", vfio_fields, false,
                        core_vfio_close},
    [CMD_VFIO_RESET] = {"vfio-reset", "vfio-reset {mdev} by process {process}", vfio_fields, false,
                        core_vfio_reset},
    [CMD_CPU_CONNECT] = {"cpu-connect", "cpu-connect {guest} {on}", cpu_fields, false,
                         core_cpu_connect},
    [CMD_CPU_RESET] = {"cpu-reset", "cpu-reset {guest}", cpu_fields, false, core_cpu_reset},
    [CMD_BOOT] = {"boot", "boot", no_fields, true, core_boot},
    [CMD_TIMER] = {"timer", "timer {id}", timer_fields, false, core_timer},
    [CMD_INSN] = {"instruction", "instruction {opcode:x4} of {guest}, gr{gr}", insn_fields, false,
                  core_insn},
    [CMD_ZCRYPT] = {"zcrypt", "{tree:g}request ({kind}) through node {node}", zcrypt_fields, false,
                    core_zcrypt_send},
    [CMD_JOB_DONE] = {"job-done", "job {id:x1} done", job_fields, false, core_job_done},
    [CMD_CANCEL] = {"cancel", "cancel {token}", no_fields, false, core_cancel},
};

#define RSA(n, m)                                                                                  \
    .name = n, .type = FIELD_BYTES, .at = offsetof(struct rsa_request, m.data),                    \
    .more = offsetof(struct rsa_request, m.len)

const struct field rsa_me_fields[] = {
    {RSA("input", input)},
    {RSA("exponent", me.exponent)},
    {RSA("modulus", me.modulus)},
    {0},
};

const struct field rsa_crt_fields[] = {
    {RSA("input", input)},
    {RSA("p", key.p)},
    {RSA("q", key.q)},
    {RSA("dp", key.dp)},
    {RSA("dq", key.dq)},
    {RSA("u", key.u)},
    {0},
};

#define RESULT(n, t, m)                                                                            \
    .name = n, .type = t, .at = offsetof(struct ap_insn_result, m),                                \
    .size = sizeof((struct ap_insn_result *)0)->m

const struct field insn_result_fields[] = {
    {RESULT("program_check", FIELD_INT, program_check)},
    {RESULT("cc", FIELD_INT, cc)},
    {RESULT("gr", FIELD_PATTERNS, gr)},
    {RESULT("p1", FIELD_PATTERNS, p1)},
    {RESULT("p2", FIELD_PATTERNS, p2)},
    {RESULT("address", FIELD_PATTERN, address)},
    {RESULT("data", FIELD_BYTES, data.data), .more = offsetof(struct ap_insn_result, data.len)},
    {0},
};

int command_find(const char *name)
{
    for (int kind = 0; kind < COMMAND_KINDS; kind++)
        if (strcmp(command_rows[kind].name, name) == 0)
            return kind;
    return -1;
}
