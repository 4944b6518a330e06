/* SPDX-License-Identifier: MIT */
#include "fault_world.h"

/* Guests under faults: a queue is passed only after its reset has ended [guests-queue-reset]. */

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

/* A guest starts without an adapter of which a queue is still being reset; the adapter is added
 * later. */
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

/* A queue that one guest lost is passed to another only after its reset has ended. */
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

/* A ZAPQ that was refused as busy is repeated; until then the queue is not passed to anyone. */
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

/* A queue that stays busy is withheld until the fault is removed. */
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

/* Standby ends the wait: the queue counts as reset, since the hardware zeroizes it before it
 * answers again. */
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

/* A ZAPQ to be repeated for a guest must not hit the host, which meanwhile owns the queue. */
static void test_host_is_not_zeroized(void **state)
{
    struct world *w = *state;
    uint32_t before;
    int64_t number;

    secure_and_create(w);
    number = fault(w, "06.0004 always busy");
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_false(has(w, "Guest1", AP_QN(6, 4)));
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_adapter", "6"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_adapter", "5"), 0);
    assert_int_equal(put(w, "bus/ap/apmask", "0x02"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "0x08"), 0);
    job_count = 0;
    assert_int_equal(send(w, 1), -EINPROGRESS);
    assert_int_equal(job_count, 0);
    before = zeroized(w, AP_QN(6, 4));
    assert_int_equal(unfault(w, number), 0);
    assert_int_equal(zeroized(w, AP_QN(6, 4)), before);
    compute(w);
    assert_int_equal(results[1], 0);
}

static unsigned notifications(const struct world *w)
{
    unsigned count = 0;

    for (size_t i = 0; i < w->fx.count; i++)
        count += w->fx.v[i].kind == EFFECT_GUEST_NOTIFY && w->fx.v[i].value == NEWS_REPLY;
    return count;
}

/* A guest is notified of a reply when it is available, not while it is held back. */
static void test_guest_notified(void **state)
{
    struct world *w = *state;
    struct command aqic = {.kind = CMD_INSN}, nqap = {.kind = CMD_INSN},
                   done = {.kind = CMD_JOB_DONE};
    struct command timer = {.kind = CMD_TIMER, .timer = {.id = TIMER_ALARM}};
    ap_qn qn;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    job_count = 0;
    fault(w, "06.0004 1 delay 1s");
    aqic.insn.insn = (struct ap_insn){.opcode = AP_OPCODE_PQAP,
                                      .gr = {3u << 24 | AP_QN(6, 4), UINT64_C(1) << 47, 0x4000}};
    nqap.insn.insn = (struct ap_insn){.opcode = AP_OPCODE_NQAP,
                                      .r1 = 2,
                                      .r2 = 4,
                                      .gr = {0x40000000u | AP_QN(6, 4)},
                                      .p2 = {0x10000, 1},
                                      .data = (const uint8_t *)"q",
                                      .data_len = 1};
    assert_int_equal(do_it(w, &aqic), 0);
    assert_int_equal(do_it(w, &nqap), 0);
    done.job.id = next_job(w, &qn);
    done.job.data = (const uint8_t *)"a";
    done.job.len = 1;
    assert_int_equal(do_it(w, &done), 0);
    assert_int_equal(notifications(w), 0);
    w->now = w->alarm;
    assert_int_equal(do_it(w, &timer), 0);
    assert_int_equal(notifications(w), 1);
}

/* A queue returns to zcrypt while it is being zeroized: requests wait for the end. */
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
    /* And is taken away again while a reset runs: it is passed only after the end. */
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

/* A guest's own zcrypt meets the same faults, and is told when they end. */
static void test_in_guest(void **state)
{
    struct world *w = *state;

    secure_and_create(w);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    look(w, 0);
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
    /* The guest's driver gives up on a queue, too. */
    unfault(w, 0);
    fault(w, "05.* always checkstop");
    fault(w, "06.* 1 delay 5000s");
    assert_int_equal(send_from(w, 1, 2), -EINPROGRESS);
    compute(w);
    pass(w, 899000 * MS);
    assert_int_equal(job_count, 0);
    pass(w, 1000 * MS);
    assert_int_equal(AP_QN_APID(compute(w)), 6);
    assert_int_equal(results[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_host_is_not_zeroized),
        TEST_UPSTREAM(test_host_is_not_zeroized),
        TEST(test_guest_notified),
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
