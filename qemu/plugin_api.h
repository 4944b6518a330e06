/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_PLUGIN_API_H
#define APUS_QEMU_PLUGIN_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/*
 * The part of QEMU's TCG plugin interface, version 7 (QEMU 11), that we use. No distribution
 * packages qemu-plugin.h, so the declarations are our own. QEMU resolves the symbols when it loads
 * us; GLib also comes from QEMU, and we need its headers only.
 */
#define PLUGIN_API_VERSION 7
#define PLUGIN_EXPORT      __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_register;

/* An element of the array that qemu_plugin_get_registers returns. */
struct plugin_register_desc {
    struct qemu_plugin_register *handle;
    const char *name, *feature;
    bool is_readonly;
};

enum plugin_callback_flags {
    PLUGIN_NO_REGS,
    PLUGIN_READS_REGS,
    PLUGIN_WRITES_REGS,
    PLUGIN_WRITES_REGS_AND_PC,
};

typedef void (*plugin_vcpu_callback)(unsigned vcpu, void *data);
typedef void (*plugin_translate_callback)(struct qemu_plugin_tb *tb, void *data);

void qemu_plugin_register_vcpu_init_cb(qemu_plugin_id_t id, plugin_vcpu_callback cb, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, plugin_translate_callback cb,
                                           void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, plugin_vcpu_callback cb,
                                            int flags, void *data);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *data, size_t len);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

/* From the vcpu_init callback only; the caller frees the array. */
GArray *qemu_plugin_get_registers(void);
bool qemu_plugin_read_register(struct qemu_plugin_register *handle, GByteArray *buf);
bool qemu_plugin_write_register(struct qemu_plugin_register *handle, GByteArray *buf);
bool qemu_plugin_read_memory_vaddr(uint64_t address, GByteArray *data, size_t len);
bool qemu_plugin_write_memory_vaddr(uint64_t address, GByteArray *data);
/* These two return 0 on success. */
int qemu_plugin_read_memory_hwaddr(uint64_t address, GByteArray *data, size_t len);
int qemu_plugin_write_memory_hwaddr(uint64_t address, GByteArray *data);
/* Does not return. */
void qemu_plugin_set_pc(uint64_t address) __attribute__((noreturn));

#endif
