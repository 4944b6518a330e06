/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "crypto/firmware.h"

#include "core_world.h"

/*
 * Faults at the door: what zcrypt makes of them for its callers (spec 3.3 to 3.5), and guests, who
 * get no queue whose reset has not ended (spec 4.10).
 */

#define N  128
#define MS UINT64_C(1000000)

static uint64_t jobs[64];
static unsigned job_count;
static int64_t results[64]; /* by token; 1: none yet */

static void take(struct world *w)
{
    for (size_t i = 0; i < w->fx.count; i++) {
        const struct effect *e = &w->fx.v[i];

        if (e->kind == EFFECT_JOB)
            jobs[job_count++] = e->node;
        else if (e->kind == EFFECT_REPLY)
            results[e->node] = e->value;
    }
}

static int do_it(struct world *w, struct command *cmd)
{
    int rc = run(w, cmd);

    take(w);
    return rc;
}

/* Time passes; the timer fires when it was set to, and never by itself. */
static void pass(struct world *w, uint64_t ns)
{
    uint64_t end = w->now + ns;

    while (w->alarm && w->alarm <= end) {
        struct command timer = {.kind = CMD_TIMER, .timer = {.id = 3}};

        w->now = w->alarm;
        w->alarm = 0;
        assert_int_equal(do_it(w, &timer), 0);
    }
    w->now = end;
}

static int64_t fault(struct world *w, const char *rule)
{
    struct command cmd = {.kind = CMD_FAULT_ADD, .fault = {.text = rule, .len = strlen(rule)}};

    assert_int_equal(do_it(w, &cmd), 0);
    return w->reply.value;
}

static int unfault(struct world *w, int64_t number)
{
    struct command cmd = {.kind = CMD_FAULT_REMOVE, .fault = {.number = (uint32_t)number}};

    return do_it(w, &cmd);
}

static int send_from(struct world *w, unsigned tree, uint64_t token)
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

static int send(struct world *w, uint64_t token)
{
    return send_from(w, CORE_HOST_TREE, token);
}

static uint64_t next_job(struct world *w, ap_qn *qn)
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

/* The adapter computes the oldest job. Returns the queue it was in. */
static ap_qn compute(struct world *w)
{
    struct crypto_card card = {.mode = CRYPTO_ACCELERATOR, .me4k = true, .crt4k = true};
    struct command done = {.kind = CMD_JOB_DONE};
    uint8_t room[CRYPTO_REPLY_BYTES];
    struct buffer reply = buffer_of(room, sizeof room);
    struct core_job job;
    ap_qn qn;

    done.job.id = next_job(w, &qn);
    assert_int_equal(core_job_get(w->core, done.job.id, &job), 0);
    assert_int_equal(crypto_answer(&card, NULL, span_of(job.request, job.len), &reply), 0);
    done.job.data = reply.data;
    done.job.len = reply.len;
    assert_int_equal(do_it(w, &done), 0);
    return qn;
}

/* The host has the accelerator 6 alone, or with domain 4 alone, or that one queue. */
static void only_adapter_6(struct world *w)
{
    job_count = 0;
    assert_int_equal(put(w, "bus/ap/apmask", "0x02"), 0);
}

static void only_queue(struct world *w)
{
    only_adapter_6(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0);
}

#define Q "bus/ap/devices/06.0004/"

static void test_busy_goes_elsewhere(void **state)
{
    struct world *w = *state;
    ap_qn first, second;

    only_adapter_6(w);
    assert_int_equal(send(w, 1), -EINPROGRESS);
    first = compute(w);
    assert_int_equal(results[1], 0);
    fault(w, "06.* 1 busy");
    assert_int_equal(send(w, 2), -EINPROGRESS);
    second = compute(w);
    assert_int_equal(results[2], 0);
    assert_int_equal(AP_QN_APID(second), 6);
    assert_int_not_equal(first, second);
    assert_int_equal(core_faults(w->core)->v[0].hits, 1);
    /* Ten queues that refuse are enough. */
    fault(w, "* always busy");
    assert_int_equal(send(w, 3), -EIO);
    assert_int_equal(core_faults(w->core)->v[1].hits, 10);
}

