/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "fault_world.h"

/* Faults through the core, and what callers of zcrypt see of them [zcrypt-retries]
 * [messages-judgement]. */

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
    /* zcrypt gives up after ten queues that refuse. */
    fault(w, "* always busy");
    assert_int_equal(send(w, 3), -EIO);
    assert_int_equal(core_faults(w->core)->v[1].hits, 10);
}

/* What a state directory writes for a hit, or for a match that is none, is that rule alone. */
static void test_a_match_changes_one_rule(void **state)
{
    struct world *w = *state;

    only_queue(w);
    for (unsigned i = 0; i < 50; i++)
        fault(w, "0a.* 1000 delay 1s every 2");
    w->fx.want_changes = true;
    fault(w, "06.0004 1000 busy every 3");
    assert_int_equal(w->fx.change_count, 2);
    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(core_faults(w->core)->v[50].seen, 1);
    assert_int_equal(w->fx.change_count, 1);
    assert_int_equal(w->fx.changes[0].kind, STATE_FAULT);
    assert_int_equal(w->fx.changes[0].id, 51);
    assert_int_equal(unfault(w, 7), 0);
    assert_int_equal(w->fx.change_count, 1);
    assert_int_equal(w->fx.changes[0].kind, STATE_FAULT);
    assert_int_equal(w->fx.changes[0].id, 7);
    w->fx.want_changes = false;
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

#define SECOND (1000 * MS)

/* A queue without a reply for 900 seconds is reset, and another one is tried. */
static void test_silence(void **state)
{
    struct world *w = *state;
    ap_qn qn;

    only_adapter_6(w);
    assert_int_equal(send(w, 1), -EINPROGRESS);
    fault(w, "06.* 1 delay 5000s");
    qn = compute(w);
    pass(w, 900 * SECOND - 1);
    assert_int_equal(results[1], 1);
    assert_int_equal(job_count, 0);
    pass(w, 1);
    assert_int_equal(job_count, 1);
    assert_int_not_equal(compute(w), qn);
    assert_int_equal(results[1], 0);
    assert_string_equal(get(w, "devices/ap/card06/load"), "0\n");
    assert_string_equal(get(w, "devices/ap/card06/pendingq_count"), "0\n");
    pass(w, 900 * SECOND);
    assert_int_equal(w->patience, 0);
    assert_int_equal(send(w, 2), -EINPROGRESS);
    assert_int_equal(w->patience, w->now + 900 * SECOND);
    compute(w);
    assert_int_equal(results[2], 0);
}

/* Retries end after ten queues, or one queue ten times. */
static void test_silence_for_ever(void **state)
{
    struct world *w = *state;

    only_queue(w);
    fault(w, "06.0004 always delay 5000s");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(results[1], 1);
        assert_string_equal(get(w, Q "pendingq_count"), "1\n");
        compute(w);
        pass(w, 900 * SECOND);
    }
    assert_int_equal(results[1], -EIO);
    assert_string_equal(get(w, Q "load"), "0\n");
    assert_string_equal(get(w, Q "pendingq_count"), "0\n");
    assert_int_equal(w->patience, 0);
}

/* As long as the queue gives replies, a request may take any time. */
static void test_no_silence(void **state)
{
    struct world *w = *state;

    only_queue(w);
    fault(w, "06.0004 1 delay 2000s");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    compute(w);
    for (unsigned i = 0; i < 3; i++) {
        pass(w, 600 * SECOND);
        assert_int_equal(send(w, 2), -EINPROGRESS);
        compute(w);
        assert_int_equal(results[2], 0);
        assert_int_equal(results[1], 1);
    }
    pass(w, 200 * SECOND);
    assert_int_equal(results[1], 0);
}

/* A reply of an unknown type sets the queue offline, and another one serves the request. */
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
    fault(w, "06.* 1 bad-reply older");
    assert_int_equal(send(w, 3), -EINPROGRESS);
    qn = compute(w);
    snprintf(path, sizeof path, "bus/ap/devices/06.%04x/online", AP_QN_APQI(qn));
    assert_string_equal(get(w, path), "0\n");
    compute(w);
    assert_int_equal(results[3], 0);
    /* When the last queue goes offline, the request fails with ENODEV. */
    fault(w, "06.* always bad-reply short");
    assert_int_equal(send(w, 2), -EINPROGRESS);
    for (int i = 0; i < 2; i++)
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
    /* An error code that does not blame the request is retried, ten times in total. */
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

/* Requests in a queue that is lost are computed elsewhere, or fail. */
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
                        "there is no fault 1; 'apus fault list' lists the existing ones");
    assert_int_equal(send(w, 4), -EINPROGRESS);
    compute(w);
    assert_int_equal(results[4], 0);
}

/* While a queue is reset, requests go to another one, or wait for its end. */
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
    /* The queue would accept a request now, and lose it in the pending reset. */
    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(job_count, 0);
    pass(w, 40 * MS);
    compute(w);
    assert_int_equal(results[1], 0);
    assert_string_equal(get(w, Q "reset"), "No Reset Timer set.\n");
}

