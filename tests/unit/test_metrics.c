/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core_world.h"
#include "metrics/page.h"

/* The page of metrics, and what the core counts for it. */

#define QN AP_QN(6, 4)

static void page(struct world *w, size_t room, struct text *out)
{
    struct metrics_page p = {0};
    text_auto piece = {0};
    bool more = true;

    while (more) {
        text_clear(&piece);
        more = metrics_page_more(&p, w->core, room, &piece);
        assert_true(piece.len < room + 400);
        text_add(out, piece.data ? piece.data : "", piece.len);
    }
}

/* The page has the line, which tells of now. */
static void shows(struct world *w, const char *line)
{
    text_auto all = {0}, whole = {0};

    text_addf(&whole, "\n%s\n", line);
    page(w, 1 << 20, &all);
    if (!strstr(all.data, whole.data))
        fail_msg("no \"%s\" in:\n%s", line, all.data);
}

static uint32_t insn(struct world *w, unsigned guest, uint16_t opcode, uint64_t gr0)
{
    static uint8_t message[64] = {0, 0x50};
    struct command cmd = {
        .kind = CMD_INSN,
        .insn = {.guest = guest,
                 .insn = {.opcode = opcode,
                          .r1 = 2,
                          .r2 = 4,
                          .gr = {gr0},
                          .p1 = {0, 1},
                          .p2 = {0, opcode == AP_OPCODE_NQAP ? sizeof message : 256},
                          .data = message,
                          .data_len = sizeof message}}};

    assert_int_equal(run(w, &cmd), 0);
    assert_int_equal(w->reply.insn.program_check, 0);
    return (uint32_t)w->reply.insn.gr[1] >> 16 & 0xff;
}

static uint32_t nqap(struct world *w, unsigned guest, ap_qn qn)
{
    return insn(w, guest, AP_OPCODE_NQAP, qn | UINT64_C(0x40000000));
}

static uint32_t dqap(struct world *w, unsigned guest, ap_qn qn)
{
    return insn(w, guest, AP_OPCODE_DQAP, qn);
}

static void answer(struct world *w, uint64_t job, uint8_t type)
{
    uint8_t reply[16 + 128] = {0, type, 0, 16 + 128};
    struct command cmd = {.kind = CMD_JOB_DONE,
                          .job = {.id = job, .data = reply, .len = sizeof reply}};

    assert_int_equal(run(w, &cmd), 0);
}

static uint64_t job_of(struct world *w)
{
    for (size_t i = 0; i < w->fx.count; i++)
        if (w->fx.v[i].kind == EFFECT_JOB)
            return w->fx.v[i].node;
    fail();
    return 0;
}

