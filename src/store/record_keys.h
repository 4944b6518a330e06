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

#endif
