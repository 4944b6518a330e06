/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_INTERNALS_H
#define APUS_QEMU_INTERNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "apus/guest_protocol.h"

/*
 * What the plugin does with QEMU's own functions, since the plugin interface has nothing for it: AP
 * features in the CPU model, and adapter interruptions. A QEMU that is built with modules, as those
 * of distributions are, exports these functions; they are no interface, so internals_find checks
 * everything that can be checked before the rest may be called.
 */

/* Looks for the functions. False after one line on stderr: this QEMU cannot do it, and nothing
 * below may be called. */
bool internals_find(void);

/*
 * Adds `features` (GUEST_FEATURE_*) to the CPU model `max`, and so to what any CPU model may be
 * given by -cpu. With sie also the facility of SCLP by which KVM finds the SIE instruction, which
 * QEMU does not execute. Only before the machine is made, hence from qemu_plugin_install.
 */
void internals_offer(uint32_t features, bool sie);

/* The AP features of the machine's CPUs, as -cpu has decided. From a vcpu_init callback. */
uint32_t internals_cpu_features(void);

/* The machine's name (-name), or NULL. */
const char *internals_machine_name(void);

/*
 * Sets the byte at absolute address `nib` and makes an adapter interruption of subclass `isc`
 * pending. From any thread: QEMU's main loop does it, and is woken for that.
 */
void internals_interrupt(uint64_t nib, unsigned isc);

#endif
