/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "machine/instruction.h"

#include "machine_world.h"

/* Queues of an adapter: NQAP, DQAP, resets, and the registers around them [ap-function-codes] to
 * [ap-aqic]. */

#define FEATURES (GUEST_AP | GUEST_APFT | GUEST_APQCI | GUEST_APQI)

static struct ap_insn_result pqap(struct world *w, unsigned fc, uint64_t bits, ap_qn qn)
{
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP, .gr = {(uint64_t)fc << 24 | bits | qn}};
    struct ap_insn_result r;

    ap_execute(&w->hw, FEATURES, &insn, &r);
    return r;
}

static struct ap_insn_result nqap(struct world *w, ap_qn qn, uint64_t psmid, const void *data,
                                  size_t len)
{
    struct ap_insn insn = {.opcode = AP_OPCODE_NQAP,
                           .r1 = 2,
                           .r2 = 4,
                           .gr = {0x40000000u | qn},
                           .p1 = {psmid >> 32, psmid & 0xffffffff},
                           .p2 = {0x10000, len},
                           .data = data,
                           .data_len = len};
    struct ap_insn_result r;

    ap_execute(&w->hw, FEATURES, &insn, &r);
    return r;
}

static struct ap_insn_result dqap(struct world *w, ap_qn qn, size_t room)
{
    struct ap_insn insn = {.opcode = AP_OPCODE_DQAP,
                           .r1 = 2,
                           .r2 = 4,
                           .gr = {0x80000000u | qn},
                           .p2 = {0x20000, room}};
    struct ap_insn_result r;

    ap_execute(&w->hw, FEATURES, &insn, &r);
    return r;
}

static unsigned rc_of(const struct ap_insn_result *r)
{
    return r->gr[1] >> 16 & 0xff;
}

static void answer(struct world *w, const char *reply)
{
    struct machine_job job;
    uint64_t id;
    ap_qn qn;

    assert_true(machine_job_next(w->machine, &id));
    assert_int_equal(machine_job_get(w->machine, id, &job), 0);
    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)reply, strlen(reply), &qn),
                     0);
    assert_int_equal(qn, job.qn);
    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)"", 0, &qn), -ESTALE);
}

static void test_request_and_reply(void **state)
{
    struct world *w = *state;
    struct ap_insn_result r = nqap(w, QN, 0x123456789abcdef0, "question", 8);

    assert_int_equal(r.cc, 0);
    assert_int_equal(r.p2[0], 0x10008);
    assert_int_equal(r.p2[1], 0);
    r = dqap(w, QN, 100);
    assert_int_equal(r.cc, 3);
    assert_int_equal(rc_of(&r), 0x10);
    assert_false(r.gr[1] & APQSW_EMPTY);
    answer(w, "reply");
    r = pqap(w, 0, 0x800000, QN);
    assert_true(r.gr[1] & APQSW_REPLIES);
    r = dqap(w, QN, 100);
    assert_int_equal(r.cc, 0);
    assert_int_equal(r.p1[0], 0x12345678);
    assert_int_equal(r.p1[1], 0x9abcdef0);
    assert_int_equal(r.data.len, 5);
    assert_memory_equal(r.data.data, "reply", 5);
    assert_int_equal(r.address, 0x20000);
    assert_int_equal(r.p2[1], 95);
    assert_true(r.gr[1] & APQSW_EMPTY);
    text_done(&r.data);
}

static void test_partial_reply(void **state)
{
    struct world *w = *state;
    struct ap_insn_result r;

    nqap(w, QN, 1, "q", 1);
    answer(w, "abcdef");
    r = dqap(w, QN, 4);
    assert_int_equal(r.cc, 2);
    assert_int_equal(r.gr[2], 2);
    assert_memory_equal(r.data.data, "abcd", 4);
    text_done(&r.data);
    r = dqap(w, QN, 4);
    assert_int_equal(r.cc, 0);
    assert_int_equal(r.gr[2], 0);
    assert_memory_equal(r.data.data, "ef", 2);
    text_done(&r.data);
}

static void answer_job(struct world *w, uint64_t id, const char *reply)
{
    ap_qn qn;

    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)reply, strlen(reply), &qn),
                     0);
}

