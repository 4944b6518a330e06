/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_api.h"

/* Offsets in the prefix area. */
enum {
    LC_PROGRAM_ILC = 0x8c, /* 2 bytes ILC, 2 bytes code */
    LC_PROGRAM_OLD_PSW = 0x150,
    LC_PROGRAM_NEW_PSW = 0x1d0,
};

#define PSW_CC_SHIFT 44

/* The handles are the same for all CPUs; the first CPU looks them up. */
static struct qemu_plugin_register *general[16], *psw_mask_register, *prefix_register;

static void broken(const char *what)
{
    fprintf(stderr, "apus: cannot %s: this QEMU is not supported\n", what);
    abort();
}

/* One buffer per CPU thread: QEMU passes values in byte arrays only. */
static GByteArray *scratch(void)
{
    static __thread GByteArray *array;

    if (!array)
        array = g_byte_array_new();
    g_byte_array_set_size(array, 0);
    return array;
}

void cpu_find_registers(void)
{
    GArray *registers = qemu_plugin_get_registers();

    for (unsigned i = 0; i < registers->len; i++) {
        const struct plugin_register_desc *d =
            &g_array_index(registers, struct plugin_register_desc, i);
        unsigned number;
        char more;

        if (!strcmp(d->name, "pswm"))
            psw_mask_register = d->handle;
        else if (!strcmp(d->name, "prefix"))
            prefix_register = d->handle;
        else if (sscanf(d->name, "r%u%c", &number, &more) == 1 && number < 16)
            general[number] = d->handle;
    }
    g_array_free(registers, TRUE);
    if (!general[0] || !general[15] || !psw_mask_register || !prefix_register)
        broken("find the registers of a CPU");
}

static uint64_t get_register(struct qemu_plugin_register *handle)
{
    GByteArray *bytes = scratch();
    uint64_t value;

    if (!qemu_plugin_read_register(handle, bytes) || bytes->len != sizeof(value))
        broken("read a register");
    memcpy(&value, bytes->data, sizeof(value));
    return GUINT64_FROM_BE(value);
}

static void set_register(struct qemu_plugin_register *handle, uint64_t value)
{
    GByteArray *bytes = scratch();

    value = GUINT64_TO_BE(value);
    g_byte_array_append(bytes, (const guint8 *)&value, sizeof(value));
    if (!qemu_plugin_write_register(handle, bytes))
        broken("write a register");
}

uint64_t cpu_get_gr(unsigned number)
{
    return get_register(general[number]);
}

void cpu_set_gr(unsigned number, uint64_t value)
{
    set_register(general[number], value);
}

uint64_t cpu_get_psw_mask(void)
{
    return get_register(psw_mask_register);
}

uint64_t cpu_get_prefix(void)
{
    return get_register(prefix_register);
}

bool cpu_load(uint64_t address, void *data, size_t len)
{
    GByteArray *bytes = scratch();

    if (!qemu_plugin_read_memory_vaddr(address, bytes, len) || bytes->len != len)
        return false;
    memcpy(data, bytes->data, len);
    return true;
}

bool cpu_store(uint64_t address, const void *data, size_t len)
{
    GByteArray *bytes = scratch();

    g_byte_array_append(bytes, data, len);
    return qemu_plugin_write_memory_vaddr(address, bytes);
}

bool cpu_load_absolute(uint64_t address, void *data, size_t len)
{
    GByteArray *bytes = scratch();

    if (qemu_plugin_read_memory_hwaddr(address, bytes, len) != 0 || bytes->len != len)
        return false;
    memcpy(data, bytes->data, len);
    return true;
}

bool cpu_store_absolute(uint64_t address, const void *data, size_t len)
{
    GByteArray *bytes = scratch();

    g_byte_array_append(bytes, data, len);
    return qemu_plugin_write_memory_hwaddr(address, bytes) == 0;
}

void cpu_finish(uint64_t next, uint64_t psw_mask, unsigned cc)
{
    psw_mask &= ~(UINT64_C(3) << PSW_CC_SHIFT);
    set_register(psw_mask_register, psw_mask | (uint64_t)(cc & 3) << PSW_CC_SHIFT);
    qemu_plugin_set_pc(next);
}

void cpu_program_check(uint64_t address, uint64_t psw_mask, unsigned code)
{
    uint64_t prefix = cpu_get_prefix();
    uint64_t psw[2] = {GUINT64_TO_BE(psw_mask), GUINT64_TO_BE(address + 4)};
    uint16_t ilc_and_code[2] = {GUINT16_TO_BE(4), GUINT16_TO_BE(code)};

    if (!cpu_store_absolute(prefix + LC_PROGRAM_ILC, ilc_and_code, sizeof(ilc_and_code)) ||
        !cpu_store_absolute(prefix + LC_PROGRAM_OLD_PSW, psw, sizeof(psw)) ||
        !cpu_load_absolute(prefix + LC_PROGRAM_NEW_PSW, psw, sizeof(psw)))
        broken("reach the prefix area");
    set_register(psw_mask_register, GUINT64_FROM_BE(psw[0]));
    qemu_plugin_set_pc(GUINT64_FROM_BE(psw[1]));
}
