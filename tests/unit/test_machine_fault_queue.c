/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine_world.h"

/* The effect of each kind of fault on instructions [ap-response-codes]. */

#define OTHER AP_QN(6, 4)
#define SEC   UINT64_C(1000000000)

static uint32_t add(struct world *w, const char *text)
{
    struct fault rule;
    uint32_t number;

    assert_int_equal(fault_parse(text, strlen(text), &rule, NULL), 0);
    assert_int_equal(machine_fault_add(w->machine, &rule, &number), 0);
    return number;
}

static uint64_t hits(struct world *w, unsigned index)
{
    return machine_faults(w->machine)->v[index].hits;
}

static unsigned tapq(struct world *w, ap_qn qn)
{
    uint64_t info;

    return apqsw_rc(w->hw.ops->tapq(w->hw.ctx, qn, &info));
}

static unsigned rapq(struct world *w, ap_qn qn)
{
    return apqsw_rc(w->hw.ops->rapq(w->hw.ctx, qn));
}

static unsigned zapq(struct world *w, ap_qn qn)
{
    return apqsw_rc(w->hw.ops->zapq(w->hw.ctx, qn));
}

static unsigned aqic(struct world *w, ap_qn qn)
{
    return apqsw_rc(w->hw.ops->aqic(w->hw.ctx, qn, &(struct ap_aqic){.enable = true}));
}

static uint32_t nqap_status(struct world *w, ap_qn qn)
{
    struct ap_nqap request = {.psmid = 7, .data = (const uint8_t *)"question", .len = 8};

    return w->hw.ops->nqap(w->hw.ctx, qn, &request);
}

static unsigned nqap(struct world *w, ap_qn qn)
{
    return apqsw_rc(nqap_status(w, qn));
}

static unsigned dqap(struct world *w, ap_qn qn)
{
    struct ap_dqap reply = {.room = 100, .data = &w->data};

    text_clear(&w->data);
    return apqsw_rc(w->hw.ops->dqap(w->hw.ctx, qn, &reply));
}

static int answer(struct world *w, const char *reply)
{
    uint64_t id;
    ap_qn qn;

    assert_true(machine_job_next(w->machine, &id));
    return machine_job_done(w->machine, id, (const uint8_t *)reply, strlen(reply), &qn);
}

/* Counts the queues whose alarms are due. */
static unsigned alarms(struct world *w, uint64_t now, ap_qn want)
{
    unsigned count = 0;
    ap_qn qn;

    while (machine_alarm_take(w->machine, now, &qn)) {
        assert_int_equal(qn, want);
        count++;
    }
    return count;
}

static void test_busy(void **state)
{
    struct world *w = *state;

    add(w, "06.* 2 busy");
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(nqap(w, QN), AP_RC_BUSY);
    assert_int_equal(dqap(w, QN), AP_RC_NO_PENDING_REPLY);
    assert_int_equal(aqic(w, QN), AP_RC_NORMAL);
    assert_int_equal(nqap(w, AP_QN(5, 4)), AP_RC_NORMAL);
    assert_int_equal(nqap(w, OTHER), AP_RC_BUSY);
    assert_int_equal(nqap(w, OTHER), AP_RC_NORMAL);
    assert_int_equal(hits(w, 0), 2);
}

/* A refused reset can be tried again a little later; a refused ZAPQ is completed in any case. */
static void test_busy_reset(void **state)
{
    struct world *w = *state;

    add(w, "06.0047 2 busy");
    assert_int_equal(nqap(w, OTHER), AP_RC_NORMAL);
    assert_int_equal(rapq(w, QN), AP_RC_BUSY);
    assert_int_equal(machine_alarm_next(w->machine), MACHINE_TRY_AGAIN_NS);
    assert_int_equal(zapq(w, QN), AP_RC_BUSY);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 0);
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 1);
    assert_int_equal(alarms(w, MACHINE_TRY_AGAIN_NS - 1, QN), 0);
    assert_int_equal(alarms(w, MACHINE_TRY_AGAIN_NS, QN), 1);
}