/* The first part of a reply determines what the rest belongs to, whatever happens meanwhile. */
static void test_partial_reply_is_continued(void **state)
{
    struct world *w = *state;
    struct ap_insn_result r;
    uint64_t ids[2];

    nqap(w, QN, 1, "slow", 4);
    nqap(w, QN, 2, "fast", 4);
    assert_true(machine_job_next(w->machine, &ids[0]) && machine_job_next(w->machine, &ids[1]));
    answer_job(w, ids[1], "abcdef");
    r = dqap(w, QN, 4);
    assert_int_equal(r.cc, 2);
    assert_int_equal(r.p1[1], 2);
    text_done(&r.data);
    answer_job(w, ids[0], "uvwxyz");
    r = dqap(w, QN, 4);
    assert_int_equal(r.cc, 0);
    assert_int_equal(r.p1[1], 2);
    assert_int_equal(r.data.len, 2);
    assert_memory_equal(r.data.data, "ef", 2);
    text_done(&r.data);
    r = dqap(w, QN, 9);
    assert_int_equal(r.p1[1], 1);
    assert_memory_equal(r.data.data, "uvwxyz", 6);
    text_done(&r.data);
}

static void test_depth(void **state)
{
    struct world *w = *state;
    unsigned depth = machine_adapter_config(w->machine, 6)->depth + 1u;
    struct ap_insn_result r;

    for (unsigned i = 0; i < depth; i++) {
        r = nqap(w, QN, i, "q", 1);
        assert_int_equal(rc_of(&r), 0);
    }
    r = nqap(w, QN, 99, "q", 1);
    assert_int_equal(rc_of(&r), 0x10);
    assert_true(r.gr[1] & APQSW_FULL);
    answer(w, "a");
    r = nqap(w, QN, 99, "q", 1);
    assert_int_equal(rc_of(&r), 0x10);
    r = dqap(w, QN, 9);
    text_done(&r.data);
    r = nqap(w, QN, 99, "q", 1);
    assert_int_equal(rc_of(&r), 0);
}

/* The late answer to a job whose queue was reset must not become the reply to another request. */
static void test_reset_drops_jobs(void **state)
{
    struct world *w = *state;
    struct ap_insn_result r;
    uint64_t id;
    ap_qn qn;

    nqap(w, QN, 1, "secret", 6);
    assert_true(machine_job_next(w->machine, &id));
    r = pqap(w, 2, 0, QN);
    assert_int_equal(rc_of(&r), 0);
    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)"late", 4, &qn), -ESTALE);
    nqap(w, QN, 2, "other", 5);
    assert_int_equal(machine_job_done(w->machine, id, (const uint8_t *)"late", 4, &qn), -ESTALE);
    r = dqap(w, QN, 9);
    assert_int_equal(rc_of(&r), 0x10);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 1);
}

static void test_states(void **state)
{
    struct world *w = *state;
    struct ap_insn_result r = pqap(w, 0, 0x800000, AP_QN(7, 4));

    assert_int_equal(rc_of(&r), 1);
    assert_int_equal(r.cc, 3);
    machine_set_checkstop(w->machine, 6, true);
    r = nqap(w, QN, 1, "q", 1);
    assert_int_equal(rc_of(&r), 4);
    machine_set_online(w->machine, 6, false);
    r = pqap(w, 0, 0x800000, QN);
    assert_int_equal(rc_of(&r), 3);
    assert_true(r.gr[2] != 0);
}

/* A pending zeroize of an adapter in standby is done before the adapter answers again. */
static void test_zeroize_due(void **state)
{
    struct world *w = *state;

    machine_set_online(w->machine, 6, false);
    pqap(w, 2, 0, QN);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 0);
    machine_set_online(w->machine, 6, true);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 1);
    assert_int_equal(machine_zeroize_count(w->machine, AP_QN(6, 4)), 0);
}

/* The next owner of the domain or adapter does not find its keys, nor does the LPAR when it gets it
 * back. */
static void test_leaving_the_lpar_zeroizes(void **state)
{
    struct world *w = *state;

    machine_set_lpar_domain(w->machine, 0x47, false);
    for (unsigned apid = 4; apid <= 6; apid++) {
        assert_int_equal(machine_zeroize_count(w->machine, AP_QN(apid, 0x47)), 1);
        assert_int_equal(machine_zeroize_count(w->machine, AP_QN(apid, 4)), 0);
    }
    machine_set_lpar_domain(w->machine, 0x47, true);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 1);
    machine_set_lpar_adapter(w->machine, 6, false);
    assert_int_equal(machine_zeroize_count(w->machine, QN), 2);
    assert_int_equal(machine_zeroize_count(w->machine, AP_QN(6, 4)), 1);
    assert_int_equal(machine_zeroize_count(w->machine, AP_QN(5, 4)), 0);
}

