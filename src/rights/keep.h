/* SPDX-License-Identifier: MIT */
#ifndef APUS_RIGHTS_KEEP_H
#define APUS_RIGHTS_KEEP_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

#define RIGHT(capability) (UINT64_C(1) << (capability))

/*
 * What the kernel asks of who looks at another user's process: SYS_PTRACE for its memory, and
 * DAC_OVERRIDE for the files in /proc/PID, which only that user may open.
 */
#define RIGHTS_CALLERS (RIGHT(CAP_SYS_PTRACE) | RIGHT(CAP_DAC_OVERRIDE))

/* Whether the calling thread can use the capability. */
bool rights_have(unsigned capability);

/*
 * What a thread must keep to see the memory of programs of its own user, and with SYS_PTRACE of
 * others. Without SYS_PTRACE, as root in many containers, that is all it has: the kernel shows it
 * no program with a capability that it lacks (cap_ptrace_access_check in security/commoncap.c).
 */
uint64_t rights_for_callers(void);

/* Gives up, for the calling thread and the threads that it starts, all capabilities but these, and
 * those that programs could give it. 0 or -errno. */
int rights_keep(uint64_t capabilities);

#endif
