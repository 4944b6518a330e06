/* SPDX-License-Identifier: MIT */
#include "machine/queue.h"

#include <stdlib.h>
#include <string.h>

#include "message/outcome.h"

static uint64_t job_new(struct job_table *jobs, struct message *m)
{
    if (jobs->fresh_count == jobs->fresh_capacity) {
        jobs->fresh_capacity = jobs->fresh_capacity ? jobs->fresh_capacity * 2 : 16;
        jobs->fresh = xrealloc(jobs->fresh, jobs->fresh_capacity * sizeof *jobs->fresh);
    }
    return jobs->fresh[jobs->fresh_count++] = slots_add(&jobs->messages, m);
}

struct message *job_find(const struct job_table *jobs, uint64_t id)
{
    return slots_get(&jobs->messages, id);
}

void job_end(struct job_table *jobs, uint64_t id)
{
    slots_remove(&jobs->messages, id);
}

bool job_next_fresh(struct job_table *jobs, uint64_t *id)
{
    while (jobs->fresh_count) {
        *id = jobs->fresh[jobs->fresh_taken++];
        if (jobs->fresh_taken == jobs->fresh_count)
            jobs->fresh_taken = jobs->fresh_count = 0;
        if (job_find(jobs, *id)) /* else reset by the same command that sent it */
            return true;
    }
    return false;
}

void job_table_done(struct job_table *jobs)
{
    slots_done(&jobs->messages);
    free(jobs->fresh);
    *jobs = (struct job_table){0};
}

/* Requests may hold clear keys, so their memory is wiped before it is freed. */
static void bytes_free(struct message *m)
{
    if (m->bytes)
        explicit_bzero(m->bytes, m->len);
    free(m->bytes);
    m->bytes = NULL;
}

static void message_free(struct message_queue *q, struct message *m)
{
    TAILQ_REMOVE(&q->messages, m, next);
    q->count--;
    q->ready -= m->ready;
    if (q->came > q->ready)
        q->came = q->ready;
    bytes_free(m);
    free(m);
}

void message_queue_flush(struct message_queue *q, struct job_table *jobs)
{
    struct message *m;

    while ((m = TAILQ_FIRST(&q->messages))) {
        if (!m->ready && !m->due)
            job_end(jobs, m->job);
        message_free(q, m);
    }
}

void message_queue_add(struct message_queue *q, struct job_table *jobs, ap_qn qn, uint64_t psmid,
                       const uint8_t *data, size_t len)
{
    struct message *m = xcalloc(1, sizeof *m);

    m->psmid = psmid;
    m->len = (uint32_t)len;
    m->bytes = xcalloc(1, len);
    memcpy(m->bytes, data, len);
    m->qn = qn;
    m->job = job_new(jobs, m);
    TAILQ_INSERT_TAIL(&q->messages, m, next);
    q->count++;
}

void message_answer(struct message *m, const uint8_t *reply, size_t len)
{
    bytes_free(m);
    m->bytes = xcalloc(1, len);
    memcpy(m->bytes, reply, len);
    m->len = (uint32_t)len;
}

void message_hold(struct message_queue *q, struct message *m, uint64_t due)
{
    m->error = m->len > 1 && (m->bytes[1] == REPLY_TYPE82 || m->bytes[1] == REPLY_TYPE88);
    m->due = due;
    m->ready = !due;
    q->ready += m->ready;
    q->came += m->ready;
}

void message_queue_release(struct message_queue *q, uint64_t now)
{
    struct message *m;

    TAILQ_FOREACH (m, &q->messages, next)
        if (m->due && m->due <= now)
            message_hold(q, m, 0);
}

struct message *message_queue_ready(const struct message_queue *q)
{
    struct message *m;

    TAILQ_FOREACH (m, &q->messages, next)
        if (m->ready)
            return m;
    return NULL;
}

uint32_t message_deliver(struct message_queue *q, struct message *m, size_t room, struct text *out)
{
    uint32_t rest = m->len - m->delivered;
    uint32_t now = room < rest ? (uint32_t)room : rest;

    text_add_private(out, (const char *)m->bytes + m->delivered, now);
    m->delivered += now;
    rest -= now;
    if (!rest) {
        message_free(q, m);
    } else if (m->delivered) { /* its remaining parts come next */
        TAILQ_REMOVE(&q->messages, m, next);
        TAILQ_INSERT_HEAD(&q->messages, m, next);
    }
    return rest;
}
