/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "machine/fault.h"
#include "play.h"

/* The adapters of a play. They echo the tag of the request, refuse it, or answer for a job that has
 * ended. */

static const uint8_t magic[8] = {'M', 'o', 'D', 'e', 'L', 't', 'A', 'g'};

static void put32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void tag_put(uint8_t *at, unsigned owner, uint32_t number)
{
    memcpy(at, magic, sizeof magic);
    put32(at + 8, owner);
    put32(at + 12, number);
}

bool tag_find(const uint8_t *data, size_t len, unsigned *owner, uint32_t *number)
{
    const uint8_t *at = len >= TAG_BYTES ? memmem(data, len, magic, sizeof magic) : NULL;

    if (!at || (size_t)(at - data) + TAG_BYTES > len)
        return false;
    *owner = get32(at + 8);
    *number = get32(at + 12);
    return true;
}

void reply_fill(uint8_t *at, unsigned owner, uint32_t number, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(number * 7 + i * 13);
    tag_put(at, owner, number);
}

#define REPLY_MAX 700u

/* [messages-type80]: header and 128 bytes of result, which is the input. */
static size_t reply_type80(const uint8_t *request, size_t len, uint8_t *out)
{
    memset(out, 0, 16);
    out[1] = 0x80;
    out[3] = 16 + 128;
    memcpy(out + 16, request + len - 128, 128);
    return 16 + 128;
}

/* [messages-type86]: envelope, block of the request, and the result of the service. */
static size_t reply_type86(const uint8_t *request, size_t len, uint8_t *out)
{
    bool ep11 = request[32] == 'X';
    size_t block = ep11 ? 32 : 220, n = 48 + block;
    unsigned owner = 0;
    uint32_t number = 0;

    tag_find(request, len, &owner, &number);
    memset(out, 0, 48);
    out[1] = 0x86;
    out[2] = 2;
    put32(out + 20, 48);
    memcpy(out + 48, request + 88, block);
    if (!ep11 && request[88 + 220] == 'P') { /* clear-key RSA, "PK" or "PD"; no other is sent */
        memcpy(out + n, request + 88 + 220, 2);
        memcpy(out + n + 2, "\0\2", 2);
        out[n + 4] = 0;
        out[n + 5] = 128 + 2;
        memcpy(out + n + 6, request + 88 + 220 + 2 + 10 + 2, 128);
        n += 6 + 128;
        out[n] = out[n + 1] = 0;
        n += 2;
    } else {
        tag_put(out + n, owner, number);
        n += TAG_BYTES;
    }
    put32(out + 16, (uint32_t)(n - 48));
    return n;
}

static size_t reply_error(uint8_t code, uint8_t *out)
{
    memset(out, 0, 8);
    out[1] = 0x82;
    out[4] = code;
    return 8;
}

enum how { NORMAL, TO_BLAME, ELSEWHERE };

static size_t reply_of(const struct inside *m, const struct core_job *job, enum how how,
                       uint64_t value, uint8_t *out)
{
    if (m->zcrypt && how != NORMAL)
        return reply_error(how == TO_BLAME ? 0x82 : 0x90, out);
    if (m->zcrypt && job->request[1] == 0x50)
        return reply_type80(job->request, job->len, out);
    if (m->zcrypt)
        return reply_type86(job->request, job->len, out);
    value = TAG_BYTES + value % (REPLY_MAX - TAG_BYTES);
    reply_fill(out, m->owner, m->number, value);
    return value;
}

static struct inside *find_job(struct requests *r, uint64_t job, unsigned *ai, unsigned *di)
{
    for (*ai = 0; *ai < APIDS; ++*ai)
        for (*di = 0; *di < APQIS; ++*di)
            for (unsigned i = 0; i < r->queue[*ai][*di].count; i++)
                if (r->queue[*ai][*di].v[i].job == job &&
                    r->queue[*ai][*di].v[i].state == COMPUTING)
                    return &r->queue[*ai][*di].v[i];
    return NULL;
}

static void job_over(struct requests *r, uint64_t job)
{
    r->stale[r->stale_count++ % STALE_MAX] = job;
}

