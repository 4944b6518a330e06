/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "ioctl/zcrypt_abi.h"

/* The structures byte by byte, with the layout of a 64-bit program of this machine
 * [zcrypt-structures]. */

static void set(uint8_t *at, uint64_t value, size_t bytes)
{
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        memcpy(at, (uint8_t *)&value + 8 - bytes, bytes);
    else
        memcpy(at, &value, bytes);
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;

    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        memcpy((uint8_t *)&value + 8 - bytes, at, bytes);
    else
        memcpy(&value, at, bytes);
    return value;
}

static void assert_piece(struct zcrypt_piece piece, uint64_t address, uint32_t len)
{
    assert_int_equal(piece.address, address);
    assert_int_equal(piece.len, len);
}

static void test_lengths(void **state)
{
    assert_int_equal(zcrypt_abi_struct_len(0xc0007a05, false), 48);
    assert_int_equal(zcrypt_abi_struct_len(0xc0007a06, false), 72);
    assert_int_equal(zcrypt_abi_struct_len(0xc0007a81, false), 94);
    assert_int_equal(zcrypt_abi_struct_len(0xc0007a04, false), 58);
    assert_int_equal(zcrypt_abi_struct_len(0xc0007a5f, false), 0);
    assert_int_equal(zcrypt_abi_struct_len(0, false), 0);
}

static void make_me(uint8_t b[48], uint32_t in, uint32_t out)
{
    memset(b, 0xee, 48);
    set(b, 0x1111, 8);
    set(b + 8, in, 4);
    set(b + 16, 0x2222, 8);
    set(b + 24, out, 4);
    set(b + 32, 0x3333, 8);
    set(b + 40, 0x4444, 8);
}

static void test_me(void **state)
{
    uint8_t b[48], data[3 * 130];
    struct zcrypt_request r;
    struct zcrypt_work w;

    make_me(b, 130, 200);
    assert_int_equal(zcrypt_abi_parse(0xc0007a05, false, b, &w), 0);
    assert_int_equal(w.in_count, 3);
    assert_int_equal(w.in_len, 390);
    assert_piece(w.in[0], 0x1111, 130);
    assert_piece(w.in[1], 0x3333, 130);
    assert_piece(w.in[2], 0x4444, 130);
    assert_piece(w.out[0], 0x2222, 130);
    zcrypt_abi_request(&w, data, NULL, &r);
    assert_int_equal(r.kind, ZCRYPT_RSA);
    assert_false(r.rsa.crt);
    assert_ptr_equal(r.rsa.input.data, data);
    assert_ptr_equal(r.rsa.me.exponent.data, data + 130);
    assert_ptr_equal(r.rsa.me.modulus.data, data + 260);
    assert_int_equal(r.rsa.me.modulus.len, 130);
}

/* A 32-bit program has pointers of four bytes, and no gaps. */
static void test_narrow_rsa(void **state)
{
    uint8_t b[36], result[125];
    struct zcrypt_reply reply = {.data = span_of(result, sizeof result)};
    struct zcrypt_answer a;
    struct zcrypt_work w;

    assert_int_equal(zcrypt_abi_struct_len(0xc0007a05, true), 24);
    assert_int_equal(zcrypt_abi_struct_len(0xc0007a06, true), 36);
    for (unsigned i = 0; i < 9; i++)
        set(b + 4 * i, 0x70000000 + i, 4);
    set(b + 4, 125, 4);
    set(b + 12, 126, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a05, true, b, &w), 0);
    assert_int_equal(w.in_count, 3);
    assert_piece(w.in[0], 0x70000000, 125);
    assert_piece(w.in[1], 0x70000004, 125);
    assert_piece(w.in[2], 0x70000005, 125);
    assert_piece(w.out[0], 0x70000002, 125);
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, 0, &reply, &a), 0);
    assert_int_equal(a.v[1].address, 0x9000 + 12);
    assert_int_equal(get(a.v[1].data, 4), 125);
    assert_int_equal(zcrypt_abi_parse(0xc0007a06, true, b, &w), 0);
    assert_int_equal(w.in_count, 6);
    assert_piece(w.in[1], 0x70000006, 71); /* np nq bp bq u, of bp bq np nq u */
    assert_piece(w.in[2], 0x70000007, 63);
    assert_piece(w.in[3], 0x70000004, 71);
    assert_piece(w.in[4], 0x70000005, 63);
    assert_piece(w.in[5], 0x70000008, 71);
    set(b + 12, 124, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a06, true, b, &w), -EINVAL);
}

