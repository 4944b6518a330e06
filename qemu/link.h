/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef APUS_QEMU_LINK_H
#define APUS_QEMU_LINK_H

#include <stdbool.h>

#include "apus/guest_protocol.h"

/*
 * The plugin's only connection to the server, shared by all CPUs. While it is lost, instructions
 * and the watcher try to reconnect, a few times a second at most, and link_execute answers like a
 * machine without adapters.
 */

/* What QCI tells of the machine while there is no server. */
struct link_limits {
    uint32_t flags; /* the first word of QCI's block [ap-qci] */
    uint8_t max_adapter, max_domain;
};

/*
 * Keeps `path`, `hello` and `limits`; `path` and what `hello` points to must stay valid. -errno and
 * a message on stderr if `hello` or `path` is invalid.
 */
int link_init(const char *path, const struct guest_hello *hello, const struct link_limits *limits);

/* Features that the server could grant; all existing ones if no server answers. */
uint32_t link_ask_features(void);

/*
 * Connects for the first time, with `features` in HELLO; a server that is absent or refuses is not
 * a failure. exact: the guest's CPUs have exactly these features, so a server that does not grant
 * all of them is treated as absent.
 *
 * Starts a thread that takes notifications, presents interruptions, and notices when the server is
 * lost or back. Whenever the guest's adapters may have changed, it writes a newline into the named
 * pipe `rescan` (NULL: it does not), for guests in which no device of QEMU presents the machine
 * check that notifies the kernel.
 */
void link_start(uint32_t features, bool exact, const char *rescan);

/* Features of the guest's CPUs. Unless exact, those that the first server granted, or if none has
 * yet, those in HELLO. They do not change after the first call, since a kernel reads the features
 * of its CPU only once. */
uint32_t link_features(void);

/* Executes `insn`. reply->data lies in `buffer`. */
void link_execute(const struct guest_insn *insn, uint8_t buffer[static GUEST_DATA_MAX],
                  struct guest_insn_reply *reply);

/* SCLP Configure or Deconfigure AP: 0 and *response, or -errno without a server. */
int link_servc(uint32_t command, uint16_t *response);

/* Reports a system reset of the guest. */
void link_reset(void);

#endif
