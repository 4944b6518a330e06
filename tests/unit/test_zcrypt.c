/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "core/query.h"
#include "crypto/firmware.h"

/*
 * Requests through a device node: chosen queue, retries, errors (spec 3.3). The test plays the
 * adapters, so it decides when and what they answer; the firmware computes where a right answer is
 * wanted.
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

static void take_effects(struct world *w)
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

static int run(struct world *w, struct command *cmd)
{
    effects_clear(&w->fx);
    reply_done(&w->reply);
    core_execute(w->core, cmd, &w->fx, &w->reply);
    take_effects(w);
    return w->reply.result;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct machine_config config;

    machine_config_default(&config);
    assert_int_equal(machine_adapter_type_parse("CEX5A", &config.adapters[7]), 0);
    config.adapters[7].configured = config.adapters[7].in_lpar = true;
    w->core = core_new(&config, &w->fx);
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

static int tear_down(void **state)
{
    struct world *w = *state;

    core_free(w->core);
    effects_done(&w->fx);
    reply_done(&w->reply);
    text_done(&w->data);
    free(w);
    return 0;
}

static int put(struct world *w, const char *path, const char *value)
{
    struct command cmd = {.kind = CMD_STORE, .store = {.data = value, .len = strlen(value)}};
    int rc = sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &cmd.store.ino);

    return rc < 0 ? rc : run(w, &cmd);
}

static const char *get(struct world *w, const char *path)
{
    static struct text out;
    sysfs_ino ino;

    text_clear(&out);
    assert_int_equal(sysfs_resolve(core_tree(w->core, CORE_HOST_TREE), path, &ino), 0);
    assert_int_equal(sysfs_show(core_tree(w->core, CORE_HOST_TREE), ino, &out), 0);
    return out.data;
}

static int send_to(struct world *w, uint32_t node, uint64_t token)
{
    struct command cmd = {
        .kind = CMD_ZCRYPT,
        .token = token,
        .zcrypt = {.request = {.kind = ZCRYPT_RSA,
                               .node = node,
                               .rsa = rsa_request_me(N, w->input, w->exponent, w->modulus)}}};

    return run(w, &cmd);
}

static int send(struct world *w, uint64_t token)
{
    return send_to(w, ZCRYPT_Z90CRYPT, token);
}

static int job_done(struct world *w, uint64_t id, const void *data, size_t len)
{
    struct command cmd = {.kind = CMD_JOB_DONE, .job = {.id = id, .data = data, .len = len}};

    return run(w, &cmd);
}

static uint64_t next_job(struct world *w)
{
    uint64_t id;

    assert_true(w->job_count > 0);
    id = w->jobs[0];
    memmove(w->jobs, w->jobs + 1, --w->job_count * sizeof *w->jobs);
    return id;
}

static ap_qn job_queue(struct world *w, uint64_t id)
{
    struct core_job job;

    assert_int_equal(core_job_get(w->core, id, &job), 0);
    return job.qn;
}

static void compute(struct world *w, uint64_t id)
{
    struct crypto_card card = {.mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
    uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer reply = buffer_of(room, sizeof room);
    struct core_job job;

    assert_int_equal(core_job_get(w->core, id, &job), 0);
    assert_int_equal(crypto_answer(&card, NULL, span_of(job.request, job.len), NULL, &reply), 0);
    assert_int_equal(job_done(w, id, reply.data, reply.len), 0);
}

static void error_reply(struct world *w, uint64_t id, uint8_t code)
{
    uint8_t reply[8] = {0, 0x82, 0, 0, code};

    assert_int_equal(job_done(w, id, reply, sizeof reply), 0);
}

static void test_right_answer(void **state)
{
    struct world *w = *state;
    struct zcrypt_reply reply;
    uint64_t id;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "1\n");
    id = next_job(w);
    assert_int_equal(AP_QN_APID(job_queue(w, id)), 6);
    compute(w, id);
    assert_int_equal(w->result[1], 0);
    assert_int_equal(zcrypt_reply_parse(w->data.data, w->data.len, &reply), 0);
    assert_int_equal(reply.data.len, N);
    assert_int_equal(reply.control.len, 0);
    assert_string_equal(get(w, "devices/ap/card06/request_count"), "1\n");
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/load"), "0\n");
}

/* Two equal cards share the work; the coprocessor gets some when both are busier than it is slow.
 */
static void test_balance(void **state)
{
    struct world *w = *state;
    unsigned on_card[AP_IDS] = {0};

    for (uint64_t token = 1; token <= 8; token++) {
        assert_int_equal(send(w, token), -EINPROGRESS);
        on_card[AP_QN_APID(job_queue(w, w->jobs[token - 1]))]++;
    }
    assert_true(on_card[6] >= 3 && on_card[7] >= 3);
    assert_int_equal(on_card[5] + on_card[6] + on_card[7], 8);
}

static void test_error_codes(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    error_reply(w, next_job(w), ERROR_EVEN_MODULUS);
    assert_int_equal(w->result[1], -EINVAL);
    assert_int_equal(w->job_count, 0);
}

static void test_retry_goes_elsewhere_and_ends(void **state)
{
    struct world *w = *state;
    ap_qn last = 0;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t id = next_job(w);

        assert_int_not_equal(job_queue(w, id), last);
        last = job_queue(w, id);
        assert_int_equal(w->result[1], 1);
        error_reply(w, id, ERROR_MACHINE_FAILURE);
    }
    assert_int_equal(w->job_count, 0);
    assert_int_equal(w->result[1], -EIO);
}