static void test_program_checks(void **state)
{
    struct world *w = *state;
    struct ap_insn odd = {.opcode = AP_OPCODE_NQAP, .r1 = 3, .r2 = 4};
    struct ap_insn_result r;

    ap_execute(&w->hw, FEATURES, &odd, &r);
    assert_int_equal(r.program_check, PGM_SPECIFICATION);
    ap_execute(&w->hw, 0, &odd, &r);
    assert_int_equal(r.program_check, PGM_OPERATION);
    assert_int_equal(pqap(w, 9, 0, QN).program_check, PGM_SPECIFICATION);
    assert_int_equal(pqap(w, 5, 0, QN).program_check,
                     PGM_SPECIFICATION); /* no QACT on this machine */
    assert_int_equal(pqap(w, 1, 0x10000, QN).program_check, PGM_SPECIFICATION);
}

static void test_qci(void **state)
{
    struct world *w = *state;
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP, .gr = {4u << 24, 0, 0x3000}};
    struct ap_insn_result r;

    ap_execute(&w->hw, FEATURES, &insn, &r);
    assert_int_equal(r.cc, 0);
    assert_int_equal(r.data.len, 128);
    assert_int_equal(r.address, 0x3000);
    assert_int_equal((uint8_t)r.data.data[16], 0x0e);
    text_done(&r.data);
    insn.gr[2] = 0x3004;
    ap_execute(&w->hw, FEATURES, &insn, &r);
    assert_int_equal(r.program_check, PGM_SPECIFICATION);
}

static void test_aqic(void **state)
{
    struct world *w = *state;
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP,
                           .gr = {3u << 24 | QN, UINT64_C(1) << 47, 0x4000}};
    struct ap_insn_result r;

    ap_execute(&w->hw, FEATURES, &insn, &r);
    assert_int_equal(rc_of(&r), 0);
    assert_true(machine_queue_aqic(w->machine, QN).enable);
    ap_execute(&w->hw, FEATURES, &insn, &r);
    assert_int_equal(rc_of(&r), 7);
    insn.gr[2] = 0;
    ap_execute(&w->hw, FEATURES, &insn, &r);
    assert_int_equal(rc_of(&r), 6);
}

/* The machine keeps ISC and NIB of AQIC until interrupts are disabled or the queue is reset. */
static void test_aqic_is_kept(void **state)
{
    struct world *w = *state;
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP, .gr = {3u << 24 | QN}};
    struct ap_insn_result r;
    struct ap_aqic kept;

    for (unsigned end = 0; end < 4; end++) {
        insn.gr[1] = UINT64_C(1) << 47 | 5;
        insn.gr[2] = 0x123456789abc;
        ap_execute(&w->hw, FEATURES, &insn, &r);
        assert_int_equal(rc_of(&r), 0);
        insn.gr[1] ^= 3;
        insn.gr[2] = 8;
        ap_execute(&w->hw, FEATURES, &insn, &r); /* already enabled: unchanged */
        assert_int_equal(rc_of(&r), AP_RC_OTHERWISE_CHANGED);
        kept = machine_queue_aqic(w->machine, QN);
        assert_true(kept.enable);
        assert_int_equal(kept.isc, 5);
        assert_int_equal(kept.nib, 0x123456789abc);
        assert_false(machine_queue_aqic(w->machine, QN + 1).enable);
        if (end == 0) {
            insn.gr[1] = 0;
            ap_execute(&w->hw, FEATURES, &insn, &r);
            assert_int_equal(rc_of(&r), 0);
        } else if (end == 1) {
            w->hw.ops->rapq(w->hw.ctx, QN);
        } else if (end == 2) {
            w->hw.ops->zapq(w->hw.ctx, QN);
        } else {
            machine_set_online(w->machine, AP_QN_APID(QN), false);
        }
        kept = machine_queue_aqic(w->machine, QN);
        assert_false(kept.enable);
        assert_int_equal(kept.isc, 0);
        assert_int_equal(kept.nib, 0);
    }
}

/* Reserved: GR0 bits 41 to 47, and the T bit without facility 15 [guests-interception]. */
static void test_aqic_bits(void **state)
{
    struct world *w = *state;
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP, .gr = {0, UINT64_C(1) << 47, 0x4000}};
    struct ap_insn_result r;

    for (unsigned bit = 16; bit < 23; bit++) {
        insn.gr[0] = 3u << 24 | QN | 1u << bit;
        ap_execute(&w->hw, FEATURES, &insn, &r);
        assert_int_equal(r.program_check, PGM_SPECIFICATION);
    }
    insn.gr[0] = 3u << 24 | QN | 1u << 23;
    ap_execute(&w->hw, FEATURES & ~GUEST_APFT, &insn, &r);
    assert_int_equal(r.program_check, PGM_SPECIFICATION);
    ap_execute(&w->hw, FEATURES, &insn, &r);
    assert_int_equal(r.program_check, 0);
    assert_int_equal(r.cc, 0);
}

