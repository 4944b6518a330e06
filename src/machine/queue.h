/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_QUEUE_H
#define APUS_MACHINE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/apqn.h"
#include "base/slots.h"
#include "base/text.h"
#include "machine/counts.h"

/*
 * The messages in AP queues. From NQAP on a message is a job until it is computed; then its reply
 * waits for DQAP. Each accepted message ends in exactly one reply or one reset.
 */
struct message {
    TAILQ_ENTRY(message) next;
    uint64_t psmid, job;
    ap_qn qn;
    uint32_t delivered; /* bytes of the reply already fetched by DQAP */
    bool ready;         /* bytes holds the reply, available to DQAP */
    bool error;         /* bytes holds an error reply */
    uint64_t due;       /* bytes holds the reply, which is delayed until then; 0: not delayed */
    uint32_t len;
    uint8_t *bytes;
};

struct message_queue {
    TAILQ_HEAD(, message) messages;
    unsigned count, ready;
    unsigned came;           /* ready replies not yet reported */
    struct ap_counts counts; /* but for resets and zeroized, which queues without messages have */
};

/* The messages that adapters are working on, by job id. */
struct job_table {
    struct slots messages;
    uint64_t *fresh; /* jobs not yet reported; some may be over */
    uint32_t fresh_count, fresh_taken, fresh_capacity;
};

/* Removes all messages and their jobs. */
void message_queue_flush(struct message_queue *q, struct job_table *jobs);

/* Takes a copy of the request. */
void message_queue_add(struct message_queue *q, struct job_table *jobs, ap_qn qn, uint64_t psmid,
                       const uint8_t *data, size_t len);

/* Replaces the request by a copy of the reply. message_hold must follow. */
void message_answer(struct message *m, const uint8_t *reply, size_t len);

/* The reply is ready at once (due 0), or delayed until it is released. */
void message_hold(struct message_queue *q, struct message *m, uint64_t due);
void message_queue_release(struct message_queue *q, uint64_t now);

/* The message whose reply DQAP returns next: a partly delivered one, else the first ready one.
 * NULL: none. */
struct message *message_queue_ready(const struct message_queue *q);

/* Delivers up to room bytes of the reply; the message is removed with its last byte. Returns how
 * many remain. */
uint32_t message_deliver(struct message_queue *q, struct message *m, size_t room, struct text *out);

/* NULL: the job is over (done, or its queue was reset). */
struct message *job_find(const struct job_table *jobs, uint64_t id);
void job_end(struct job_table *jobs, uint64_t id);

/* The next job not yet reported, oldest first. false: none. */
bool job_next_fresh(struct job_table *jobs, uint64_t *id);
void job_table_done(struct job_table *jobs);

#endif
