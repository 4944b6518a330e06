/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What KVM needs to load, apart from the facility that says that there is SIE (internals_offer).
 * It asks which functions PERFORM LOCKED OPERATION has. TCG does not know the instruction, so the
 * answer is: none.
 */
#include "cpu.h"
#include "insn.h"

enum { INSN_PLO = 0xee, PLO_SIZE = 6, PLO_TEST = 0x100 /* in general register 0 */ };

static void execute_plo(unsigned vcpu, void *data)
{
    if (cpu_get_gr(0) & PLO_TEST)
        cpu_finish((uintptr_t)data + PLO_SIZE, cpu_get_psw_mask(), 3);
}

bool insn_add_sie(struct qemu_plugin_insn *insn, const uint8_t text[static 4])
{
    if (text[0] != INSN_PLO)
        return false;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, execute_plo, PLUGIN_WRITES_REGS_AND_PC,
                                           (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
    return true;
}
