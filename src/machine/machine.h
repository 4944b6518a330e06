/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_MACHINE_H
#define APUS_MACHINE_MACHINE_H

#include "machine/config.h"
#include "machine/fault.h"
#include "machine/hw.h"

/*
 * The hardware: adapters, the LPAR's controls, and the state of each queue. Whoever changes it here
 * (Support Element, SCLP, a fault) tells the host's bus to look again; the machine itself calls
 * nobody.
 */
struct machine;

struct machine *machine_new(const struct machine_config *config);
void machine_free(struct machine *m);

/* The AP instructions as the LPAR issues them. */
struct ap_hw machine_hw(struct machine *m);

struct adapter_state {
    bool installed, in_lpar, online, checkstopped;
};

struct adapter_state machine_adapter(const struct machine *m, unsigned apid);
const struct adapter_config *machine_adapter_config(const struct machine *m, unsigned apid);
const struct machine_config *machine_config(const struct machine *m);

/* Adapters that are both in the LPAR and online. */
struct mask256 machine_online(const struct machine *m);

/* How often the queue has been zeroized since the machine started. */
uint32_t machine_zeroize_count(const struct machine *m, ap_qn qn);

/* Counts what the Support Element, SCLP and faults changed: a bus that saw an older number has to
 * scan. */
uint64_t machine_changes(const struct machine *m);

/* The adapters whose state changed since this was last asked; all of them after a change of
 * domains. */
struct mask256 machine_take_changed(struct machine *m);

/*
 * Requests that NQAP accepted and nobody computes yet: each is announced once. The request's bytes
 * stay where they are until the job is done or its queue is reset.
 */
struct machine_job {
    uint64_t id;
    ap_qn qn;
    uint32_t zeroize_count; /* decides which keys the queue holds */
    const uint8_t *request;
    size_t len;
};

bool machine_job_next(struct machine *m, uint64_t *id);

/* -ESTALE: the job is over. */
int machine_job_get(const struct machine *m, uint64_t id, struct machine_job *out);

/* The adapter's answer; *qn has a reply now. -ESTALE: the queue was reset meanwhile, and the answer
 * is dropped. */
int machine_job_done(struct machine *m, uint64_t id, const uint8_t *reply, size_t len, ap_qn *qn);

/* What the last AQIC asked for, until a reset; enable false: the queue does not notify. */
struct ap_aqic machine_queue_aqic(const struct machine *m, ap_qn qn);

/* How many replies have come since this was last asked; those that are gone do not count. */
unsigned machine_replies_came(struct machine *m, ap_qn qn);

/*
 * Faults (machine/fault.h). Deconfigured and checkstop that hold always are states of their
 * queues, so to add or remove one is a change that a bus has to look at; what is inside the queues
 * is lost. machine_fault_add: 0 or -ENOSPC; machine_fault_remove: 0 or -ENOENT.
 */
int machine_fault_add(struct machine *m, const struct fault *rule, uint32_t *number);
int machine_fault_remove(struct machine *m, uint32_t number);
const struct fault_list *machine_faults(const struct machine *m);

/*
 * Time passes for the machine only here: a command that begins at now takes out the alarms that are
 * due, one by one, until there is none. With each of them something has happened in a queue that
 * nobody is told of by an instruction: a reset has ended, a reply that was held back is there, a
 * reset threw away what somebody may wait for, or a queue that turned somebody away may have
 * changed its mind. machine_alarm_next: 0 for none.
 */
#define MACHINE_TRY_AGAIN_NS UINT64_C(40000000)
uint64_t machine_alarm_next(const struct machine *m);
bool machine_alarm_take(struct machine *m, uint64_t now, ap_qn *qn);

/* Computes an answer at once; appends it to reply. */
struct machine_firmware {
    void (*answer)(void *ctx, const struct machine_job *request, const struct adapter_config *card,
                   unsigned domains, struct text *reply);
    void *ctx;
};

/* NULL: there is none, and nobody answers when asked. */
void machine_set_firmware(struct machine *m, const struct machine_firmware *firmware);

void machine_set_online(struct machine *m, unsigned apid, bool online);
void machine_set_checkstop(struct machine *m, unsigned apid, bool checkstopped);
void machine_set_lpar_adapter(struct machine *m, unsigned apid, bool in_lpar);
void machine_set_lpar_domain(struct machine *m, unsigned domain, bool usage);
void machine_set_lpar_control(struct machine *m, unsigned domain, bool control);

/* A hardware event: adapters, domains and highest numbers become those of config; the rest of
 * config does not count. */
void machine_replace(struct machine *m, const struct machine_config *config,
                     const struct mask256 *checkstopped);

/*
 * SCLP Configure / Deconfigure Adjunct Processor [se-sclp]. Command word to response code: 0x0020
 * done, 0x0120 already in that state, 0x09f0 adapter not recognised, 0x01f0 not such a command.
 */
#define SCLP_CONFIGURE_AP   0x001f0001u
#define SCLP_DECONFIGURE_AP 0x001e0001u
#define SCLP_RC_DONE        0x0020u
#define SCLP_RC_NO_ACTION   0x0120u
#define SCLP_RC_INVALID     0x01f0u
#define SCLP_RC_NO_SUCH_AP  0x09f0u

uint16_t machine_sclp(struct machine *m, uint32_t word);

#endif
