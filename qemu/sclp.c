/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cpu.h"
#include "insn.h"
#include "link.h"

/*
 * QEMU executes SERVC itself and presents the service signal, which a plugin cannot do; we only
 * correct the response. QEMU does not know Configure AP: it stores "invalid command" in the SCCB
 * and signals. The callback after SERVC replaces that before the kernel can handle the signal,
 * since Linux issues SERVC holding the lock that its handler takes.
 */
enum {
    INSN_SERVC = 0x20, /* second byte; the first is 0xb2 */
    SCCB_RESPONSE = 6,
    SCCB_FACILITIES = 48,
    RESPONSE_INFO = 0x0010,
    RESPONSE_INVALID_COMMAND = 0x01f0,
    /* Bit 31 of the facilities of READ SCP INFO: Configure AP is available. */
    FACILITY_BYTE = SCCB_FACILITIES + 3,
    FACILITY_AP = 0x01,
};

#define READ_SCP_INFO        0x00020001u
#define READ_SCP_INFO_FORCED 0x00120001u

static struct {
    bool pending;
    uint32_t command;
    uint64_t sccb;
} servc[CPUS_MAX];

static bool is_read_info(uint32_t command)
{
    return command == READ_SCP_INFO || command == READ_SCP_INFO_FORCED;
}

static bool is_configure(uint32_t command)
{
    uint32_t word = command & ~0xff00u;

    return word == GUEST_SERVC_CONFIGURE || word == GUEST_SERVC_DECONFIGURE;
}

static void before_servc(unsigned vcpu, void *data)
{
    unsigned registers = (uintptr_t)data;
    uint32_t command = cpu_get_gr(registers >> 4);

    if (vcpu >= CPUS_MAX)
        return;
    servc[vcpu].command = command;
    servc[vcpu].sccb = cpu_get_gr(registers & 15) & 0x7ffffff8;
    servc[vcpu].pending = is_read_info(command) || is_configure(command);
}

static void offer_facility(uint64_t sccb)
{
    uint8_t byte;

    if (!cpu_load_absolute(sccb + FACILITY_BYTE, &byte, 1))
        return;
    byte |= FACILITY_AP;
    cpu_store_absolute(sccb + FACILITY_BYTE, &byte, 1);
}

static void configure(uint64_t sccb, uint32_t command)
{
    uint16_t response;

    /* Without a server, the response remains "invalid command", and the kernel reports EIO. */
    if (link_servc(command, &response) < 0)
        return;
    response = GUINT16_TO_BE(response);
    cpu_store_absolute(sccb + SCCB_RESPONSE, &response, sizeof(response));
}

static void after_servc(unsigned vcpu, void *data)
{
    uint32_t command;
    uint64_t sccb;
    uint16_t response;

    if (vcpu >= CPUS_MAX || !servc[vcpu].pending)
        return;
    servc[vcpu].pending = false;
    command = servc[vcpu].command;
    sccb = servc[vcpu].sccb;
    if (!cpu_load_absolute(sccb + SCCB_RESPONSE, &response, sizeof(response)))
        return;
    response = GUINT16_FROM_BE(response);
    if (is_read_info(command) && response == RESPONSE_INFO)
        offer_facility(sccb);
    else if (is_configure(command) && response == RESPONSE_INVALID_COMMAND)
        configure(sccb, command);
}

bool insn_add_sclp(struct qemu_plugin_tb *tb, size_t index, const uint8_t text[static 4])
{
    if (text[0] != 0xb2 || text[1] != INSN_SERVC)
        return false;
    qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, index), before_servc,
                                           PLUGIN_READS_REGS, (void *)(uintptr_t)text[3]);
    after_insn(tb, index, after_servc);
    return true;
}