static void test_narrow_cprb(void **state)
{
    uint8_t b[94] = {0};
    struct zcrypt_work w;

    assert_int_equal(zcrypt_abi_struct_len(0xc0007a81, true), 94);
    set(b + 8, 300, 4);
    set(b + 28, 40, 4);
    set(b + 48, 500, 4);
    set(b + 68, 600, 4);
    memset(b + 12, 0xee, 12); /* the bytes before a pointer are ignored */
    for (unsigned i = 0; i < 4; i++)
        set(b + 24 + 20 * i, 0x70000000 + i, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a81, true, b, &w), 0);
    assert_piece(w.in[0], 0x70000000, 300);
    assert_piece(w.in[1], 0x70000001, 40);
    assert_piece(w.out[0], 0x70000002, 500);
    assert_piece(w.out[1], 0x70000003, 600);
    assert_int_equal(zcrypt_abi_struct_len(0xc0007a04, true), 58);
}

static void test_me_errors(void **state)
{
    struct zcrypt_work w;
    uint8_t b[48];

    make_me(b, 130, 129);
    assert_int_equal(zcrypt_abi_parse(0xc0007a05, false, b, &w), -EINVAL);
    make_me(b, 0, 129);
    assert_int_equal(zcrypt_abi_parse(0xc0007a05, false, b, &w), -EINVAL);
    make_me(b, 513, 513);
    assert_int_equal(zcrypt_abi_parse(0xc0007a05, false, b, &w), -ENODEV);
    make_me(b, UINT32_MAX, UINT32_MAX);
    assert_int_equal(zcrypt_abi_parse(0xc0007a05, false, b, &w), -ENODEV);
    assert_int_equal(w.struct_len, 48);
    assert_int_equal(w.in_count, 0);
}

/* An odd length: the halves are rounded up. */
static void test_crt(void **state)
{
    uint8_t b[72], data[1000];
    struct zcrypt_request r;
    struct zcrypt_work w;

    memset(b, 0, sizeof b);
    set(b, 0x10, 8);
    set(b + 8, 125, 4);
    set(b + 16, 0x20, 8);
    set(b + 24, 125, 4);
    for (unsigned i = 0; i < 5; i++)
        set(b + 32 + 8 * i, 0x30 + 0x10 * i, 8); /* bp bq np nq u */
    assert_int_equal(zcrypt_abi_parse(0xc0007a06, false, b, &w), 0);
    assert_int_equal(w.in_count, 6);
    assert_piece(w.in[0], 0x10, 125);
    assert_piece(w.in[1], 0x50, 71);
    assert_piece(w.in[2], 0x60, 63);
    assert_piece(w.in[3], 0x30, 71);
    assert_piece(w.in[4], 0x40, 63);
    assert_piece(w.in[5], 0x70, 71);
    zcrypt_abi_request(&w, data, NULL, &r);
    assert_true(r.rsa.crt);
    assert_ptr_equal(r.rsa.key.p.data, data + 125);
    assert_ptr_equal(r.rsa.key.u.data, data + 125 + 71 + 63 + 71 + 63);
    assert_int_equal(r.rsa.key.dq.len, 63);
}

