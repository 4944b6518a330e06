/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_FAULT_WORLD_H
#define APUS_TESTS_FAULT_WORLD_H

#include "core_world.h"
#include "crypto/firmware.h"

/* A core under faults, in which the test decides when time passes and when adapters compute. */

#define N  128
#define MS UINT64_C(1000000)

static uint64_t jobs[64];
static unsigned job_count;
static int64_t results[64]; /* by token; 1: none yet */

static inline void take(struct world *w)
{
    for (size_t i = 0; i < w->fx.count; i++) {
        const struct effect *e = &w->fx.v[i];

        if (e->kind == EFFECT_JOB)
            jobs[job_count++] = e->node;
        else if (e->kind == EFFECT_REPLY)
            results[e->node] = e->value;
    }
}

static inline int do_it(struct world *w, struct command *cmd)
{
    int rc = run(w, cmd);

    take(w);
    return rc;
}

/* Fires the timer that is due first, up to end; false: none is. */
static inline bool fire(struct world *w, uint64_t end)
{
    bool alarm = w->alarm && (!w->patience || w->alarm <= w->patience);
    uint64_t *first = alarm ? &w->alarm : &w->patience;
    struct command timer = {.kind = CMD_TIMER,
                            .timer = {.id = alarm ? TIMER_ALARM : TIMER_REQUESTS}};

    if (!*first || *first > end)
        return false;
    w->now = *first;
    *first = 0;
    assert_int_equal(do_it(w, &timer), 0);
    return true;
}

/* Lets time pass, and fires each timer when it is due. */
static inline void pass(struct world *w, uint64_t ns)
{
    uint64_t end = w->now + ns;

    while (fire(w, end))
        ;
    w->now = end;
}

static inline int64_t fault(struct world *w, const char *rule)
{
    struct command cmd = {.kind = CMD_FAULT_ADD, .fault = {.text = rule, .len = strlen(rule)}};

    assert_int_equal(do_it(w, &cmd), 0);
    return w->reply.value;
}

static inline int unfault(struct world *w, int64_t number)
{
    struct command cmd = {.kind = CMD_FAULT_REMOVE, .fault = {.number = (uint32_t)number}};

    return do_it(w, &cmd);
}

static inline int send_from(struct world *w, unsigned tree, uint64_t token)
{
    static uint8_t input[N], exponent[N], modulus[N];
    struct command cmd = {
        .kind = CMD_ZCRYPT,
        .token = token,
        .zcrypt = {.tree = tree,
                   .request = {.kind = ZCRYPT_RSA,
                               .node = ZCRYPT_Z90CRYPT,
                               .rsa = rsa_request_me(N, input, exponent, modulus)}}};

    memset(input, 0x11, N);
    exponent[N - 1] = 3;
    memset(modulus, 0xef, N);
    results[token] = 1;
    return do_it(w, &cmd);
}

static inline int send(struct world *w, uint64_t token)
{
    return send_from(w, CORE_HOST_TREE, token);
}

static inline uint64_t next_job(struct world *w, ap_qn *qn)
{
    struct core_job job;
    uint64_t id;

    assert_true(job_count > 0);
    id = jobs[0];
    memmove(jobs, jobs + 1, --job_count * sizeof *jobs);
    assert_int_equal(core_job_get(w->core, id, &job), 0);
    *qn = job.qn;
    return id;
}

/* Lets the adapter compute the oldest job. Returns its queue. */
static inline ap_qn compute(struct world *w)
{
    struct crypto_card card = {.mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
    struct command done = {.kind = CMD_JOB_DONE};
    uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer reply = buffer_of(room, sizeof room);
    struct core_job job;
    ap_qn qn;

    done.job.id = next_job(w, &qn);
    assert_int_equal(core_job_get(w->core, done.job.id, &job), 0);
    assert_int_equal(crypto_answer(&card, NULL, span_of(job.request, job.len), NULL, &reply), 0);
    done.job.data = reply.data;
    done.job.len = reply.len;
    assert_int_equal(do_it(w, &done), 0);
    return qn;
}

/* The host has only the accelerator 6, only its domain 4, or both. */
static inline void only_adapter_6(struct world *w)
{
    job_count = 0;
    assert_int_equal(put(w, "bus/ap/apmask", "0x02"), 0);
}

static inline void only_queue(struct world *w)
{
    only_adapter_6(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0);
}

#define Q "bus/ap/devices/06.0004/"

#endif