static void test_queue_vanishes_under_request(void **state)
{
    struct world *w = *state;
    struct command off = {.kind = CMD_SE_ADAPTER, .adapter = {.apid = 6}};
    uint64_t id;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    id = next_job(w);
    assert_int_equal(run(w, &off), 0);
    assert_int_equal(job_done(w, id, "late", 4), -ESTALE);
    assert_int_equal(w->result[1], 1);
    id = next_job(w);
    assert_int_equal(AP_QN_APID(job_queue(w, id)), 7);
    compute(w, id);
    assert_int_equal(w->result[1], 0);
}

static void test_no_queue_left(void **state)
{
    struct world *w = *state;

    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(put(w, "bus/ap/apmask", "0x0"), 0);
    assert_int_equal(w->result[1], -ENODEV);
    assert_int_equal(send(w, 2), -ENODEV);
    assert_int_equal(put(w, "bus/ap/apmask", "+0-255"), 0);
    w->job_count = 0;
    assert_int_equal(send(w, 3), -EINPROGRESS);
}

static void test_full_queue_waits(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, "bus/ap/apmask", "0x02"), 0); /* adapter 6 alone */
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0); /* domain 4 alone */
    for (uint64_t token = 1; token <= 10; token++)
        assert_int_equal(send(w, token), -EINPROGRESS);
    assert_string_equal(get(w, "devices/ap/card06/06.0004/pendingq_count"), "8\n");
    assert_string_equal(get(w, "devices/ap/card06/06.0004/requestq_count"), "2\n");
    while (w->job_count)
        compute(w, next_job(w));
    for (unsigned token = 1; token <= 10; token++)
        assert_int_equal(w->result[token], 0);
    assert_string_equal(get(w, "devices/ap/card06/06.0004/requestq_count"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/06.0004/load"), "0\n");
}

static void test_unknown_reply_sets_offline(void **state)
{
    struct world *w = *state;
    uint64_t id;
    char path[64];

    assert_int_equal(send(w, 1), -EINPROGRESS);
    id = next_job(w);
    snprintf(path, sizeof path, "bus/ap/devices/%02x.%04x/online", AP_QN_APID(job_queue(w, id)),
             AP_QN_APQI(job_queue(w, id)));
    assert_int_equal(job_done(w, id, "garbage!", 8), 0);
    assert_string_equal(get(w, path), "0\n");
    assert_int_equal(w->result[1], 1);
    compute(w, next_job(w));
    assert_int_equal(w->result[1], 0);
}

static void test_node_masks(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, "class/zcrypt/create", "mine"), 0);
    assert_int_equal(zcrypt_ioctl_allowed(core_zcrypt(w->core, 0), 0, 5), -EPERM);
    assert_int_equal(put(w, "class/zcrypt/mine/ioctlmask", "+5"), 0);
    assert_int_equal(zcrypt_ioctl_allowed(core_zcrypt(w->core, 0), 0, 5), 0);
    assert_int_equal(send_to(w, 0, 1), -ENODEV);
    assert_int_equal(put(w, "class/zcrypt/mine/apmask", "+7"), 0);
    assert_int_equal(put(w, "class/zcrypt/mine/aqmask", "+0x47"), 0);
    assert_int_equal(send_to(w, 0, 2), -EINPROGRESS);
    assert_int_equal(job_queue(w, next_job(w)), AP_QN(7, 0x47));
}

static void test_cancel(void **state)
{
    struct world *w = *state;
    struct command cancel = {.kind = CMD_CANCEL, .token = 1};

    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(run(w, &cancel), 0);
    assert_string_equal(get(w, "devices/ap/card06/load"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "0\n");
    compute(w, next_job(w));
    assert_int_equal(w->result[1], 1);
    assert_string_equal(get(w, "devices/ap/card06/load"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "0\n");
}

static void test_bad_requests(void **state)
{
    struct world *w = *state;
    static uint8_t big[600];
    struct command cmd = {.kind = CMD_ZCRYPT,
                          .token = 1,
                          .zcrypt = {.request = {.kind = ZCRYPT_RSA, .node = ZCRYPT_Z90CRYPT}}};

    cmd.zcrypt.request.rsa = rsa_request_me(600, big, big, big);
    assert_int_equal(run(w, &cmd), -ENODEV);
    cmd.zcrypt.request.rsa = rsa_request_me(0, big, big, big);
    assert_int_equal(run(w, &cmd), -EINVAL);
    cmd.zcrypt.request.kind = ZCRYPT_CCA;
    cmd.zcrypt.request.control = span_of(big, 100);
    assert_int_equal(run(w, &cmd), -EINVAL);
    cmd.zcrypt.request.kind = ZCRYPT_EP11;
    assert_int_equal(run(w, &cmd), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_right_answer),
        TEST(test_balance),
        TEST(test_error_codes),
        TEST(test_retry_goes_elsewhere_and_ends),
        TEST(test_queue_vanishes_under_request),
        TEST(test_no_queue_left),
        TEST(test_full_queue_waits),
        TEST(test_unknown_reply_sets_offline),
        TEST(test_node_masks),
        TEST(test_cancel),
        TEST(test_bad_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
