/* SPDX-License-Identifier: MIT */
#ifndef APUS_TESTS_ZCRYPT_WORLD_H
#define APUS_TESTS_ZCRYPT_WORLD_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "crypto/firmware.h"
#include "unit.h"

/*
 * A core and its zcrypt. The test takes the adapters' place and decides when and how they answer;
 * the firmware computes correct answers where they are needed.
 */

#define N 128

struct world {
    struct core *core;
    struct effects fx;
    struct reply reply;
    uint64_t jobs[64];
    unsigned job_count;
    int64_t result[64]; /* by token; 1: none yet */
    struct text data;   /* of the last reply */
    uint8_t input[N], exponent[N], modulus[N];
};

static inline void take_effects(struct world *w)
{
    for (size_t i = 0; i < w->fx.count; i++) {
        const struct effect *e = &w->fx.v[i];

        if (e->kind == EFFECT_JOB)
            w->jobs[w->job_count++] = e->node;
        if (e->kind != EFFECT_REPLY)
            continue;
        w->result[e->node] = e->value;
        text_clear(&w->data);
        text_add(&w->data, effect_text(&w->fx, e), e->len);
    }
}

static inline int run(struct world *w, struct command *cmd)
{
    effects_clear(&w->fx);
    reply_done(&w->reply);
    core_execute(w->core, cmd, &w->fx, &w->reply);
    take_effects(w);
    return w->reply.result;
}

static inline int start(void **state, const struct machine_config *config)
{
    struct world *w = calloc(1, sizeof *w);

    w->core = core_new(config, &w->fx);
    for (unsigned i = 0; i < 64; i++)
        w->result[i] = 1;
    memset(w->input, 0x11, N);
    w->input[0] = 1;
    w->exponent[N - 1] = w->exponent[N - 3] = 1;
    memset(w->modulus, 0xee, N);
    w->modulus[N - 1] = 0xef;
    *state = w;
    return 0;
}

static inline int set_up(void **state)
{
    struct machine_config config;

    machine_config_default(&config);
    assert_int_equal(machine_adapter_type_parse("CEX5A", &config.adapters[7]), 0);
    config.adapters[7].configured = config.adapters[7].in_lpar = true;
    return start(state, &config);
}

static inline int tear_down(void **state)
{
    struct world *w = *state;

    core_free(w->core);
    effects_done(&w->fx);
    reply_done(&w->reply);
    text_done(&w->data);
    free(w);
    return 0;
}

static inline int put(struct world *w, const char *path, const char *value)
{
    struct command cmd = {.kind = CMD_STORE, .store = {.data = value, .len = strlen(value)}};
    int rc = sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &cmd.store.ino);

    return rc < 0 ? rc : run(w, &cmd);
}

static inline const char *get(struct world *w, const char *path)
{
    static struct text out;
    sysfs_ino ino;

    text_clear(&out);
    assert_int_equal(sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &ino), 0);
    assert_int_equal(sysfs_show(core_tree(w->core, CORE_HOST_TREE), ino, &out), 0);
    return out.data;
}

static inline uint32_t open_node(struct world *w, const char *name)
{
    char path[64];
    uint32_t node;
    sysfs_ino ino;

    snprintf(path, sizeof path, "dev/%s", name);
    assert_int_equal(sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &ino), 0);
    assert_int_equal(core_open(w->core, CORE_HOST_TREE, ino, &node), 0);
    return node;
}

static inline int send_to(struct world *w, uint32_t node, uint64_t token)
{
    struct command cmd = {
        .kind = CMD_ZCRYPT,
        .token = token,
        .zcrypt = {.request = {.kind = ZCRYPT_RSA,
                               .node = node,
                               .rsa = rsa_request_me(N, w->input, w->exponent, w->modulus)}}};

    return run(w, &cmd);
}

static inline int send(struct world *w, uint64_t token)
{
    return send_to(w, ZCRYPT_Z90CRYPT, token);
}

static inline int job_done(struct world *w, uint64_t id, const void *data, size_t len)
{
    struct command cmd = {.kind = CMD_JOB_DONE, .job = {.id = id, .data = data, .len = len}};

    return run(w, &cmd);
}

static inline uint64_t next_job(struct world *w)
{
    uint64_t id;

    assert_true(w->job_count > 0);
    id = w->jobs[0];
    memmove(w->jobs, w->jobs + 1, --w->job_count * sizeof *w->jobs);
    return id;
}

static inline ap_qn job_queue(struct world *w, uint64_t id)
{
    struct core_job job;

    assert_int_equal(core_job_get(w->core, id, &job), 0);
    return job.qn;
}

static inline void compute(struct world *w, uint64_t id)
{
    struct crypto_card card = {.mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
    uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer reply = buffer_of(room, sizeof room);
    struct core_job job;

    assert_int_equal(core_job_get(w->core, id, &job), 0);
    assert_int_equal(crypto_answer(&card, NULL, span_of(job.request, job.len), NULL, &reply), 0);
    assert_int_equal(job_done(w, id, reply.data, reply.len), 0);
}

static inline void error_reply(struct world *w, uint64_t id, uint8_t code)
{
    uint8_t reply[8] = {0, 0x82, 0, 0, code};

    assert_int_equal(job_done(w, id, reply, sizeof reply), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
