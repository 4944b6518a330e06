/* SPDX-License-Identifier: MIT */
/*
 * NQAP, DQAP and PQAP reach the queues of usage domains only, and a command may change control
 * domains only.
 */
#include "unit.h"

#include <string.h>

#include "machine/guest.h"
#include "machine/machine.h"
#include "message/ep11.h"

#define HEADER 88
#define CPRBX  220

struct message {
    uint8_t bytes[HEADER + CPRBX];
    size_t len;
};

static struct machine *machine;
static struct guest guest;
static struct ap_hw hw;

/* A guest with 05.0004 and 06.0004 that may change domain 0x47; the LPAR may change 4, 0x47, ... */
static int set_up(void **state)
{
    struct machine_config config;

    machine_config_default(&config);
    machine = machine_new(&config);
    guest = (struct guest){.features = GUEST_AP | GUEST_APFT | GUEST_APQCI,
                           .lpar = machine_hw(machine)};
    mask256_set(&guest.apcb.apm, 5);
    mask256_set(&guest.apcb.apm, 6);
    mask256_set(&guest.apcb.aqm, 4);
    mask256_set(&guest.apcb.adm, 0x47);
    hw = guest_hw(&guest);
    return 0;
}

static int tear_down(void **state)
{
    machine_free(machine);
    return 0;
}

/* The frame of a request [messages-type6], with an empty control block of len bytes. */
static struct message request(const char *agent, size_t len)
{
    struct message m = {.len = HEADER + len};

    m.bytes[1] = 0x06;
    m.bytes[19] = HEADER;
    memcpy(m.bytes + 32, agent, 2);
    m.bytes[59] = (uint8_t)len;
    return m;
}

static struct message cca(const char *func_id, unsigned domain)
{
    struct message m = request("CA", CPRBX);
    uint8_t *block = m.bytes + HEADER;

    block[1] = CPRBX;
    block[2] = 2;
    memcpy(block + 6, func_id, 2);
    block[170] = (uint8_t)(domain >> 8);
    block[171] = (uint8_t)domain;
    return m;
}

static struct message ep11(unsigned flags, unsigned domain)
{
    struct message m = request("XC", 32);
    uint8_t *block = m.bytes + HEADER;

    block[1] = 32;
    block[2] = 4;
    block[5] = (uint8_t)flags;
    memcpy(block + 6, "T4", 2);
    block[14] = (uint8_t)(domain >> 8);
    block[15] = (uint8_t)domain;
    return m;
}

static enum ap_rc enqueue(const struct ap_hw *by, ap_qn qn, struct message m)
{
    struct ap_nqap nqap = {
        .psmid = 1, .data = m.bytes, .len = m.len, .admin = ap_admin_of(m.bytes, m.len)};

    return apqsw_rc(by->ops->nqap(by->ctx, qn, &nqap));
}

static void test_instructions_reach_usage_domains_only(void **state)
{
    static const ap_qn outside[] = {AP_QN(5, 0x47), AP_QN(4, 4), AP_QN(5, 5), AP_QN(255, 255)};
    struct ap_dqap dqap = {.room = 100};
    uint64_t info;

    assert_int_equal(apqsw_rc(hw.ops->tapq(hw.ctx, AP_QN(5, 4), &info)), AP_RC_NORMAL);
    assert_int_equal(enqueue(&hw, AP_QN(5, 4), cca("T2", 4)), AP_RC_NORMAL);
    for (unsigned i = 0; i < ARRAY_LEN(outside); i++) {
        ap_qn qn = outside[i];

        assert_int_equal(apqsw_rc(hw.ops->tapq(hw.ctx, qn, &info)), AP_RC_Q_NOT_AVAIL);
        assert_int_equal(apqsw_rc(hw.ops->rapq(hw.ctx, qn)), AP_RC_Q_NOT_AVAIL);
        assert_int_equal(apqsw_rc(hw.ops->zapq(hw.ctx, qn)), AP_RC_Q_NOT_AVAIL);
        assert_int_equal(enqueue(&hw, qn, cca("T2", 4)), AP_RC_Q_NOT_AVAIL);
        assert_int_equal(apqsw_rc(hw.ops->dqap(hw.ctx, qn, &dqap)), AP_RC_Q_NOT_AVAIL);
    }
    assert_int_equal(machine_zeroize_count(machine, AP_QN(5, 0x47)), 0);
}

static void test_commands_change_control_domains_only(void **state)
{
    static const char *const administration[] = {"T3", "T5", "T6", "T7"};

    for (unsigned i = 0; i < ARRAY_LEN(administration); i++) {
        const char *id = administration[i];

        assert_int_equal(enqueue(&hw, AP_QN(5, 4), cca(id, 4)), AP_RC_INVALID_DOMAIN);
        assert_int_equal(enqueue(&hw, AP_QN(5, 4), cca(id, 0x147)), AP_RC_INVALID_DOMAIN);
        assert_int_equal(enqueue(&hw, AP_QN(5, 4), cca(id, 0x47)), AP_RC_NORMAL);
    }
    assert_int_equal(enqueue(&hw, AP_QN(6, 4), ep11(EP11_FLAG_ADMIN, 4)), AP_RC_INVALID_DOMAIN);
    assert_int_equal(enqueue(&hw, AP_QN(6, 4), ep11(EP11_FLAG_ADMIN, 0x47)), AP_RC_NORMAL);
    assert_int_equal(enqueue(&hw, AP_QN(6, 4), ep11(0, 4)), AP_RC_NORMAL);
}

/* The LPAR's own controls limit what its guests may do. */
static void test_the_lpar_bounds_its_guests(void **state)
{
    struct ap_hw lpar = machine_hw(machine);

    mask256_set(&guest.apcb.aqm, 9);
    mask256_set(&guest.apcb.adm, 9);
    assert_int_equal(enqueue(&hw, AP_QN(5, 9), cca("T2", 9)), AP_RC_Q_NOT_AVAIL);
    assert_int_equal(enqueue(&hw, AP_QN(5, 4), cca("T3", 9)), AP_RC_INVALID_DOMAIN);
    assert_int_equal(enqueue(&lpar, AP_QN(5, 4), cca("T3", 9)), AP_RC_INVALID_DOMAIN);
    assert_int_equal(enqueue(&lpar, AP_QN(5, 4), cca("T3", 4)), AP_RC_NORMAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_instructions_reach_usage_domains_only),
        TEST(test_commands_change_control_domains_only),
        TEST(test_the_lpar_bounds_its_guests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
