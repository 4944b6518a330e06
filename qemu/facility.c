/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cpu.h"
#include "insn.h"
#include "link.h"

enum {
    INSN_STFL = 0xb1, /* second byte; the first is 0xb2 */
    INSN_STFLE = 0xb0,
    LC_STFL_LIST = 0xc8,
    /* Byte 1 of the facility list has facilities 8 to 15. */
    FACILITY_12 = 0x08,
    FACILITY_15 = 0x01,
};

/* Where a CPU's STFLE is about to store its list; 0 while it executes none. */
static uint64_t list_address[CPUS_MAX];
static bool storing_stfl[CPUS_MAX];

static uint8_t ap_facilities(void)
{
    uint32_t features = link_features();

    return (features & GUEST_FEATURE_APQCI ? FACILITY_12 : 0) |
           (features & GUEST_FEATURE_APFT ? FACILITY_15 : 0);
}

static void before_stfle(unsigned vcpu, void *data)
{
    unsigned operand = (uintptr_t)data, base = operand >> 12;

    if (vcpu < CPUS_MAX)
        list_address[vcpu] = (base ? cpu_get_gr(base) : 0) + (operand & 0xfff);
}

static void after_stfle(unsigned vcpu, void *data)
{
    uint64_t address = vcpu < CPUS_MAX ? list_address[vcpu] : 0;
    uint8_t byte;

    if (!address)
        return;
    list_address[vcpu] = 0;
    if (!cpu_load(address + 1, &byte, 1))
        return;
    byte |= ap_facilities();
    cpu_store(address + 1, &byte, 1);
}

static void before_stfl(unsigned vcpu, void *data)
{
    if (vcpu < CPUS_MAX)
        storing_stfl[vcpu] = true;
}

static void after_stfl(unsigned vcpu, void *data)
{
    uint64_t address = cpu_get_prefix() + LC_STFL_LIST + 1;
    uint8_t byte;

    if (vcpu >= CPUS_MAX || !storing_stfl[vcpu])
        return;
    storing_stfl[vcpu] = false;
    if (!cpu_load_absolute(address, &byte, 1))
        return;
    byte |= ap_facilities();
    cpu_store_absolute(address, &byte, 1);
}

bool insn_add_facility(struct qemu_plugin_tb *tb, size_t index, const uint8_t text[static 4])
{
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, index);
    uintptr_t operand = text[2] << 8 | text[3];

    if (text[0] != 0xb2 || (text[1] != INSN_STFLE && text[1] != INSN_STFL))
        return false;
    if (text[1] == INSN_STFLE) {
        qemu_plugin_register_vcpu_insn_exec_cb(insn, before_stfle, PLUGIN_READS_REGS,
                                               (void *)operand);
        after_insn(tb, index, after_stfle);
    } else {
        qemu_plugin_register_vcpu_insn_exec_cb(insn, before_stfl, PLUGIN_READS_REGS, NULL);
        after_insn(tb, index, after_stfl);
    }
    return true;
}
