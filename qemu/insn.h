/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_INSN_H
#define APUS_QEMU_INSN_H

#include "plugin_api.h"

/*
 * The instructions that the plugin handles. Each function examines an instruction of a block that
 * is being translated, of which `text` is the first four bytes, and registers callbacks if it
 * handles that instruction. True: it does.
 */

/* NQAP, DQAP, PQAP: executed by the server instead of QEMU (ap.c). */
bool insn_add_ap(struct qemu_plugin_insn *insn, const uint8_t text[static 4]);

/* STFL and STFLE: facility bits 12 and 15 (facility.c). */
bool insn_add_facility(struct qemu_plugin_tb *tb, size_t index, const uint8_t text[static 4]);

/* SERVC: adapter configuration and its facility bit, for the LPAR only (sclp.c). */
bool insn_add_sclp(struct qemu_plugin_tb *tb, size_t index, const uint8_t text[static 4]);

/* PERFORM LOCKED OPERATION, only asked for its functions: with sie=on (sie.c). */
bool insn_add_sie(struct qemu_plugin_insn *insn, const uint8_t text[static 4]);

/* DIAGNOSE 0x308: system resets (reset.c). */
bool insn_add_reset(struct qemu_plugin_insn *insn, const uint8_t text[static 4]);

/*
 * Runs `cb` after instruction `index` of the block, four bytes long, has been executed (after.c).
 * QEMU has callbacks before instructions only, so `cb` runs before the next one: in the same block,
 * or else in the block that begins there, for which after_begin_block must be called. `cb` must
 * tolerate being called without the instruction having been executed.
 */
void after_insn(struct qemu_plugin_tb *tb, size_t index, plugin_vcpu_callback cb);
void after_begin_block(struct qemu_plugin_tb *tb);

/* More CPUs than QEMU's s390x machine can have. */
#define CPUS_MAX 1024

#endif
