/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cpu.h"
#include "insn.h"
#include "link.h"

static __thread uint8_t message[GUEST_DATA_MAX];

static bool has_pairs(const struct guest_insn *insn)
{
    return insn->opcode != GUEST_OPCODE_PQAP;
}

/* Collects registers and message for the protocol. False: the message is not accessible. */
static bool gather(struct guest_insn *insn)
{
    for (unsigned i = 0; i < 3; i++)
        insn->gr[i] = cpu_get_gr(i);
    for (unsigned i = 0; i < 2 && has_pairs(insn); i++) {
        insn->p1[i] = cpu_get_gr((insn->r1 & 14) + i);
        insn->p2[i] = cpu_get_gr((insn->r2 & 14) + i);
    }
    if (insn->opcode != GUEST_OPCODE_NQAP)
        return true;
    insn->data = message;
    insn->data_len = MIN(insn->p2[1], GUEST_DATA_MAX);
    return insn->data_len == 0 || cpu_load(insn->p2[0], message, insn->data_len);
}

static void apply_registers(const struct guest_insn *insn, const struct guest_insn_reply *reply)
{
    for (unsigned i = 0; i < 2 && has_pairs(insn); i++) {
        cpu_set_gr((insn->r1 & 14) + i, reply->p1[i]);
        cpu_set_gr((insn->r2 & 14) + i, reply->p2[i]);
    }
    for (unsigned i = 0; i < 3; i++)
        cpu_set_gr(i, reply->gr[i]);
}

/* `data` is the address of the instruction. Its text is read again, which avoids a record for each
 * place where a guest has such an instruction. */
static void execute(unsigned vcpu, void *data)
{
    uint64_t address = (uintptr_t)data, psw_mask = cpu_get_psw_mask();
    struct guest_insn insn = {.cpu = vcpu};
    struct guest_insn_reply reply;
    uint8_t text[4];

    if (psw_mask & PSW_PROBLEM_STATE)
        cpu_program_check(address, psw_mask, PGM_PRIVILEGED_OPERATION);
    if (!cpu_load(address, text, sizeof(text)))
        cpu_program_check(address, psw_mask, PGM_ADDRESSING);
    insn.opcode = text[0] << 8 | text[1];
    insn.r1 = text[3] >> 4;
    insn.r2 = text[3] & 15;
    if (!gather(&insn))
        cpu_program_check(address, psw_mask, PGM_ADDRESSING);
    link_execute(&insn, message, &reply);
    if (reply.program_check)
        cpu_program_check(address, psw_mask, reply.program_check);
    if (reply.data_len && !cpu_store(reply.address, reply.data, reply.data_len))
        cpu_program_check(address, psw_mask, PGM_ADDRESSING);
    apply_registers(&insn, &reply);
    cpu_finish(address + sizeof(text), psw_mask, reply.cc);
}

bool insn_add_ap(struct qemu_plugin_insn *insn, const uint8_t text[static 4])
{
    uint16_t opcode = text[0] << 8 | text[1];

    if (opcode < GUEST_OPCODE_NQAP || opcode > GUEST_OPCODE_PQAP)
        return false;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, execute, PLUGIN_WRITES_REGS_AND_PC,
                                           (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
    return true;
}
