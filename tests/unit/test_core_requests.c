/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core_world.h"

/* Requests, and changes between a request and its reply. */

#define TOKEN 77u
#define QN    AP_QN(6, 4)

/* A request of 64 bytes: an accelerator takes it. */
static int request(struct world *w, unsigned tree)
{
    static uint8_t number[64];
    struct command cmd = {.kind = CMD_ZCRYPT, .token = TOKEN, .zcrypt = {.tree = tree}};

    memset(number, 0xff, sizeof number);
    cmd.zcrypt.request = (struct zcrypt_request){
        .node = ZCRYPT_Z90CRYPT, .rsa = rsa_request_me(sizeof number, number, number, number)};
    return run(w, &cmd);
}

/* The job of the last command; 0: none. */
static uint64_t job_of(struct world *w)
{
    for (size_t i = 0; i < w->fx.count; i++)
        if (w->fx.v[i].kind == EFFECT_JOB)
            return w->fx.v[i].node;
    return 0;
}

/* The reply to the waiting caller of the last command; 1: none. */
static int reply_of(struct world *w)
{
    for (size_t i = 0; i < w->fx.count; i++)
        if (w->fx.v[i].kind == EFFECT_REPLY && w->fx.v[i].node == TOKEN)
            return (int)w->fx.v[i].value;
    return 1;
}

static int answer(struct world *w, uint64_t job)
{
    uint8_t reply[16 + 128] = {0, 0x80, 0, 16 + 128};
    struct command cmd = {.kind = CMD_JOB_DONE,
                          .job = {.id = job, .data = reply, .len = sizeof reply}};

    return run(w, &cmd);
}

static int connect(struct world *w, unsigned guest, bool on)
{
    struct command cmd = {.kind = CMD_CPU_CONNECT, .cpu = {.guest = guest, .on = on}};

    return run(w, &cmd);
}

static uint32_t tapq(struct world *w, unsigned guest, ap_qn qn)
{
    struct command cmd = {
        .kind = CMD_INSN,
        .insn = {.guest = guest, .insn = {.opcode = AP_OPCODE_PQAP, .gr = {qn | 0x800000u}}}};

    assert_int_equal(run(w, &cmd), 0);
    return (uint32_t)w->reply.insn.gr[1];
}

/* Repairing an adapter that is not check-stopped loses nothing. */
static void test_repair_of_the_well(void **state)
{
    struct world *w = *state;
    struct command repair = {.kind = CMD_CHECKSTOP, .adapter = {.apid = 6}};
    uint64_t job;

    assert_int_equal(request(w, CORE_HOST_TREE), -EINPROGRESS);
    job = job_of(w);
    assert_int_equal(run(w, &repair), 0);
    assert_int_equal(answer(w, job), 0);
    assert_int_equal(reply_of(w), 0);
}

/* Guest1 has 06.0004, used by our own Linux. */
static void guest_with_a_queue(struct world *w)
{
    secure_and_create(w);
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_adapter", "5"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "4"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "6"), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    look(w, 0);
}

static void test_guest_stops(void **state)
{
    struct world *w = *state;
    uint64_t job;

    guest_with_a_queue(w);
    assert_int_equal(request(w, 1), -EINPROGRESS);
    job = job_of(w);
    assert_int_equal(guest(w, CMD_GUEST_STOP, "Guest1", NULL), 0);
    assert_int_equal(reply_of(w), -ENODEV);
    assert_int_equal(answer(w, job), -ESTALE);
}

/* The state machine of a queue that the host gave away stands still, so "reset" does not reach what
 * a guest has in it. */
static void test_host_does_not_reset_a_guests_queue(void **state)
{
    struct world *w = *state;
    uint64_t job;

    guest_with_a_queue(w);
    assert_int_equal(request(w, 1), -EINPROGRESS);
    job = job_of(w);
    assert_int_equal(put(w, "devices/ap/card06/06.0004/reset", "1"), 0);
    assert_string_equal(get(w, "devices/ap/card06/06.0004/reset"), "Reset in progress.\n");
    assert_int_equal(answer(w, job), 0);
    assert_int_equal(reply_of(w), 0);
}

/* A request that is retried on the same queue does not get the reply to its first attempt. */
static void test_two_of_one(void **state)
{
    struct world *w = *state;
    uint64_t first, second;

    guest_with_a_queue(w);
    assert_int_equal(put(w, "devices/ap/card05/online", "0"), 0);
    assert_int_equal(request(w, CORE_HOST_TREE), -ENODEV);
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_adapter", "6"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_domain", "4"), 0);
    assert_int_equal(put(w, "bus/ap/aqmask", "+4"), 0);
    assert_int_equal(request(w, CORE_HOST_TREE), -EINPROGRESS);
    first = job_of(w);
    assert_int_equal(put(w, "devices/ap/card05/online", "1"), 0);
    assert_int_equal(put(w, "devices/ap/card06/online", "0"), 0);
    second = job_of(w);
    assert_true(second && second != first);
    assert_int_equal(put(w, "devices/ap/card06/online", "1"), 0);
    assert_int_equal(put(w, "devices/ap/card05/online", "0"), 0);
    second = job_of(w);
    assert_int_not_equal(second, 0);
    assert_int_equal(answer(w, first), 0);
    assert_int_equal(reply_of(w), 1);
    assert_int_equal(answer(w, second), 0);
    assert_int_equal(reply_of(w), 0);
}