static void test_rsa_answer(void **state)
{
    uint8_t b[48], result[130];
    struct zcrypt_reply reply = {.data = span_of(result, sizeof result)};
    struct zcrypt_answer a;
    struct zcrypt_work w;

    make_me(b, 130, 200);
    zcrypt_abi_parse(0xc0007a05, false, b, &w);
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, 0, &reply, &a), 0);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.v[0].address, 0x2222);
    assert_int_equal(a.v[0].len, 130);
    assert_int_equal(a.v[1].address, 0x9000 + 24);
    assert_int_equal(a.v[1].len, 4);
    assert_int_equal(get(a.v[1].data, 4), 130);
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, -EINVAL, &reply, &a), 0);
    assert_int_equal(a.count, 0);
    reply.data.len = 131;
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, 0, &reply, &a), -EMSGSIZE);
}

static void make_xcrb(uint8_t b[94])
{
    memset(b, 0xee, 94);
    set(b, 0x4341, 2);
    set(b + 2, 0xffffffff, 4);
    set(b + 8, 300, 4);
    set(b + 20, 0x1000, 8);
    set(b + 28, 40, 4);
    set(b + 40, 0x2000, 8);
    set(b + 48, 500, 4);
    set(b + 60, 0x3000, 8);
    set(b + 68, 600, 4);
    set(b + 80, 0x4000, 8);
    set(b + 90, 0, 4);
}

static void test_xcrb(void **state)
{
    uint8_t b[94], data[340];
    struct zcrypt_request r;
    struct zcrypt_work w;

    make_xcrb(b);
    assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), 0);
    assert_piece(w.in[0], 0x1000, 300);
    assert_piece(w.in[1], 0x2000, 40);
    assert_piece(w.out[0], 0x3000, 500);
    assert_piece(w.out[1], 0x4000, 600);
    zcrypt_abi_request(&w, data, NULL, &r);
    assert_int_equal(r.kind, ZCRYPT_CCA);
    assert_memory_equal(r.agent, "CA", 2);
    assert_int_equal(r.card, ZCRYPT_ANY_CARD);
    assert_ptr_equal(r.data.data, data + 300);
    assert_int_equal(r.reply_control, 500);
    assert_int_equal(r.reply_data, 600);
    set(b + 8, 65537, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), -EINVAL);
    for (unsigned at = 8; at <= 48; at += 40) { /* request and reply, shorter than a header */
        make_xcrb(b);
        set(b + at, 219, 4);
        assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), -EINVAL);
        set(b + at, 220, 4);
        assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), 0);
    }
    make_xcrb(b);
    set(b + 28, UINT32_MAX, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), -EINVAL);
    make_xcrb(b);
    set(b + 48, 0xfffffffc, 4); /* reply blocks */
    set(b + 68, 3, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), 0);
    set(b + 68, 4, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), -EINVAL);
    set(b + 68, 0, 4);
    set(b + 48, 0xfffffffd, 4);
    assert_int_equal(zcrypt_abi_parse(0xc0007a81, false, b, &w), -EINVAL);
}

static void test_xcrb_answer(void **state)
{
    uint8_t b[94], bytes[100];
    struct zcrypt_reply reply = {0, span_of(bytes, 100), span_of(bytes, 30)};
    struct zcrypt_answer a;
    struct zcrypt_work w;

    make_xcrb(b);
    zcrypt_abi_parse(0xc0007a81, false, b, &w);
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, 0, &reply, &a), 0);
    assert_int_equal(a.count, 3);
    assert_int_equal(a.v[0].address, 0x3000);
    assert_int_equal(a.v[1].address, 0x4000);
    assert_int_equal(a.v[1].len, 30);
    assert_int_equal(a.v[2].address, 0x9000);
    assert_int_equal(a.v[2].len, 94);
    assert_int_equal(get(a.v[2].data + 48, 4), 100);
    assert_int_equal(get(a.v[2].data + 68, 4), 30);
    assert_int_equal(get(a.v[2].data + 20, 8), 0x1000);
    reply.status = 0x0008044d;
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, -EINVAL, &reply, &a), 0);
    assert_int_equal(a.count, 1);
    assert_int_equal(get(a.v[0].data + 90, 4), 0x0008044d);
    /* Nor without a reply: the status says that no adapter has seen it. */
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, -ENODEV, NULL, &a), 0);
    assert_int_equal(a.count, 1);
    assert_true(a.v[0].address == 0x9000 && a.v[0].len == 94);
    for (unsigned i = 90; i < 94; i++)
        assert_int_equal(((const uint8_t *)a.v[0].data)[i], 0);
}