/* Facility 65 is a property of the machine: a CPU model cannot add it. */
static void test_no_interrupts(void **state)
{
    struct machine_config config;
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP,
                           .gr = {3u << 24 | QN, UINT64_C(1) << 47, 0x4000}};
    struct guest guest = {.features = FEATURES};
    struct machine *machine;
    struct ap_insn_result r;
    struct ap_hw hw[2];

    machine_config_default(&config);
    config.interrupts = false;
    machine = machine_new(&config);
    guest.lpar = hw[0] = machine_hw(machine);
    mask256_set(&guest.apcb.apm, 6);
    mask256_set(&guest.apcb.aqm, 0x47);
    hw[1] = guest_hw(&guest);
    for (unsigned i = 0; i < 2; i++) {
        ap_execute(&hw[i], FEATURES, &insn, &r);
        assert_int_equal(r.program_check, PGM_SPECIFICATION);
    }
    assert_false(machine_queue_aqic(machine, QN).enable);
    machine_free(machine);
}

/* Type and depth existed before facility 15, which added the rest. */
static void test_tapq_without_the_t_bit(void **state)
{
    struct world *w = *state;
    struct guest guest = {.features = FEATURES & ~GUEST_APFT, .lpar = w->hw};
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP, .gr = {QN, 0, UINT64_C(0xffffffffffffffff)}};
    struct ap_insn_result r = pqap(w, 0, 0x800000, QN);
    struct ap_hw hw;

    assert_int_equal(r.gr[2], UINT64_C(0x6a0000000b000007) | 4u << 16);
    ap_execute(&w->hw, FEATURES, &insn, &r);
    assert_int_equal(r.cc, 0);
    assert_int_equal(r.gr[2], 0x0b000007);
    mask256_set(&guest.apcb.apm, 6);
    mask256_set(&guest.apcb.aqm, 0x47);
    hw = guest_hw(&guest);
    ap_execute(&hw, guest.features, &insn, &r);
    assert_int_equal(r.cc, 0);
    assert_int_equal(r.gr[2], 0x0b000007);
    insn.gr[0] |= 0x800000;
    ap_execute(&hw, guest.features, &insn, &r);
    assert_int_equal(r.program_check, PGM_SPECIFICATION);
    insn.gr[0] = AP_QN(6, 0x48);
    ap_execute(&hw, guest.features, &insn, &r);
    assert_int_equal(rc_of(&r), 1);
    assert_int_equal(r.gr[2], 0);
}

/* On a machine with QACT, it returns the adapter's type, or an older one on request. */
static void test_qact(void **state)
{
    struct machine_config config;
    struct ap_insn insn = {.opcode = AP_OPCODE_PQAP,
                           .gr = {5u << 24 | QN, UINT64_C(0x080000000e000000)}};
    struct machine *machine;
    struct ap_insn_result r;
    struct ap_hw hw;

    machine_config_default(&config);
    config.features |= AP_QCI_QACT;
    machine = machine_new(&config);
    hw = machine_hw(machine);
    ap_execute(&hw, FEATURES, &insn, &r);
    assert_int_equal(r.program_check, 0);
    assert_int_equal(r.cc, 0);
    assert_int_equal(r.gr[2], UINT64_C(0x080000000b000000));
    insn.gr[1] = UINT64_C(0x080000000a000000);
    ap_execute(&hw, FEATURES, &insn, &r);
    assert_int_equal(r.gr[2], UINT64_C(0x080000000a000000));
    machine_set_online(machine, 6, false);
    ap_execute(&hw, FEATURES, &insn, &r);
    assert_int_equal(rc_of(&r), 3);
    assert_int_equal(r.cc, 3);
    insn.gr[0] = 5u << 24 | AP_QN(6, 0x48);
    ap_execute(&hw, FEATURES, &insn, &r);
    assert_int_equal(rc_of(&r), 1);
    machine_free(machine);
}

/* The slot of a job that a reset ended is reused before anyone has been told of either. */
static void test_job_announced_once(void **state)
{
    struct world *w = *state;
    struct machine_job job;
    uint64_t id;

    nqap(w, QN, 1, "first", 5);
    pqap(w, 1, 0, QN);
    nqap(w, QN, 2, "second", 6);
    assert_true(machine_job_next(w->machine, &id));
    assert_int_equal(machine_job_get(w->machine, id, &job), 0);
    assert_memory_equal(job.request, "second", 6);
    assert_false(machine_job_next(w->machine, &id));
}