/* A client that connects as the LPAR finds empty queues, and requests of our own programs fail. */
static void test_lpar_taken(void **state)
{
    struct world *w = *state;
    static const uint8_t domains[] = {4, 0x47, 0xab, 0xff};
    ap_qn qn = QN;
    uint64_t job;

    assert_int_equal(request(w, CORE_HOST_TREE), -EINPROGRESS);
    job = job_of(w);
    for (unsigned i = 0; i < 4; i++)
        if (!(tapq(w, CORE_LPAR, AP_QN(6, domains[i])) & APQSW_EMPTY))
            qn = AP_QN(6, domains[i]);
    assert_false(tapq(w, CORE_LPAR, qn) & APQSW_EMPTY);
    assert_int_equal(connect(w, CORE_LPAR, true), 0);
    assert_int_equal(reply_of(w), -ENODEV);
    assert_true(tapq(w, CORE_LPAR, qn) & APQSW_EMPTY);
    assert_int_equal(answer(w, job), -ESTALE);
    assert_int_equal(request(w, CORE_HOST_TREE), -ENODEV);
    assert_int_equal(connect(w, CORE_LPAR, false), 0);
    assert_int_equal(request(w, CORE_HOST_TREE), -EINPROGRESS);
}

/* A queue that is busy keeps nothing for a client either. */
static void test_busy_lpar_taken(void **state)
{
    struct world *w = *state;
    struct command fault = {.kind = CMD_FAULT_ADD, .fault = {.text = "* always busy", .len = 13}};
    struct command calm = {.kind = CMD_FAULT_REMOVE};
    uint64_t job;

    assert_int_equal(request(w, CORE_HOST_TREE), -EINPROGRESS);
    job = job_of(w);
    assert_int_equal(run(w, &fault), 0);
    assert_int_equal(connect(w, CORE_LPAR, true), 0);
    assert_int_equal(run(w, &calm), 0);
    for (unsigned apid = 4; apid <= 6; apid++)
        assert_true(tapq(w, CORE_LPAR, AP_QN(apid, 4)) & APQSW_EMPTY &&
                    tapq(w, CORE_LPAR, AP_QN(apid, 0x47)) & APQSW_EMPTY &&
                    tapq(w, CORE_LPAR, AP_QN(apid, 0xab)) & APQSW_EMPTY &&
                    tapq(w, CORE_LPAR, AP_QN(apid, 0xff)) & APQSW_EMPTY);
    assert_int_equal(answer(w, job), -ESTALE);
}

/* While a guest has a client, our own system neither resets its queues nor accepts writes. */
static void test_our_system_keeps_away(void **state)
{
    struct world *w = *state;
    struct command nqap = {.kind = CMD_INSN,
                           .insn = {.insn = {.opcode = AP_OPCODE_NQAP,
                                             .r1 = 2,
                                             .r2 = 4,
                                             .gr = {0x40000000u | QN},
                                             .p2 = {0x1000, 8},
                                             .data = (const uint8_t *)"question",
                                             .data_len = 8}}};
    struct command reset = {.kind = CMD_STORE, .store = {.tree = 1, .data = "1", .len = 1}};

    guest_with_a_queue(w);
    assert_int_equal(connect(w, 0, true), 0);
    assert_int_equal(run(w, &nqap), 0);
    assert_int_equal(
        sysfs_resolve(core_tree(w->core, 1), "devices/ap/card06/06.0004/reset", &reset.store.ino),
        0);
    assert_int_equal(run(w, &reset), -EBUSY);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_control_domain", "4"), 0);
    assert_int_equal(put(w, "bus/ap/scans", "1"), 0);
    assert_false(tapq(w, 0, QN) & APQSW_EMPTY);
    assert_int_equal(connect(w, 0, false), 0);
    assert_int_equal(request(w, 1), -EINPROGRESS);
    assert_int_not_equal(job_of(w), 0);
}

/* Changes to queues while another system owned them do not stop our own system afterwards. */
static void test_lpar_given_back(void **state)
{
    struct world *w = *state;
    struct command fault = {.kind = CMD_FAULT_ADD, .fault = {.text = "* always busy", .len = 13}};
    struct command calm = {.kind = CMD_FAULT_REMOVE};
    struct command checkstop = {.kind = CMD_CHECKSTOP};

    assert_int_equal(connect(w, CORE_LPAR, true), 0);
    assert_int_equal(run(w, &fault), 0);
    for (unsigned i = 0; i < 6; i++) {
        checkstop.adapter.apid = 4 + i / 2;
        checkstop.adapter.on = !(i & 1);
        assert_int_equal(run(w, &checkstop), 0);
    }
    assert_int_equal(run(w, &calm), 0);
    assert_int_equal(connect(w, CORE_LPAR, false), 0);
    assert_int_equal(request(w, CORE_HOST_TREE), -EINPROGRESS);
    assert_int_not_equal(job_of(w), 0);
}

/* The same for a guest that gets a client. */
static void test_guest_taken(void **state)
{
    struct world *w = *state;

    guest_with_a_queue(w);
    assert_int_equal(request(w, 1), -EINPROGRESS);
    assert_int_equal(connect(w, 0, true), 0);
    assert_int_equal(reply_of(w), -ENODEV);
    assert_true(tapq(w, 0, QN) & APQSW_EMPTY);
    assert_int_equal(request(w, 1), -ENODEV);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_repair_of_the_well),
        TEST(test_guest_stops),
        TEST(test_host_does_not_reset_a_guests_queue),
        TEST(test_lpar_taken),
        TEST(test_guest_taken),
        TEST(test_lpar_given_back),
        TEST(test_two_of_one),
        TEST(test_busy_lpar_taken),
        TEST(test_our_system_keeps_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