/* The reply is in the queue: a zcrypt fetches it; a client is notified if it enabled that. */
static void answered(struct play *p, struct inside *m, unsigned ai, unsigned di, size_t len,
                     uint64_t delay)
{
    struct inside_queue *q = &p->requests.queue[ai][di];
    bool reached = owner_reaches(&p->requests, m->owner, ai, di);

    job_over(&p->requests, m->job);
    m->len = (uint32_t)len;
    m->due = delay ? p->now + delay : 0;
    m->state = delay ? HELD : READY;
    if (!delay && m->zcrypt && reached)
        inside_remove(q, m);
    else if (!delay && reached && is_told(q, m))
        q->told++;
}

static int job_done(struct play *p, uint64_t job, const uint8_t *data, size_t len)
{
    struct command cmd = {
        .kind = CMD_JOB_DONE, .now = p->now, .job = {.id = job, .data = data, .len = len}};

    return play_execute(p, &cmd);
}

static void answer(struct play *p, uint64_t id, enum how how, uint64_t value)
{
    const struct fault_entry *bad, *late;
    uint8_t reply[REPLY_MAX];
    struct core_job job;
    unsigned ai, di;
    struct inside *m = find_job(&p->requests, id, &ai, &di), was = *m;
    const struct call *call =
        m->zcrypt && !m->orphan ? call_by_number(&p->requests, m->number) : NULL;
    uint64_t token = call ? call->token : 0;
    bool damaged;
    uint64_t delay;
    size_t len;
    int rc;

    if (core_job_get(p->core, id, &job) < 0) {
        play_fail(p, "a job has vanished");
        return;
    }
    len = reply_of(m, &job, how, value, reply);
    bad = fault_first(p, FAULT_BIT(FAULT_BAD_REPLY), ai, di, false);
    late = fault_first(p, FAULT_BIT(FAULT_DELAY), ai, di, false);
    damaged = bad != NULL;
    delay = late ? late->rule.time : 0;
    if (bad)
        fault_damage_reply(&bad->rule, reply, &len);
    answered(p, m, ai, di, len, delay);
    len = reply_of(&was, &job, how, value, reply);
    rc = job_done(p, id, reply, len);
    if (rc != 0)
        play_fail(p, "the answer to a job gives %d", rc);
    p->expect_token = token && !delay && !damaged && how != ELSEWHERE ? token : 0;
    p->expect_value = how == TO_BLAME ? -EINVAL : 0;
}

bool answer_now(struct play *p, uint64_t job)
{
    answer(p, job, NORMAL, 100);
    return !p->why.len;
}

static uint64_t pick_job(struct requests *r, uint64_t pick)
{
    uint64_t jobs[APIDS * APQIS * INSIDE_MAX];
    unsigned n = 0;

    for (unsigned ai = 0; ai < APIDS; ai++)
        for (unsigned di = 0; di < APQIS; di++)
            for (unsigned i = 0; i < r->queue[ai][di].count; i++)
                if (r->queue[ai][di].v[i].state == COMPUTING)
                    jobs[n++] = r->queue[ai][di].v[i].job;
    return n ? jobs[pick % n] : 0;
}

/* value selects the job and the kind of reply; on: a job that has ended. */
int execute_job(struct play *p, const struct step *s)
{
    struct requests *r = &p->requests;
    unsigned how = s->value >> 32 & 0xff;
    uint8_t foreign[64];
    uint64_t job;

    if (s->on) {
        unsigned n = r->stale_count < STALE_MAX ? r->stale_count : STALE_MAX;

        job = n ? r->stale[s->value % n] : s->value;
        reply_fill(foreign, 0xbad, 0xbad, sizeof foreign);
        p->wanted.result = -ESTALE;
        return job_done(p, job, foreign, sizeof foreign);
    }
    p->wanted.result = 0;
    job = pick_job(r, s->value & 0xffffffff);
    if (job)
        answer(p, job, how < 80 ? NORMAL : how < 90 ? TO_BLAME : ELSEWHERE, s->value >> 40);
    return 0;
}