static void test_full_waits(void **state)
{
    struct world *w = *state;
    int64_t always;

    only_queue(w);
    fault(w, "06.0004 2 full");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(job_count, 0);
    assert_string_equal(get(w, Q "requestq_count"), "1\n");
    pass(w, 39 * MS);
    assert_int_equal(job_count, 0);
    pass(w, 40 * MS);
    assert_int_equal(job_count, 0);
    pass(w, MS);
    compute(w);
    assert_int_equal(results[1], 0);
    always = fault(w, "06.0004 always full");
    assert_int_equal(send(w, 2), -EINPROGRESS);
    assert_int_equal(send(w, 3), -EINPROGRESS);
    assert_int_equal(w->alarm, 0);
    pass(w, 100000 * MS);
    assert_int_equal(job_count, 0);
    assert_int_equal(unfault(w, always), 0);
    assert_int_equal(job_count, 2);
    compute(w);
    compute(w);
    assert_int_equal(results[2], 0);
    assert_int_equal(results[3], 0);
    assert_string_equal(get(w, Q "load"), "0\n");
    assert_string_equal(get(w, Q "requestq_count"), "0\n");
}

static void test_delay(void **state)
{
    struct world *w = *state;

    only_queue(w);
    fault(w, "06.0004 1 delay 3s");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    compute(w);
    assert_int_equal(results[1], 1);
    assert_string_equal(get(w, Q "pendingq_count"), "1\n");
    assert_string_equal(get(w, Q "reset"), "Reset Timer armed.\n");
    pass(w, 2999 * MS);
    assert_int_equal(results[1], 1);
    pass(w, MS);
    assert_int_equal(results[1], 0);
    assert_string_equal(get(w, Q "reset"), "No Reset Timer set.\n");
}

/* A reply of an unknown type sets its queue offline; the request is answered by another one. */
static void test_bad_reply_type(void **state)
{
    struct world *w = *state;
    char path[40];
    ap_qn qn;

    only_adapter_6(w);
    fault(w, "06.* 1 bad-reply type");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    qn = compute(w);
    snprintf(path, sizeof path, "bus/ap/devices/06.%04x/online", AP_QN_APQI(qn));
    assert_string_equal(get(w, path), "0\n");
    assert_int_equal(results[1], 1);
    assert_int_not_equal(compute(w), qn);
    assert_int_equal(results[1], 0);
    /* The last queue that goes offline leaves nobody to ask. */
    fault(w, "06.* always bad-reply short");
    assert_int_equal(send(w, 2), -EINPROGRESS);
    for (int i = 0; i < 3; i++)
        compute(w);
    assert_int_equal(results[2], -ENODEV);
    assert_int_equal(job_count, 0);
}

static void test_bad_reply_length(void **state)
{
    struct world *w = *state;

    only_queue(w);
    fault(w, "* 1 bad-reply length");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    compute(w);
    assert_int_equal(results[1], -EMSGSIZE);
    assert_string_equal(get(w, Q "online"), "1\n");
}

static void test_bad_reply_code(void **state)
{
    struct world *w = *state;

    only_queue(w);
    fault(w, "* 1 bad-reply code=0x85");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    compute(w);
    assert_int_equal(results[1], -EINVAL);
    /* A code that does not blame the request is tried again, ten times in all. */
    fault(w, "* always bad-reply code=0x10");
    assert_int_equal(send(w, 2), -EINPROGRESS);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(results[2], 1);
        compute(w);
    }
    assert_int_equal(results[2], -EIO);
    assert_int_equal(job_count, 0);
    assert_string_equal(get(w, Q "load"), "0\n");
}