static void test_busy_always(void **state)
{
    struct world *w = *state;
    uint32_t number = add(w, "06.0047 always busy");

    assert_int_equal(tapq(w, QN), AP_RC_BUSY);
    assert_int_equal(rapq(w, QN), AP_RC_BUSY);
    assert_int_equal(nqap(w, QN), AP_RC_BUSY);
    assert_int_equal(machine_alarm_next(w->machine), 0);
    assert_int_equal(machine_fault_remove(w->machine, number), 0);
    assert_int_equal(machine_fault_remove(w->machine, number), -ENOENT);
    assert_int_equal(alarms(w, 0, QN), 1);
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
}

/* With a count, requests are refused; without one, the fault is a state that each instruction
 * meets. */
static void test_deconfigured_checkstop(void **state)
{
    struct world *w = *state;
    uint64_t changes = machine_changes(w->machine), id;
    uint32_t number;
    ap_qn qn;

    add(w, "06.0047 1 deconfigured");
    add(w, "06.0047 1 checkstop");
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(rapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(nqap(w, QN), AP_RC_DECONFIGURED);
    assert_int_equal(nqap(w, QN), AP_RC_CHECKSTOPPED);
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(machine_changes(w->machine), changes);
    assert_true(machine_job_next(w->machine, &id));
    number = add(w, "06.* always checkstop");
    assert_true(machine_changes(w->machine) > changes);
    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)"x", 1, &qn), -ESTALE);
    assert_int_equal(tapq(w, QN), AP_RC_CHECKSTOPPED);
    assert_int_equal(rapq(w, QN), AP_RC_CHECKSTOPPED);
    assert_int_equal(aqic(w, QN), AP_RC_CHECKSTOPPED);
    assert_int_equal(dqap(w, OTHER), AP_RC_CHECKSTOPPED);
    assert_int_equal(zapq(w, QN), AP_RC_CHECKSTOPPED);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 0);
    changes = machine_changes(w->machine);
    assert_int_equal(machine_fault_remove(w->machine, number), 0);
    assert_true(machine_changes(w->machine) > changes);
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 1);
    assert_int_equal(machine_zeroize_count(w->machine, OTHER), 0);
}

static void test_reset(void **state)
{
    struct world *w = *state;
    uint64_t id;
    ap_qn qn;

    add(w, "06.0047 1 reset 2s");
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_true(machine_job_next(w->machine, &id));
    assert_int_equal(alarms(w, SEC, QN), 0);
    assert_int_equal(zapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 1);
    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)"late", 4, &qn), -ESTALE);
    assert_int_equal(alarms(w, SEC, QN), 1); /* for those who wait for the queue's messages */
    assert_int_equal(machine_alarm_next(w->machine), 3 * SEC);
    assert_int_equal(alarms(w, 3 * SEC - 1, QN), 0);
    assert_int_equal(tapq(w, QN), AP_RC_RESET_IN_PROGRESS);
    assert_int_equal(nqap(w, QN), AP_RC_RESET_IN_PROGRESS);
    assert_int_equal(dqap(w, QN), AP_RC_RESET_IN_PROGRESS);
    assert_int_equal(aqic(w, QN), AP_RC_RESET_IN_PROGRESS);
    assert_int_equal(rapq(w, QN), AP_RC_RESET_IN_PROGRESS);
    assert_int_equal(tapq(w, OTHER), AP_RC_NORMAL);
    assert_int_equal(alarms(w, 3 * SEC, QN), 1);
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(zapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
}

/* A ZAPQ during a RAPQ is completed when that has ended. */
static void test_zeroize_during_reset(void **state)
{
    struct world *w = *state;

    add(w, "06.0047 1 reset 2s");
    assert_int_equal(rapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(zapq(w, QN), AP_RC_RESET_IN_PROGRESS);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 0);
    assert_int_equal(alarms(w, 2 * SEC, QN), 1);
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 1);
}

