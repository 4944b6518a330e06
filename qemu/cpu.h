/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_CPU_H
#define APUS_QEMU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Access to the CPU that executes a callback: registers, storage, PSW and program interruptions.
 * The callback must be registered with the matching flag: to read registers, to write them, or to
 * write the PC for ending an instruction. Integers are in host order. If QEMU cannot access a
 * register, it is an unsupported version, and we abort.
 */

#define PSW_PROBLEM_STATE (UINT64_C(1) << 48)

enum { PGM_PRIVILEGED_OPERATION = 0x02, PGM_ADDRESSING = 0x05, PGM_SPECIFICATION = 0x06 };

/* Looks up the register handles; from the vcpu_init callback of each CPU. */
void cpu_find_registers(void);

uint64_t cpu_get_gr(unsigned number);
void cpu_set_gr(unsigned number, uint64_t value);
uint64_t cpu_get_psw_mask(void);

/* Logical storage, as an instruction of the CPU accesses it. False: not entirely accessible. */
bool cpu_load(uint64_t address, void *data, size_t len);
bool cpu_store(uint64_t address, const void *data, size_t len);

/* Absolute storage. */
bool cpu_load_absolute(uint64_t address, void *data, size_t len);
bool cpu_store_absolute(uint64_t address, const void *data, size_t len);

/* The absolute address of the CPU's prefix area, which the CPU sees at 0. */
uint64_t cpu_get_prefix(void);

/* Completes the current instruction: sets the condition code and continues with the one at `next`.
 */
void cpu_finish(uint64_t next, uint64_t psw_mask, unsigned cc) __attribute__((noreturn));

/* Ends the current 4-byte instruction at `address` with a program interruption whose old PSW
 * designates the next instruction. */
void cpu_program_check(uint64_t address, uint64_t psw_mask, unsigned code)
    __attribute__((noreturn));

#endif
