/* SPDX-License-Identifier: MIT */
#ifndef APUS_RUN_FILTER_H
#define APUS_RUN_FILTER_H

#include <stdint.h>

#include "run/program.h"

/*
 * Installs a seccomp filter for this process and its children. It reports each ioctl(2) with a
 * number of type ';' (0x3b: VFIO, iommufd) and, if zcrypt, 'z' (0x7a) to a listener, and 'T' where
 * the nodes would answer as terminals; it allows everything else. 32-bit programs are covered, too.
 * If paths, it reports both kinds, and the system calls of nomount/syscalls.h, but not those of
 * 32-bit programs. entry->hand_over passes the listener to the daemon (seccomp/listener.h).
 *
 * no_new_privs is set only if required: if the process lacks CAP_SYS_ADMIN in its user namespace.
 * 0, or -errno after an error message that says what is not available; entry->needed: it is an
 * error, because --ioctl=notify was requested.
 */
int filter_hand_over(const struct program_entry *entry);

/*
 * Puts a badge (nomount/syscalls.h) on this process and its children for good, in place of one that
 * it may have: other changes of the limit fail with EPERM. 0, or -errno after an error message.
 */
int filter_wear(uint32_t badge);
/* Whether this process has one. */
bool filter_wears(void);

/*
 * Puts them behind a filter that says yes, and does nothing, to what libvirt insists on before it
 * starts a QEMU with a mediated device: a higher limit of locked memory (a VFIO of ours locks none)
 * and, in a user namespace, other supplementary groups. Only what this process may not do; nothing
 * if it may do both. Quietly does without if that is not possible.
 */
void filter_grant(void);

#endif