/* What is inside when the queue goes is computed elsewhere, or by nobody. */
static void test_deconfigured_in_flight(void **state)
{
    struct world *w = *state;
    char rule[40];
    int64_t first;
    ap_qn qn;

    /* Not domain 4: a card shows the state of its first queue. */
    only_adapter_6(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "-4,-0xff"), 0);
    assert_int_equal(send(w, 1), -EINPROGRESS);
    next_job(w, &qn);
    snprintf(rule, sizeof rule, "06.%04x always deconfigured", AP_QN_APQI(qn));
    first = fault(w, rule);
    snprintf(rule, sizeof rule, "bus/ap/devices/06.%04x/config", AP_QN_APQI(qn));
    assert_string_equal(get(w, rule), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/config"), "1\n");
    assert_int_not_equal(compute(w), qn);
    assert_int_equal(results[1], 0);
    assert_int_equal(send(w, 2), -EINPROGRESS);
    fault(w, "06.* always checkstop");
    assert_int_equal(results[2], -ENODEV);
    assert_string_equal(get(w, "devices/ap/card06/chkstop"), "1\n");
    assert_int_equal(send(w, 3), -ENODEV);
    job_count = 0;
    assert_int_equal(unfault(w, 0), 0);
    assert_string_equal(get(w, rule), "1\n");
    assert_int_equal(unfault(w, first), -ENOENT);
    assert_string_equal(w->reply.why.data,
                        "there is no fault 1; apus fault list shows those that are");
    assert_int_equal(send(w, 4), -EINPROGRESS);
    compute(w);
    assert_int_equal(results[4], 0);
}

/* Requests go to another queue while one is reset, or wait for its end. */
static void test_reset_by_attribute(void **state)
{
    struct world *w = *state;
    ap_qn qn;

    only_queue(w);
    fault(w, "06.0004 1 reset 2s");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    next_job(w, &qn);
    assert_int_equal(put(w, Q "reset", "1"), 0);
    take(w);
    assert_string_equal(get(w, Q "reset"), "Reset in progress.\n");
    assert_string_equal(get(w, Q "interrupt"), "Interrupts disabled.\n");
    assert_string_equal(get(w, Q "pendingq_count"), "0\n");
    assert_string_equal(get(w, Q "requestq_count"), "1\n");
    assert_int_equal(send(w, 2), -EINPROGRESS);
    pass(w, 1999 * MS);
    assert_int_equal(job_count, 0);
    pass(w, MS);
    assert_string_equal(get(w, Q "interrupt"), "Interrupts enabled.\n");
    assert_string_equal(get(w, Q "reset"), "Reset Timer armed.\n");
    assert_int_equal(job_count, 2);
    compute(w);
    compute(w);
    assert_int_equal(results[1], 0);
    assert_int_equal(results[2], 0);
    assert_string_equal(get(w, Q "reset"), "No Reset Timer set.\n");
}

static void test_reset_refused(void **state)
{
    struct world *w = *state;

    only_queue(w);
    fault(w, "06.0004 1 busy");
    assert_int_equal(put(w, Q "reset", "1"), 0);
    assert_string_equal(get(w, Q "reset"), "Reset in progress.\n");
    pass(w, 40 * MS);
    assert_string_equal(get(w, Q "reset"), "No Reset Timer set.\n");
}

static const struct apcb *apcb_of(struct world *w, const char *name)
{
    static struct apcb out;
    struct guest_info info;

    assert_int_equal(core_guest_find(w->core, name, &info), 0);
    out = (struct apcb){info.apm, info.aqm, info.adm};
    return &out;
}

static bool has(struct world *w, const char *name, ap_qn qn)
{
    return apcb_has(apcb_of(w, name), qn);
}

