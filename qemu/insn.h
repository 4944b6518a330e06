/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_INSN_H
#define APUS_QEMU_INSN_H

#include "plugin_api.h"

/*
 * What the plugin does to single instructions. Each function looks at instruction `index` of a
 * block that is being translated, whose first four bytes are `text`, and registers callbacks if the
 * instruction is one of its own. True: it was.
 */

/* NQAP, DQAP, PQAP: executed by the server instead of QEMU (ap.c). */
bool insn_add_ap(struct qemu_plugin_insn *insn, const uint8_t text[static 4]);

/* STFL and STFLE: facility bits 12 and 15 (facility.c). */
bool insn_add_facility(struct qemu_plugin_tb *tb, size_t index, const uint8_t text[static 4]);

/* SERVC: adapter configuration and its facility bit, for the LPAR only (sclp.c). */
bool insn_add_sclp(struct qemu_plugin_tb *tb, size_t index, const uint8_t text[static 4]);

/* DIAGNOSE 0x308: system resets (reset.c). */
bool insn_add_reset(struct qemu_plugin_insn *insn, const uint8_t text[static 4]);

/*
 * Runs `cb` when instruction `index` of the block, four bytes long, has been executed (after.c).
 * Since QEMU has callbacks before instructions only, that is before the next one: in the same
 * block, or else in the block that begins there, which after_begin_block must see. `cb` must bear
 * being called when the instruction was not executed at all.
 */
void after_insn(struct qemu_plugin_tb *tb, size_t index, plugin_vcpu_callback cb);
void after_begin_block(struct qemu_plugin_tb *tb);

/* CPUs that we can tell apart; more than QEMU's s390x machine has. */
#define CPUS_MAX 1024

#endif