/* Guest1 has 06.0004, and its CPUs are a client's. */
static void guest_with_a_queue(struct world *w)
{
    struct command connect = {.kind = CMD_CPU_CONNECT, .cpu = {.guest = 0, .on = true}};

    secure_and_create(w);
    assert_int_equal(put(w, MATRIX UUID1 "/unassign_adapter", "5"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_domain", "4"), 0);
    assert_int_equal(put(w, MATRIX UUID1 "/assign_adapter", "6"), 0);
    assert_int_equal(guest(w, CMD_GUEST_START, "Guest1", UUID1), 0);
    assert_int_equal(run(w, &connect), 0);
}

static void test_requests_of_a_guest(void **state)
{
    struct world *w = *state;
    uint64_t jobs[2];

    guest_with_a_queue(w);
    shows(w, "apus_queue_requests_total{queue=\"06.0004\"} 0");
    assert_int_equal(dqap(w, 0, QN), AP_RC_NO_PENDING_REPLY);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(nqap(w, 0, QN), AP_RC_NORMAL);
        jobs[i] = job_of(w);
    }
    shows(w, "apus_queue_pending{queue=\"06.0004\"} 2");
    shows(w, "apus_guest_pending{guest=\"Guest1\"} 2");
    answer(w, jobs[0], 0x80);
    answer(w, jobs[1], 0x82);
    assert_int_equal(dqap(w, 0, QN), AP_RC_NORMAL);
    assert_int_equal(dqap(w, 0, QN), AP_RC_NORMAL);
    assert_int_equal(nqap(w, 0, AP_QN(4, 4)), AP_RC_Q_NOT_AVAIL); /* not the guest's */
    shows(w, "apus_queue_requests_total{queue=\"06.0004\"} 2");
    shows(w, "apus_queue_replies_total{queue=\"06.0004\"} 2");
    shows(w, "apus_queue_errors_total{queue=\"06.0004\"} 1");
    shows(w, "apus_queue_pending{queue=\"06.0004\"} 0");
    shows(w, "apus_guest_requests_total{guest=\"Guest1\"} 2");
    shows(w, "apus_guest_errors_total{guest=\"Guest1\"} 1");
    shows(w, "apus_guest_responses_total{guest=\"Guest1\",code=\"01\"} 1");
    shows(w, "apus_mdev_queues_plugged{mdev=\"" UUID1 "\",guest=\"Guest1\"} 2");
    shows(w, "cex_plugin_total_request_counter 2");
    shows(w, "apus_queue_info{queue=\"06.0004\",driver=\"vfio_ap\",mdev=\"" UUID1
             "\",guest=\"Guest1\"} 1");
}

/* Neither clearing a counter in sysfs nor the loss of the adapter makes them less. */
static void test_they_only_grow(void **state)
{
    struct world *w = *state;
    struct ap_counts before, after;

    guest_with_a_queue(w);
    assert_int_equal(nqap(w, 0, QN), AP_RC_NORMAL);
    assert_int_equal(put(w, "devices/ap/card06/request_count", "0"), 0);
    before = core_queue_counts(w->core, QN);
    assert_int_equal(se_adapter(w, 6, false), 0);
    after = core_queue_counts(w->core, QN);
    assert_int_equal(after.requests, 1);
    assert_int_equal(after.lost, before.lost + 1);
    assert_true(after.resets >= before.resets && after.zeroized >= before.zeroized);
    assert_int_equal(ap_codes[2], AP_RC_DECONFIGURED);
    before = after;
    assert_int_equal(nqap(w, CORE_LPAR, QN), AP_RC_DECONFIGURED);
    after = core_queue_counts(w->core, QN);
    assert_int_equal(after.codes[2], before.codes[2] + 1);
}

static void test_resets_of_a_guest(void **state)
{
    struct world *w = *state;
    struct ap_counts before, after;

    guest_with_a_queue(w);
    before = core_queue_counts(w->core, QN);
    assert_int_equal(insn(w, 0, AP_OPCODE_PQAP, QN | UINT64_C(0x01000000)), AP_RC_NORMAL);
    assert_int_equal(insn(w, 0, AP_OPCODE_PQAP, QN | UINT64_C(0x02000000)), AP_RC_NORMAL);
    after = core_queue_counts(w->core, QN);
    assert_int_equal(after.resets, before.resets + 2);
    assert_int_equal(after.zeroized, before.zeroized + 1);
    shows(w, "apus_guest_resets_total{guest=\"Guest1\"} 2");
    shows(w, "apus_guest_zeroizations_total{guest=\"Guest1\"} 1");
}

static void test_pieces_make_the_whole(void **state)
{
    struct world *w = *state;
    text_auto whole = {0}, pieces = {0};

    guest_with_a_queue(w);
    page(w, 1 << 20, &whole);
    page(w, 1, &pieces);
    assert_string_equal(whole.data, pieces.data);
}

/* What happens between two pieces leaves each family in one part, with no sample twice. */
static void test_guests_that_come_and_go_between(void **state)
{
    struct world *w = *state;
    struct metrics_page p = {0};
    text_auto all = {0}, piece = {0};
    unsigned i = 0;

    guest_with_a_queue(w);
    for (bool more = true; more; i++) {
        more = metrics_page_more(&p, w->core, 1, &piece);
        text_add(&all, piece.data, piece.len);
        text_clear(&piece);
        assert_int_equal(guest(w, i % 2 ? CMD_GUEST_STOP : CMD_GUEST_START, "Guest2", NULL), 0);
    }
    assert_null(strstr(strstr(all.data, "# TYPE apus_guest_requests counter") + 1,
                       "# TYPE apus_guest_requests counter"));
}

static void test_names_are_quoted(void **state)
{
    struct world *w = *state;

    assert_int_equal(guest(w, CMD_GUEST_START, "a \"b\" \\", NULL), 0);
    shows(w, "apus_guest_requests_total{guest=\"a \\\"b\\\" \\\\\"} 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_of_a_guest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_they_only_grow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resets_of_a_guest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pieces_make_the_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_guests_that_come_and_go_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_are_quoted, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