/* A guest starts without the adapter of which a queue is still being reset; it joins by itself. */
static void test_guest_waits_for_reset(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    fault(w, "05.0004 1 reset 2s");
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_false(has(w, "Guest1", AP_QN(5, 4)));
    assert_false(has(w, "Guest1", AP_QN(5, 0xab)));
    assert_true(has(w, "Guest1", AP_QN(6, 4)));
    assert_string_equal(get(w, "bus/ap/devices/05.0004/status"), "assigned\n");
    pass(w, 1999 * MS);
    assert_false(has(w, "Guest1", AP_QN(5, 4)));
    pass(w, MS);
    assert_true(has(w, "Guest1", AP_QN(5, 4)));
    assert_true(has(w, "Guest1", AP_QN(5, 0xab)));
    assert_string_equal(get(w, "bus/ap/devices/05.0004/status"), "in use\n");
}

/* What one guest lost is not passed to another before its reset has ended. */
static void test_next_guest_waits(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest2", UUID2), 0);
    fault(w, "06.00ab 1 reset 5s");
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_adapter", "6"), 0);
    assert_false(has(w, "Guest1", AP_QN(6, 4)));
    assert_int_equal(put(w, MATRIX UUID2 "/assign_adapter", "6"), 0);
    assert_int_equal(put(w, MATRIX UUID2 "/assign_domain", "4"), 0);
    assert_true(has(w, "Guest2", AP_QN(6, 4)));
    assert_int_equal(put(w, MATRIX UUID2 "/assign_domain", "0xab"), 0);
    assert_false(has(w, "Guest2", AP_QN(6, 4)));
    assert_false(has(w, "Guest2", AP_QN(6, 0xab)));
    pass(w, 4999 * MS);
    assert_false(has(w, "Guest2", AP_QN(6, 4)));
    pass(w, MS);
    assert_true(has(w, "Guest2", AP_QN(6, 4)));
    assert_true(has(w, "Guest2", AP_QN(6, 0xab)));
}

static uint32_t zeroized(struct world *w, ap_qn qn)
{
    struct apqn_info info;

    core_apqn_info(w->core, qn, &info);
    return info.zeroized;
}

/* A ZAPQ that the queue was too busy for is repeated, and until then the queue is nobody's. */
static void test_busy_zeroize_repeated(void **state)
{
    struct world *w = *state;
    uint32_t before;

    secure_and_create(w);
    before = zeroized(w, AP_QN(5, 4));
    fault(w, "05.0004 2 busy");
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_false(has(w, "Guest1", AP_QN(5, 4)));
    pass(w, 40 * MS);
    assert_false(has(w, "Guest1", AP_QN(5, 4)));
    pass(w, 40 * MS);
    assert_true(has(w, "Guest1", AP_QN(5, 4)));
    assert_true(zeroized(w, AP_QN(5, 4)) > before);
    assert_int_equal(w->alarm, 0);
}

/* A queue that is busy for good is withheld until the fault is taken away. */
static void test_busy_for_good(void **state)
{
    struct world *w = *state;
    int64_t number;

    secure_and_create(w);
    number = fault(w, "05.0004 always busy");
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_false(has(w, "Guest1", AP_QN(5, 4)));
    pass(w, 100000 * MS);
    assert_false(has(w, "Guest1", AP_QN(5, 4)));
    assert_int_equal(unfault(w, number), 0);
    assert_true(has(w, "Guest1", AP_QN(5, 4)));
}

/* Standby ends a wait: the queue counts as reset, and the hardware zeroizes it before it is back.
 */
static void test_standby_ends_wait(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    fault(w, "05.0004 1 reset 60s");
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_false(has(w, "Guest1", AP_QN(5, 4)));
    assert_int_equal(se_adapter(w, 5, false), 0);
    assert_int_equal(se_adapter(w, 5, true), 0);
    assert_true(has(w, "Guest1", AP_QN(5, 4)));
    pass(w, 100000 * MS);
    assert_true(has(w, "Guest1", AP_QN(5, 4)));
}

