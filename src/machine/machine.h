/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_MACHINE_H
#define APUS_MACHINE_MACHINE_H

#include "machine/config.h"
#include "machine/counts.h"
#include "machine/fault.h"
#include "machine/hw.h"

/*
 * The hardware: adapters, the LPAR's configuration, and the state of each queue. After a change
 * made here (Support Element, SCLP, a fault) the caller has to make the host's bus scan; the
 * machine itself calls no one.
 */
struct machine;

struct machine *machine_new(const struct machine_config *config);
void machine_free(struct machine *m);

/* The AP instructions as issued by the LPAR. */
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

/* What has happened to the queue; and how many messages are in it. restore: as it was, but for
 * zeroized (machine_row_restore). What has happened since is added. */
struct ap_counts machine_queue_counts(const struct machine *m, ap_qn qn);
/* next: the queues of the LPAR, and those that have had messages; *cursor starts at 0. */
bool machine_queue_next(const struct machine *m, uint32_t *cursor, ap_qn *out);
unsigned machine_queue_pending(const struct machine *m, ap_qn qn);
void machine_queue_counts_restore(struct machine *m, ap_qn qn, const struct ap_counts *counts);

/* A counter of changes by the Support Element, SCLP and faults. A bus that last saw an older value
 * has to scan. */
uint64_t machine_changes(const struct machine *m);

/* The adapters whose state has changed since the last call; all of them after a change of
 * domains. */
struct mask256 machine_take_changed(struct machine *m);

/* What a state directory has to write again: the configuration, how often queues were zeroized and
 * what else struct adapter_row has. Returns it once. */
struct machine_touched {
    bool config;
    struct mask256 adapters;
};

struct machine_touched machine_take_touched(struct machine *m);

/* Likewise the rules of faults, one after the other; *cursor is 0 at first. A rule that was removed
 * is not among them. */
bool machine_take_fault(struct machine *m, unsigned *cursor, uint32_t *number);

/*
 * What happened since the last call, for whoever watches; each returns it once. news: adapters
 * whose state may have changed. The others return false when nothing is left. reset: domains of the
 * adapter whose queues were reset; zeroized: and those of them that were zeroized, too. lost:
 * messages of the queue that are gone without a reply. met: a fault rule that was applied, to the
 * queue in its member last.
 */
struct machine_reset {
    unsigned apid;
    struct mask256 reset, zeroized;
};

struct machine_lost {
    ap_qn qn;
    unsigned messages;
};

struct mask256 machine_take_news(struct machine *m);
bool machine_take_reset(struct machine *m, struct machine_reset *out);
bool machine_take_lost(struct machine *m, struct machine_lost *out);
bool machine_take_met(struct machine *m, struct fault_entry *out);

/*
 * What outlives the daemon of an adapter, besides its configuration. Resets that were under way
 * have ended by the time that the row is restored, and queues are empty.
 */
struct adapter_row {
    bool checkstopped;
    struct mask256 zeroize_due;
    uint32_t zeroized[AP_IDS];
};

/* false: there has never been such an adapter. */
bool machine_row_get(const struct machine *m, unsigned apid, struct adapter_row *out);
void machine_row_restore(struct machine *m, unsigned apid, const struct adapter_row *row);

/* The list has left its last number when it comes back: numbers are not used twice. */
void machine_faults_restore(struct machine *m, const struct fault_entry *v, unsigned count,
                            uint32_t last_number);
/* One more; errors of fault_list_restore_one. */
int machine_fault_restore(struct machine *m, const struct fault_entry *e);

/*
 * A request that NQAP has accepted and that is to be computed; each is returned once. Its bytes
 * stay in place until the job is done or the queue is reset.
 */
struct machine_job {
    uint64_t id;
    ap_qn qn;
    uint32_t zeroize_count; /* determines the keys that the queue holds */
    const uint8_t *request;
    size_t len;
};

bool machine_job_next(struct machine *m, uint64_t *id);

/* -ESTALE: the job is over. */
int machine_job_get(const struct machine *m, uint64_t id, struct machine_job *out);

/* The adapter's reply; *qn has a reply afterwards. -ESTALE: the queue was reset meanwhile; the
 * reply is dropped. */
int machine_job_done(struct machine *m, uint64_t id, const uint8_t *reply, size_t len, ap_qn *qn);

/* The parameters of the last AQIC, until a reset. enable false: the queue does not interrupt. */
struct ap_aqic machine_queue_aqic(const struct machine *m, ap_qn qn);

/* The number of replies that became ready since the last call and are still there. */
unsigned machine_replies_came(struct machine *m, ap_qn qn);

/*
 * Faults (machine/fault.h). Permanent deconfigured and checkstop faults are states of their queues:
 * to add or remove one is a change for which the bus has to scan, and the messages in the queues
 * are lost. machine_fault_add: 0 or -ENOSPC; machine_fault_remove: 0 or -ENOENT.
 */
int machine_fault_add(struct machine *m, const struct fault *rule, uint32_t *number);
int machine_fault_remove(struct machine *m, uint32_t number);
const struct fault_list *machine_faults(const struct machine *m);

/*
 * Time advances for the machine only here, also for the rules of faults: a command that begins at
 * now takes the alarms that are due, one by one. Each stands for a change in a queue that no
 * instruction reports: a reset has ended, a delayed reply is ready, a reset dropped a message that
 * someone waits for, or a queue that rejected an instruction may accept it now. machine_alarm_next:
 * 0 for none.
 */
#define MACHINE_TRY_AGAIN_NS UINT64_C(40000000)
uint64_t machine_alarm_next(const struct machine *m);
bool machine_alarm_take(struct machine *m, uint64_t now, ap_qn *qn);

/* Computes a reply at once and appends it to reply. */
struct machine_firmware {
    void (*answer)(void *ctx, const struct machine_job *request, const struct adapter_config *card,
                   unsigned domains, struct text *reply);
    void *ctx;
};

/* NULL: none; nothing is answered then. */
void machine_set_firmware(struct machine *m, const struct machine_firmware *firmware);

void machine_set_online(struct machine *m, unsigned apid, bool online);
void machine_set_checkstop(struct machine *m, unsigned apid, bool checkstopped);
void machine_set_lpar_adapter(struct machine *m, unsigned apid, bool in_lpar);
void machine_set_lpar_domain(struct machine *m, unsigned domain, bool usage);
void machine_set_lpar_control(struct machine *m, unsigned domain, bool control);

/* A hardware event: adapters, domains and highest numbers are replaced by those of config. The rest
 * of config is ignored. */
void machine_replace(struct machine *m, const struct machine_config *config,
                     const struct mask256 *checkstopped);

/*
 * SCLP Configure / Deconfigure Adjunct Processor [se-sclp]. Command word to response code: 0x0020
 * done, 0x0120 already in that state, 0x09f0 adapter not recognised, 0x01f0 not a valid command.
 */
#define SCLP_CONFIGURE_AP   0x001f0001u
#define SCLP_DECONFIGURE_AP 0x001e0001u
#define SCLP_RC_DONE        0x0020u
#define SCLP_RC_NO_ACTION   0x0120u
#define SCLP_RC_INVALID     0x01f0u
#define SCLP_RC_NO_SUCH_AP  0x09f0u

uint16_t machine_sclp(struct machine *m, uint32_t word);

#endif
