/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "cuse/rounds.h"

/* What is asked of the kernel in each round. */

#define STRUCTURE 0x1000u

static void assert_range(struct iovec v, uint64_t address, size_t len)
{
    assert_int_equal((uintptr_t)v.iov_base, address);
    assert_int_equal(v.iov_len, len);
}

static struct zcrypt_work me(void)
{
    return (struct zcrypt_work){.number = IOCTL_ICARSAMODEXPO,
                                .struct_len = 48,
                                .in = {{0x2000, 128}, {0x3000, 128}, {0x4000, 128}},
                                .in_count = 3,
                                .in_len = 384,
                                .out = {{0x5000, 128}}};
}

static struct zcrypt_work cprb(uint32_t control, uint32_t data)
{
    return (struct zcrypt_work){.number = IOCTL_ZSECSENDCPRB,
                                .struct_len = 94,
                                .in = {{0x100000, control}, {0x200000, data}},
                                .in_count = 2,
                                .in_len = control + data};
}

static void test_structure(void **state)
{
    struct round r;

    round_structure(STRUCTURE, 94, &r);
    assert_int_equal(r.in_count, 1);
    assert_range(r.in[0], STRUCTURE, 94);
    assert_int_equal(r.in_len, 94);
    assert_int_equal(r.out_count, 0);
}

/* Where the result of RSA goes is known with its operands: that saves a round. */
static void test_rsa_has_room_at_once(void **state)
{
    uint8_t result[128], length[4];
    struct zcrypt_answer right = {{{0x5000, result, 128}, {STRUCTURE + 24, length, 4}}, 2};
    struct zcrypt_answer longer = {{{0x5000, result, 127}, {STRUCTURE + 24, length, 4}}, 2};
    struct zcrypt_work w = me();
    struct round r;

    round_operands(&w, STRUCTURE, 0, &r);
    assert_int_equal(r.in_count, 3);
    assert_range(r.in[2], 0x4000, 128);
    assert_int_equal(r.in_len, 384);
    assert_int_equal(r.out_count, 2);
    assert_range(r.out[0], 0x5000, 128);
    assert_range(r.out[1], STRUCTURE + 24, 4);
    assert_true(round_name(&r, 132 + 7, STRUCTURE));
    assert_int_equal(r.out_len, 139);
    assert_true(round_has_room(&r, &right));
    assert_false(round_has_room(&r, &longer));
}

static void test_narrow_room(void **state)
{
    struct zcrypt_work w = me();
    struct round r;

    w.narrow = true;
    round_operands(&w, STRUCTURE, 0, &r);
    assert_range(r.out[1], STRUCTURE + 12, 4);
}

/* The lengths of a reply are not known before. */
static void test_cprb_has_no_room(void **state)
{
    uint8_t bytes[94];
    struct zcrypt_answer a = {{{STRUCTURE, bytes, 94}}, 1};
    struct zcrypt_work w = cprb(100, 0);
    struct round r;

    round_operands(&w, STRUCTURE, 0, &r);
    assert_int_equal(r.in_count, 1);
    assert_int_equal(r.out_count, 0);
    assert_true(round_name(&r, 1, STRUCTURE));
    assert_false(round_has_room(&r, &a));
    assert_int_equal(round_room(&a, STRUCTURE, &r), 0);
    assert_range(r.in[0], STRUCTURE, 1);
    assert_range(r.out[0], STRUCTURE, 94);
}

/* Operands of 128 KiB and more come in parts, which a piece may be in. */
static void test_parts(void **state)
{
    struct zcrypt_work w = {.number = IOCTL_ZSENDEP11CPRB,
                            .in = {{0x100000, 262140}, {0x200000, 100}},
                            .in_count = 2,
                            .in_len = 262240};
    struct round r;

    round_operands(&w, STRUCTURE, 0, &r);
    assert_int_equal(r.in_count, 1);
    assert_range(r.in[0], 0x100000, 131072);
    round_operands(&w, STRUCTURE, 131072, &r);
    assert_int_equal(r.in_count, 2);
    assert_range(r.in[0], 0x100000 + 131072, 131068);
    assert_range(r.in[1], 0x200000, 4);
    round_operands(&w, STRUCTURE, 262144, &r);
    assert_int_equal(r.in_count, 1);
    assert_range(r.in[0], 0x200004, 96);
}

static void test_room_has_an_end(void **state)
{
    static uint8_t bytes[65536];
    struct zcrypt_answer a = {
        {{0x2000, bytes, 65536}, {0x20000, bytes, 65000}, {STRUCTURE, bytes, 94}}, 3};
    struct round r;

    assert_int_equal(round_room(&a, STRUCTURE, &r), 0);
    assert_int_equal(r.out_len, 130630);
    assert_true(round_name(&r, 131072, STRUCTURE));
    a.v[1].len = 65536;
    assert_int_equal(round_room(&a, STRUCTURE, &r), -EMSGSIZE);
}

static void test_names(void **state)
{
    struct round r;

    round_structure(STRUCTURE, 48, &r);
    assert_false(round_name(&r, 0, STRUCTURE));
    assert_false(round_name(&r, ROUND_BYTES + 1, STRUCTURE));
    assert_int_equal(r.out_count, 0);
    assert_true(round_name(&r, 3, STRUCTURE));
    assert_range(r.out[0], STRUCTURE, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),   cmocka_unit_test(test_rsa_has_room_at_once),
        cmocka_unit_test(test_narrow_room), cmocka_unit_test(test_cprb_has_no_room),
        cmocka_unit_test(test_parts),       cmocka_unit_test(test_room_has_an_end),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