/* An APQN that does not exist gives 01, whatever else is wrong with the instruction. */
static void test_not_there_comes_first(void **state)
{
    struct world *w = *state;
    ap_qn nowhere = AP_QN(6, 0x48);
    struct ap_insn part = {
        .opcode = AP_OPCODE_NQAP, .r1 = 2, .r2 = 4, .gr = {nowhere}, .p2 = {0x10000, 4}};
    struct ap_insn no_byte = {.opcode = AP_OPCODE_PQAP,
                              .gr = {3u << 24 | nowhere, UINT64_C(1) << 47, 0}};
    struct ap_insn_result r;

    part.data = (const uint8_t *)"part";
    part.data_len = 4;
    ap_execute(&w->hw, FEATURES, &part, &r);
    assert_int_equal(rc_of(&r), 1);
    part.gr[0] |= 0x40000000;
    part.p2[1] = 40000;
    ap_execute(&w->hw, FEATURES, &part, &r);
    assert_int_equal(rc_of(&r), 1);
    ap_execute(&w->hw, FEATURES, &no_byte, &r);
    assert_int_equal(rc_of(&r), 1);
}

/* A hardware event that does not change an adapter leaves its queues alone; one that takes it
 * offline empties them, as the Support Element does. */
static void test_event(void **state)
{
    struct world *w = *state;
    struct machine_config config = *machine_config(w->machine);
    struct ap_insn aqic = {.opcode = AP_OPCODE_PQAP,
                           .gr = {3u << 24 | QN, UINT64_C(1) << 47, 0x4000}};
    struct mask256 none = {{0}};
    struct machine_job job;
    struct ap_insn_result r;
    uint64_t id;

    ap_execute(&w->hw, FEATURES, &aqic, &r);
    nqap(w, QN, 1, "question", 8);
    assert_true(machine_job_next(w->machine, &id));
    config.adapters[5].configured = false;
    machine_replace(w->machine, &config, &none);
    assert_int_equal(machine_job_get(w->machine, id, &job), 0);
    assert_true(machine_queue_aqic(w->machine, QN).enable);
    config.adapters[6].configured = false;
    machine_replace(w->machine, &config, &none);
    assert_int_equal(machine_job_get(w->machine, id, &job), -ESTALE);
    assert_false(machine_queue_aqic(w->machine, QN).enable);
}

static void test_each_reply_comes_once(void **state)
{
    struct world *w = *state;
    struct ap_insn_result r;

    nqap(w, QN, 1, "one", 3);
    nqap(w, QN, 2, "two", 3);
    answer(w, "one");
    assert_int_equal(machine_replies_came(w->machine, QN), 1);
    assert_int_equal(machine_replies_came(w->machine, QN), 0);
    answer(w, "two");
    r = dqap(w, QN, 100);
    text_done(&r.data);
    assert_int_equal(machine_replies_came(w->machine, QN), 1);
    r = dqap(w, QN, 100);
    text_done(&r.data);
    assert_int_equal(machine_replies_came(w->machine, QN), 0);
}

/* The configuration that the machine reports is the current one. */
static void test_config_is_current(void **state)
{
    struct world *w = *state;
    const struct machine_config *config = machine_config(w->machine);
    struct machine_config wanted = *config;
    struct mask256 none = {0};

    machine_set_online(w->machine, 6, false);
    assert_false(config->adapters[6].configured);
    machine_set_lpar_adapter(w->machine, 5, false);
    assert_false(config->adapters[5].in_lpar);
    assert_int_equal(machine_adapter_type_parse("CEX8P", &wanted.adapters[4]), 0);
    machine_replace(w->machine, &wanted, &none);
    assert_int_equal(config->adapters[4].type, 14);
    assert_true(config->adapters[6].configured);
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        assert_ptr_equal(machine_adapter_config(w->machine, apid), &config->adapters[apid]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_request_and_reply),
        TEST(test_partial_reply),
        TEST(test_partial_reply_is_continued),
        TEST(test_depth),
        TEST(test_reset_drops_jobs),
        TEST(test_states),
        TEST(test_zeroize_due),
        TEST(test_leaving_the_lpar_zeroizes),
        TEST(test_program_checks),
        TEST(test_qci),
        TEST(test_aqic),
        TEST(test_aqic_is_kept),
        TEST(test_aqic_bits),
        TEST(test_no_interrupts),
        TEST(test_tapq_without_the_t_bit),
        TEST(test_qact),
        TEST(test_job_announced_once),
        TEST(test_not_there_comes_first),
        TEST(test_event),
        TEST(test_each_reply_comes_once),
        TEST(test_config_is_current),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
