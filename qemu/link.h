/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_LINK_H
#define APUS_QEMU_LINK_H

#include "apus/guest_protocol.h"

/*
 * The plugin's one connection to the server, shared by all CPUs. It comes back by itself: while
 * there is none, instructions and the watcher try to connect again, a few times a second at most.
 * Where there is no server, link_execute answers as a machine without adapters, so it always has an
 * answer.
 */

/*
 * Remembers where the server is and what to tell it (`path`, `hello` and what it points to must
 * stay), and tries to connect for the first time. -errno and a text on stderr if `hello` or `path`
 * can never work; a server that is not there, or refuses, is no failure.
 */
int link_init(const char *path, const struct guest_hello *hello);

/* Features of the guest's CPUs: those granted by the first server, until then those in HELLO.
 * They never change once they have been asked for, as a CPU does not change under a kernel. */
uint32_t link_features(void);

/* Executes `insn`. reply->data lies in `buffer`. */
void link_execute(const struct guest_insn *insn, uint8_t buffer[static GUEST_DATA_MAX],
                  struct guest_insn_reply *reply);

/* SCLP Configure or Deconfigure AP: 0 and *response, or -errno without a server. */
int link_servc(uint32_t command, uint16_t *response);

/* The system of the guest was reset. */
void link_reset(void);

/*
 * Starts the thread that takes notifications and notices that the server goes or comes. Each time
 * the guest's adapters may have changed it writes a newline into the named pipe `rescan` (NULL: it
 * does not), since a plugin cannot present the machine check that would tell the kernel.
 */
void link_watch(const char *rescan);

#endif