static void test_standby_ends_reset(void **state)
{
    struct world *w = *state;

    only_queue(w);
    fault(w, "06.0004 1 reset 60s");
    assert_int_equal(put(w, Q "reset", "1"), 0);
    assert_int_equal(se_adapter(w, 6, false), 0);
    /* As with the real driver, the queue is started again when the adapter is back. */
    assert_string_equal(get(w, Q "reset"), "Reset in progress.\n");
    assert_int_equal(se_adapter(w, 6, true), 0);
    assert_string_equal(get(w, Q "reset"), "No Reset Timer set.\n");
    assert_int_equal(send(w, 1), -EINPROGRESS);
    compute(w);
    assert_int_equal(results[1], 0);
}

/* A timer that fires too early is set again. */
static void test_timer_too_early(void **state)
{
    struct world *w = *state;
    struct command timer = {.kind = CMD_TIMER, .timer = {.id = TIMER_ALARM}};

    only_queue(w);
    fault(w, "06.0004 1 reset 2s");
    assert_int_equal(put(w, Q "reset", "1"), 0);
    assert_int_equal(w->alarm, 2000 * MS);
    w->alarm = 0;
    assert_int_equal(run(w, &timer), 0);
    assert_int_equal(w->alarm, 2000 * MS);
    assert_string_equal(get(w, Q "reset"), "Reset in progress.\n");
    pass(w, 2000 * MS);
    assert_string_equal(get(w, Q "reset"), "No Reset Timer set.\n");
    assert_int_equal(w->alarm, 0);
}

static void test_refusals(void **state)
{
    struct world *w = *state;
    struct command cmd = {.kind = CMD_FAULT_ADD, .fault = {.text = "05.* 3 busily", .len = 13}};

    assert_int_equal(run(w, &cmd), -EINVAL);
    assert_non_null(strstr(w->reply.why.data, "\"busily\"; write deconfigured,"));
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

static void read_all(const struct sysfs_tree *t, sysfs_ino dir, struct text *out)
{
    struct sysfs_entry e;
    uint64_t cursor = 0;

    while (sysfs_next(t, dir, &cursor, &e) == 1) {
        if (e.type == SYSFS_TYPE_DIR)
            read_all(t, e.ino, out);
        else if (e.type == SYSFS_TYPE_FILE && !e.device && e.mode & 0444)
            sysfs_show(t, e.ino, out);
    }
}

static void answer_nothing(void *ctx, const struct machine_job *job,
                           const struct adapter_config *card, unsigned domains, struct text *reply)
{
    ++*(unsigned *)ctx;
}

/* Reading an attribute executes no instruction: it uses up no rule and completes no pending
 * zeroize. */
static void test_reading_changes_nothing(void **state)
{
    struct world *w = *state;
    struct command zapq = {.kind = CMD_INSN,
                           .insn = {CORE_LPAR, {.opcode = AP_OPCODE_PQAP, .r1 = 0, .r2 = 2}}};
    struct command tapq = zapq;
    const struct fault_list *faults = core_faults(w->core);
    uint64_t hits[3];
    struct apqn_info queue;
    text_auto text = {0};
    unsigned asked = 0;

    core_set_firmware(w->core, &(struct machine_firmware){answer_nothing, &asked});
    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    look(w, 0);
    fault(w, "04.0004 1 busy");
    zapq.insn.insn.gr[0] = 0x02000000 | AP_QN(4, 4);
    assert_int_equal(run(w, &zapq), 0);
    assert_int_equal(apqsw_rc((uint32_t)w->reply.insn.gr[1]), AP_RC_BUSY);
    fault(w, "05.00ab always checkstop");
    fault(w, "06.* always busy");
    for (unsigned i = 0; i < 3; i++)
        hits[i] = faults->v[i].hits;
    for (unsigned tree = 0; tree < 2; tree++)
        read_all(core_tree(w->core, tree), SYSFS_ROOT_INO, &text);
    assert_true(text.len > 1000 && asked > 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(faults->v[i].hits, hits[i]);
    core_apqn_info(w->core, AP_QN(4, 4), &queue);
    hits[0] = queue.zeroized;
    tapq.insn.insn.gr[0] = AP_QN(4, 4);
    assert_int_equal(run(w, &tapq), 0);
    core_apqn_info(w->core, AP_QN(4, 4), &queue);
    assert_int_equal(queue.zeroized, hits[0] + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reading_changes_nothing),
        TEST(test_busy_goes_elsewhere),
        TEST(test_a_match_changes_one_rule),
        TEST(test_full_waits),
        TEST(test_delay),
        TEST(test_silence),
        TEST(test_silence_for_ever),
        TEST(test_no_silence),
        TEST(test_bad_reply_type),
        TEST(test_bad_reply_length),
        TEST(test_bad_reply_code),
        TEST(test_deconfigured_in_flight),
        TEST_UPSTREAM(test_deconfigured_in_flight),
        TEST(test_reset_by_attribute),
        TEST(test_reset_refused),
        TEST(test_standby_ends_reset),
        TEST(test_timer_too_early),
        TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
