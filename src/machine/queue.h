/* SPDX-License-Identifier: MIT */
#ifndef APUS_MACHINE_QUEUE_H
#define APUS_MACHINE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/apqn.h"
#include "base/slots.h"
#include "base/text.h"

/*
 * The messages inside AP queues. A message is computed from the moment NQAP accepted it until its
 * job is done; then its reply waits for DQAP. Each accepted message ends in exactly one reply or
 * one reset.
 */
struct message {
    TAILQ_ENTRY(message) next;
    uint64_t psmid, job;
    ap_qn qn;
    uint32_t delivered; /* bytes of the reply that DQAP has handed out */
    bool ready;         /* bytes holds the reply, and DQAP may have it */
    uint64_t due;       /* bytes holds the reply, which is held back until then; 0: it is not */
    uint32_t len;
    uint8_t *bytes;
};

struct message_queue {
    TAILQ_HEAD(, message) messages;
    unsigned count, ready;
    unsigned came; /* of the ready ones those of which nobody has been told */
};

/* The messages that an adapter is working on, by the number of their job. */
struct job_table {
    struct slots messages;
    uint64_t *fresh; /* jobs nobody has been told of, some of them over */
    uint32_t fresh_count, fresh_taken, fresh_capacity;
};

/* Everything that is inside goes, and its jobs with it. */
void message_queue_flush(struct message_queue *q, struct job_table *jobs);

/* Takes a copy of the request. */
void message_queue_add(struct message_queue *q, struct job_table *jobs, ap_qn qn, uint64_t psmid,
                       const uint8_t *data, size_t len);

/* The request's bytes are replaced by a copy of the reply; message_hold has to follow. */
void message_answer(struct message *m, const uint8_t *reply, size_t len);

/* The reply is ready at once (due 0), or held back until somebody releases it. */
void message_hold(struct message_queue *q, struct message *m, uint64_t due);
void message_queue_release(struct message_queue *q, uint64_t now);

/* The message with a reply that DQAP gives next: one of which a part has been delivered, or else
 * the first. NULL: there is none. */
struct message *message_queue_ready(const struct message_queue *q);

/* Hands out up to room bytes of the reply; the message leaves the queue with its last byte. Returns
 * what remains. */
uint32_t message_deliver(struct message_queue *q, struct message *m, size_t room, struct text *out);

/* NULL if the job is over, because it was done or its queue was reset. */
struct message *job_find(const struct job_table *jobs, uint64_t id);
void job_end(struct job_table *jobs, uint64_t id);

/* Jobs nobody has been told of, oldest first. false: none. */
bool job_next_fresh(struct job_table *jobs, uint64_t *id);
void job_table_done(struct job_table *jobs);

#endif
