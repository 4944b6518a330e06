/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_LINK_H
#define APUS_QEMU_LINK_H

#include <stdbool.h>

#include "apus/guest_protocol.h"

/*
 * The plugin's one connection to the server, shared by all CPUs. It comes back by itself: while
 * there is none, instructions and the watcher try to connect again, a few times a second at most.
 * Where there is no server, link_execute answers as a machine without adapters, so it always has an
 * answer.
 */

/*
 * Remembers where the server is and what to tell it; `path` and what `hello` points to must stay.
 * -errno and a text on stderr if `hello` or `path` can never work.
 */
int link_init(const char *path, const struct guest_hello *hello);

/* Features that the server could grant; all that there are if no server answers. */
uint32_t link_ask_features(void);

/*
 * Connects for the first time, with `features` in HELLO; a server that is not there, or refuses, is
 * no failure. exact: the guest's CPUs have exactly these, so a server that does not grant them all
 * counts as one that is not there.
 *
 * From now on a thread takes notifications and notices that the server goes or comes. Interruptions
 * are presented. Each time the guest's adapters may have changed it writes a newline into the named
 * pipe `rescan` (NULL: it does not): where no device of QEMU's own presents the machine check that
 * tells the kernel, something else has to.
 */
void link_start(uint32_t features, bool exact, const char *rescan);

/* Features of the guest's CPUs, unless exact: those granted by the first server, until then those
 * in HELLO. They never change once they have been asked for, as a CPU does not change under a
 * kernel. */
uint32_t link_features(void);

/* Executes `insn`. reply->data lies in `buffer`. */
void link_execute(const struct guest_insn *insn, uint8_t buffer[static GUEST_DATA_MAX],
                  struct guest_insn_reply *reply);

/* SCLP Configure or Deconfigure AP: 0 and *response, or -errno without a server. */
int link_servc(uint32_t command, uint16_t *response);

/* The system of the guest was reset. */
void link_reset(void);

#endif
