/* SPDX-License-Identifier: MIT */
#ifndef APUS_STORE_RECORD_KEYS_H
#define APUS_STORE_RECORD_KEYS_H

#include "core/core.h"

/*
 * Makes *out a command without the private keys of the request that cmd is (message/keyless.h).
 * False: it has none, and *out is as cmd. What *out points to lies in cmd and in room, which stays
 * with it.
 */
bool record_without_keys(const struct command *cmd, struct command *out, struct text *room);

/*
 * The same for replies, which have a private key only if the adapter generated it: a command that
 * brings one, and the outcome of a command. A guest may fetch a reply in pieces: those are kept as
 * they are.
 */
bool record_reply_without_keys(const struct command *cmd, struct command *out, struct text *room);
void record_outcome_without_keys(struct ap_insn_result *insn, struct effects *fx);

#endif
