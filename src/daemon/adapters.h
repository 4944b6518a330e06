/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_ADAPTERS_H
#define APUS_DAEMON_ADAPTERS_H

#include <systemd/sd-event.h>

#include "core/core.h"
#include "crypto/keys.h"

/*
 * The adapters' computing power. A job (EFFECT_JOB) is a request that an adapter has to process. It
 * is computed on a pool of as many threads as there are CPUs, where the host and the guests take
 * turns, and its reply returns as CMD_JOB_DONE. If the queue was reset in the meantime, the reply
 * is dropped. No thread is started before there is a job for it.
 *
 * The keys of a queue are derived from the machine's secret, the queue's APQN and the number of
 * times it was zeroized (crypto/keys.h).
 *
 * All functions must be called on the thread of the event loop.
 */
struct adapters;

/* door and event must outlive it; secret is copied. 0 or -errno. */
int adapters_new(struct door *door, sd_event *event, const uint8_t secret[CRYPTO_KEY_BYTES],
                 struct adapters **out);

/* Starts the jobs among the effects of a command. */
void adapters_effects(struct adapters *a, const struct effects *effects);

/* Drops the jobs under way. Must not be called during a command. NULL is allowed. */
void adapters_free(struct adapters *a);

#endif
