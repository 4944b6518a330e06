/* SPDX-License-Identifier: MIT */
#ifndef APUS_DAEMON_ADAPTERS_H
#define APUS_DAEMON_ADAPTERS_H

#include <systemd/sd-event.h>

#include "core/core.h"
#include "crypto/keys.h"

/*
 * The adapters' processors: they compute every request that waits for its adapter (EFFECT_JOB), on
 * as many threads as there are processors, in turn for the host and each guest, and bring the
 * answer back with CMD_JOB_DONE. A request that is over before its answer is there (its queue was
 * reset) loses it. No thread starts before there is something to compute.
 *
 * The keys that a queue holds come from the machine's secret, the queue's number, and how often it
 * was zeroized (crypto/keys.h).
 *
 * All functions are for the thread of the event loop.
 */
struct adapters;

/* door and event must outlive it; secret is copied. 0 or -errno of the system. */
int adapters_new(struct door *door, sd_event *event, const uint8_t secret[CRYPTO_KEY_BYTES],
                 struct adapters **out);

/* Takes the jobs among the effects of a command. */
void adapters_effects(struct adapters *a, const struct effects *effects);

/* Jobs in flight are dropped. Not to be called while a command is executed. NULL is allowed. */
void adapters_free(struct adapters *a);

#endif
