/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu.h"
#include "insn.h"
#include "link.h"

enum { INSN_DIAGNOSE = 0x83 };

static void before_diagnose(unsigned vcpu, void *data)
{
    unsigned subcode_register = (uintptr_t)data;

    if (cpu_get_psw_mask() & PSW_PROBLEM_STATE)
        return;
    switch (cpu_get_gr(subcode_register)) {
    case 0: /* modified clear */
    case 1: /* load normal */
    case 3: /* load clear and re-IPL */
    case 4: /* load normal and re-IPL */
        link_reset();
    }
}

bool insn_add_reset(struct qemu_plugin_insn *insn, const uint8_t text[static 4])
{
    if (text[0] != INSN_DIAGNOSE || text[2] != 0x03 || text[3] != 0x08)
        return false;
    qemu_plugin_register_vcpu_insn_exec_cb(insn, before_diagnose, PLUGIN_READS_REGS,
                                           (void *)(uintptr_t)(text[1] & 15));
    return true;
}