/* A reset by the firmware replaces the one that is running. */
static void test_reset_ends_with_adapter(void **state)
{
    struct world *w = *state;

    add(w, "06.0047 1 reset 2s");
    assert_int_equal(rapq(w, QN), AP_RC_NORMAL);
    machine_set_online(w->machine, 6, false);
    assert_int_equal(tapq(w, QN), AP_RC_DECONFIGURED);
    machine_set_online(w->machine, 6, true);
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
}

static void test_full(void **state)
{
    struct world *w = *state;
    uint32_t number, status;

    add(w, "06.0047 1 full");
    status = nqap_status(w, QN);
    assert_int_equal(apqsw_rc(status), AP_RC_Q_FULL);
    assert_true(status & APQSW_FULL && status & APQSW_EMPTY);
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(alarms(w, MACHINE_TRY_AGAIN_NS, QN), 1);
    number = add(w, "06.0047 always full");
    assert_int_equal(nqap(w, QN), AP_RC_Q_FULL);
    assert_int_equal(tapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(machine_alarm_next(w->machine), 0);
    assert_int_equal(machine_fault_remove(w->machine, number), 0);
    assert_int_equal(alarms(w, MACHINE_TRY_AGAIN_NS, QN), 1);
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
}

static void test_delay(void **state)
{
    struct world *w = *state;
    uint64_t info;

    add(w, "06.0047 1 delay 500ms");
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(alarms(w, SEC, QN), 0);
    assert_int_equal(answer(w, "slow"), 0);
    assert_int_equal(machine_replies_came(w->machine, QN), 0);
    assert_int_equal(answer(w, "quick"), 0);
    assert_int_equal(dqap(w, QN), AP_RC_NORMAL);
    assert_string_equal(w->data.data, "quick");
    assert_false(w->hw.ops->tapq(w->hw.ctx, QN, &info) & APQSW_EMPTY);
    assert_int_equal(dqap(w, QN), AP_RC_NO_PENDING_REPLY);
    assert_int_equal(alarms(w, 3 * SEC / 2, QN), 1);
    assert_int_equal(machine_replies_came(w->machine, QN), 1);
    assert_int_equal(dqap(w, QN), AP_RC_NORMAL);
    assert_string_equal(w->data.data, "slow");
}

/* A reset drops a held reply, and the number of its job is not reused. */
static void test_delay_then_reset(void **state)
{
    struct world *w = *state;

    add(w, "06.0047 1 delay 500ms");
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(answer(w, "slow"), 0);
    assert_int_equal(nqap(w, OTHER), AP_RC_NORMAL);
    assert_int_equal(rapq(w, QN), AP_RC_NORMAL);
    assert_int_equal(answer(w, "other"), 0);
    assert_int_equal(dqap(w, OTHER), AP_RC_NORMAL);
    assert_int_equal(alarms(w, SEC, QN), 2); /* that of the reset, and that of the reply */
    assert_int_equal(dqap(w, QN), AP_RC_NO_PENDING_REPLY);
}

static void test_bad_reply(void **state)
{
    struct world *w = *state;

    add(w, "06.0047 1 bad-reply length");
    add(w, "06.0047 1 delay 1ms");
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(answer(w, "abcdef"), 0);
    assert_int_equal(alarms(w, SEC, QN), 1);
    assert_int_equal(dqap(w, QN), AP_RC_NORMAL);
    assert_string_equal(w->data.data, "abcde");
    assert_int_equal(nqap(w, QN), AP_RC_NORMAL);
    assert_int_equal(answer(w, "abcdef"), 0);
    assert_int_equal(dqap(w, QN), AP_RC_NORMAL);
    assert_string_equal(w->data.data, "abcdef");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_busy),
        TEST(test_busy_reset),
        TEST(test_busy_always),
        TEST(test_deconfigured_checkstop),
        TEST(test_reset),
        TEST(test_zeroize_during_reset),
        TEST(test_reset_ends_with_adapter),
        TEST(test_full),
        TEST(test_delay),
        TEST(test_delay_then_reset),
        TEST(test_bad_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