/* A queue goes back to zcrypt while it is being zeroized: requests wait for the end of that. */
static void test_back_to_zcrypt(void **state)
{
    struct world *w = *state;
    uint32_t before;

    only_adapter_6(w);
    assert_int_equal(put(w, "bus/ap/aqmask", "0x0"), 0);
    assert_string_equal(get(w, "bus/ap/devices/06.0004/status"), "unassigned\n");
    before = zeroized(w, AP_QN(6, 4));
    fault(w, "06.0004 1 reset 2s");
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0);
    assert_int_equal(zeroized(w, AP_QN(6, 4)), before + 1);
    assert_string_equal(get(w, Q "reset"), "Reset in progress.\n");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(job_count, 0);
    pass(w, 2000 * MS);
    compute(w);
    assert_int_equal(results[1], 0);
    /* And away again, with a reset that runs: nobody is passed the queue before its end. */
    assert_int_equal(put(w, CREATE, UUID1), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    fault(w, "06.0004 1 reset 2s");
    assert_int_equal(put(w, "bus/ap/aqmask", "0x0"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "6"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "4"), 0);
    assert_false(has(w, "Guest1", AP_QN(6, 4)));
    pass(w, 2000 * MS);
    assert_true(has(w, "Guest1", AP_QN(6, 4)));
}

/* A guest's own zcrypt meets the same faults, and hears of their end. */
static void test_in_guest(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_string_equal(get_in(w, 1, "bus/ap/devices/06.0004/online"), "1\n");
    job_count = 0;
    fault(w, "05.* always busy");
    fault(w, "06.00ab always busy");
    fault(w, "06.0004 1 delay 1s");
    assert_int_equal(send_from(w, 1, 1), -EINPROGRESS);
    assert_int_equal(compute(w), AP_QN(6, 4));
    assert_int_equal(results[1], 1);
    pass(w, 1000 * MS);
    assert_int_equal(results[1], 0);
}

static void test_refusals(void **state)
{
    struct world *w = *state;
    struct command cmd = {.kind = CMD_FAULT_ADD, .fault = {.text = "05.* 3 busily", .len = 13}};

    assert_int_equal(run(w, &cmd), -EINVAL);
    assert_non_null(strstr(w->reply.why.data, "\"busily\"; say deconfigured,"));
    assert_int_equal(core_faults(w->core)->count, 0);
    for (unsigned i = 0; i < FAULTS_MAX; i++)
        assert_int_equal(fault(w, "05.* 3 busy"), i + 1);
    cmd.fault.len = 11;
    cmd.fault.text = "05.* 3 busy";
    assert_int_equal(run(w, &cmd), -ENOSPC);
    assert_non_null(strstr(w->reply.why.data, "remove some first"));
    assert_int_equal(unfault(w, 0), 0);
    assert_int_equal(unfault(w, 0), 0);
    assert_int_equal(fault(w, "05.* 3 busy"), FAULTS_MAX + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_busy_goes_elsewhere),
        TEST(test_full_waits),
        TEST(test_delay),
        TEST(test_bad_reply_type),
        TEST(test_bad_reply_length),
        TEST(test_bad_reply_code),
        TEST(test_deconfigured_in_flight),
        TEST_UPSTREAM(test_deconfigured_in_flight),
        TEST(test_reset_by_attribute),
        TEST(test_reset_refused),
        TEST(test_guest_waits_for_reset),
        TEST_UPSTREAM(test_guest_waits_for_reset),
        TEST(test_next_guest_waits),
        TEST_UPSTREAM(test_next_guest_waits),
        TEST(test_busy_zeroize_repeated),
        TEST_UPSTREAM(test_busy_zeroize_repeated),
        TEST(test_busy_for_good),
        TEST(test_standby_ends_wait),
        TEST_UPSTREAM(test_standby_ends_wait),
        TEST(test_back_to_zcrypt),
        TEST_UPSTREAM(test_back_to_zcrypt),
        TEST(test_in_guest),
        TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