static void test_urb(void **state)
{
    uint8_t b[58] = {0}, data[108] = {0};
    struct zcrypt_target targets[2];
    struct zcrypt_reply reply = {.control = span_of(data, 64)};
    struct zcrypt_answer a;
    struct zcrypt_request r;
    struct zcrypt_work w;

    set(b, 2, 2);
    set(b + 2, 0x1000, 8);
    set(b + 26, 100, 8);
    set(b + 34, 0x2000, 8);
    set(b + 42, UINT64_MAX, 8);
    set(b + 50, 0x3000, 8);
    assert_int_equal(zcrypt_abi_parse(0xc0007a04, false, b, &w), -EINVAL);
    set(b + 42, 0xfffffffd, 8);
    assert_int_equal(zcrypt_abi_parse(0xc0007a04, false, b, &w), -EINVAL);
    set(b + 42, 0xfffffffc, 8);
    assert_int_equal(zcrypt_abi_parse(0xc0007a04, false, b, &w), 0);
    assert_piece(w.in[0], 0x1000, 8);
    assert_piece(w.in[1], 0x2000, 100);
    set(data, 5, 2);
    set(data + 2, 4, 2);
    set(data + 4, 0xffff, 2);
    set(data + 6, 0x47, 2);
    zcrypt_abi_request(&w, data, targets, &r);
    assert_int_equal(r.kind, ZCRYPT_EP11);
    assert_int_equal(r.target_count, 2);
    assert_int_equal(targets[0].apid, 5);
    assert_int_equal(targets[1].apid, 0xffff);
    assert_int_equal(targets[1].apqi, 0x47);
    assert_ptr_equal(r.control.data, data + 8);
    assert_int_equal(r.reply_control, 0xfffffffc);
    assert_int_equal(zcrypt_abi_answer(&w, 0x9000, 0, &reply, &a), 0);
    assert_int_equal(a.count, 2);
    assert_int_equal(get(a.v[1].data + 42, 8), 64);
    set(b + 26, UINT64_MAX, 8);
    assert_int_equal(zcrypt_abi_parse(0xc0007a04, false, b, &w), -EINVAL);
}

static void test_status_bytes(void **state)
{
    const struct zcrypt_status cex5c = {.type = 11, .online = true, .functions = 0x24};
    const struct zcrypt_status offline = {.type = 12, .functions = 0x3a}, none = {0};
    uint8_t b[4];

    zcrypt_abi_status(&cex5c, 0x0504, false, true, b);
    assert_memory_equal(b, "\x0b\x05\x04\xc8", 4);
    zcrypt_abi_status(&cex5c, 0x0504, false, false, b);
    assert_memory_equal(b, "\x0b\x04\x05\x49", 4);
    zcrypt_abi_status(&offline, 0x3fab, false, true, b);
    assert_memory_equal(b, "\x0c\x3f\xab\x74", 4);
    /* qid has 14 bits, so online and functions move up by two. */
    zcrypt_abi_status(&cex5c, 0x0504, true, true, b);
    assert_memory_equal(b, "\x0b\x14\x13\x20", 4);
    zcrypt_abi_status(&cex5c, 0x0504, true, false, b);
    assert_memory_equal(b, "\x0b\x04\x45\x12", 4);
    zcrypt_abi_status(&none, 0x0504, false, true, b);
    assert_memory_equal(b, "\0\0\0\0", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),      cmocka_unit_test(test_me),
        cmocka_unit_test(test_me_errors),    cmocka_unit_test(test_narrow_rsa),
        cmocka_unit_test(test_narrow_cprb),  cmocka_unit_test(test_crt),
        cmocka_unit_test(test_rsa_answer),   cmocka_unit_test(test_xcrb),
        cmocka_unit_test(test_xcrb_answer),  cmocka_unit_test(test_urb),
        cmocka_unit_test(test_status_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
