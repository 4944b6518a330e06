/* SPDX-License-Identifier: MIT */
/* zcrypt's judgement of replies [messages-judgement] [messages-service-codes]: results, each class
 * of error, malformed replies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/cca.h"
#include "message/type50.h"

static void assert_outcome(struct outcome o, int error, bool offline)
{
    assert_int_equal(o.error, error);
    assert_int_equal(o.offline, offline);
    assert_int_equal(o.data.len, 0);
}

static void error_codes(void **state)
{
    static const uint8_t blame[] = {0x22, 0x23, 0x24, 0x29, 0x34, 0x40, 0x41,
                                    0x80, 0x82, 0x84, 0x85, 0x8a, 0x8b, 0xa0};

    for (unsigned code = 0; code < 256; code++) {
        int want = memchr(blame, (int)code, sizeof(blame)) ? -EINVAL : -EAGAIN;
        const enum reply_type types[] = {REPLY_TYPE82, REPLY_TYPE88};

        for (unsigned i = 0; i < 2; i++) {
            uint8_t room[ERROR_REPLY_BYTES];
            struct buffer reply = buffer_of(room, sizeof(room));

            assert_int_equal(error_reply_format(types[i], (uint8_t)code, &reply), 0);
            assert_int_equal(reply.len, 8);
            assert_int_equal(room[1], types[i]);
            assert_outcome(type50_judge(buffer_span(&reply), 128), want, false);
            assert_outcome(type86_judge_rsa(buffer_span(&reply), 128), want, false);
            assert_outcome(type86_judge_cprb(buffer_span(&reply), 2), want, false);
            assert_int_equal(type86_judge_cprb(buffer_span(&reply), 2).status, 0x8044d);
            assert_int_equal(type50_judge(buffer_span(&reply), 128).code, code);
        }
    }
}

static void no_room_for_an_error(void **state)
{
    uint8_t room[ERROR_REPLY_BYTES - 1];
    struct buffer reply = buffer_of(room, sizeof(room));

    assert_int_equal(error_reply_format(REPLY_TYPE82, 1, &reply), -ENOSPC);
    assert_int_equal(reply.len, 0);
    assert_false(reply.overflow);
}

/* An unknown reply sets the queue offline. */
static void unknown_replies(void **state)
{
    uint8_t reply[600] = {0};

    for (size_t len = 0; len < 8; len++) {
        assert_outcome(type50_judge(span_of(reply, len), 1), -EAGAIN, true);
        assert_outcome(type86_judge_rsa(span_of(reply, len), 1), -EAGAIN, true);
        assert_outcome(type86_judge_cprb(span_of(reply, len), 2), -EAGAIN, true);
        assert_outcome(type86_judge_random(span_of(reply, len)), -EAGAIN, true);
    }
    reply[1] = 0x81;
    assert_outcome(type50_judge(span_of(reply, sizeof(reply)), 1), -EAGAIN, true);
    reply[1] = 0x86;
    assert_outcome(type50_judge(span_of(reply, sizeof(reply)), 1), -EAGAIN, true);
    reply[1] = 0x80;
    assert_outcome(type86_judge_rsa(span_of(reply, sizeof(reply)), 1), -EAGAIN, true);
}

static void type80_replies(void **state)
{
    uint8_t room[TYPE80_BYTES_MAX + 1] = {0}, *result;
    struct buffer reply = buffer_of(room, sizeof(room));
    struct outcome o;

    assert_int_equal(type80_format(128, &reply, &result), 0);
    assert_int_equal(reply.len, 144);
    result[127] = 7;
    o = type50_judge(buffer_span(&reply), 100);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.data.len, 100);
    assert_int_equal(o.data.data[99], 7);
    assert_ptr_equal(o.data.data, room + 44);
    assert_outcome(type50_judge(buffer_span(&reply), 129), -EAGAIN, true);
    room[3]++;
    assert_outcome(type50_judge(buffer_span(&reply), 100), -EMSGSIZE, false);
    be16_put(room + 2, sizeof(room));
    assert_outcome(type50_judge(span_of(room, sizeof(room)), 100), -EMSGSIZE, false);
    reply = buffer_of(room, 143);
    assert_int_equal(type80_format(128, &reply, &result), -ENOSPC);
}

/* A reply to ME with n bytes, as an adapter writes it. */
static struct buffer make_rsa_reply(uint8_t *room, size_t size, size_t n)
{
    struct buffer reply = buffer_of(room, size);
    const struct cprbx c = {.func_id = {'T', '2'}, .domain = 3};
    uint8_t block[CPRBX_BYTES], *result;
    struct buffer request = buffer_of(block, sizeof(block));
    struct cprbx parsed;
    struct type86_writer w;
    size_t at;

    assert_int_equal(cprbx_format(&c, &request), 0);
    assert_int_equal(cprbx_parse(buffer_span(&request), &parsed), 0);
    type86_start(&w, &reply);
    at = cprbx_start_reply(&parsed, &reply);
    cca_rsa_format_reply((const uint8_t *)"PK", n, &reply, &result);
    cprbx_finish_reply(at, &reply);
    assert_int_equal(type86_finish(&w, &reply), 0);
    memset(result, 0xab, n);
    return reply;
}

#define CPRB_AT TYPE86_HEADER_BYTES

static void rsa_replies(void **state)
{
    uint8_t room[1024];
    struct buffer reply = make_rsa_reply(room, sizeof(room), 128);
    struct outcome o = type86_judge_rsa(buffer_span(&reply), 128);

    /* Header, block, two letters, rule array length, L = n + 2, data, two more bytes
     * [messages-type86]. */
    assert_int_equal(reply.len, 274 + 130);
    assert_int_equal(o.error, 0);
    assert_int_equal(o.data.len, 128);
    assert_ptr_equal(o.data.data, room + 274);
    /* Drivers up to Linux 6.1 take everything before the end of the data for the reply, even
     * without data. */
    assert_int_equal(be32_get(room + 24), 0);
    assert_int_equal(be32_get(room + 28), reply.len);
    assert_outcome(type86_judge_rsa(span_of(room, reply.len - 2), 128), -EMSGSIZE, false);
    assert_outcome(type86_judge_rsa(buffer_span(&reply), 127), -EMSGSIZE, false);
    room[CPRB_AT + 2] = 4;
    assert_outcome(type86_judge_rsa(buffer_span(&reply), 128), -EAGAIN, true);
    room[CPRB_AT + 2] = 2;
    room[4] = ERROR_MALFORMED;
    assert_outcome(type86_judge_rsa(buffer_span(&reply), 128), -EINVAL, false);
}

static void service_codes(void **state)
{
    static const struct {
        uint16_t rtcode, rscode;
        int error;
        bool offline;
    } cases[] = {
        {8, 65, -EINVAL, false},  {8, 66, -EINVAL, false},   {8, 72, -EINVAL, false},
        {8, 770, -EINVAL, false}, {12, 769, -EINVAL, false}, {8, 33, -EAGAIN, true},
        {12, 65, -EAGAIN, true},  {8, 769, -EAGAIN, true},   {16, 0, -EAGAIN, true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t room[1024];
        struct buffer reply = make_rsa_reply(room, sizeof(room), 64);
        struct outcome o;

        be16_put(room + CPRB_AT + 144, cases[i].rtcode);
        be16_put(room + CPRB_AT + 146, cases[i].rscode);
        o = type86_judge_rsa(buffer_span(&reply), 64);
        assert_outcome(o, cases[i].error, cases[i].offline);
        assert_int_equal(o.rtcode, cases[i].rtcode);
        /* An xcRB passes the codes through. */
        o = type86_judge_cprb(buffer_span(&reply), 2);
        assert_int_equal(o.error, 0);
        assert_int_equal(o.rscode, cases[i].rscode);
        assert_outcome(type86_judge_random(buffer_span(&reply)), -EINVAL, false);
    }
}

/* The limit of the exponent applies only to a modulus of more than 2048 bits. */
static void exponent_limit(void **state)
{
    for (size_t n = 256; n <= 257; n++) {
        uint8_t room[1024];
        struct buffer reply = make_rsa_reply(room, sizeof(room), n);

        be16_put(room + CPRB_AT + 144, 8);
        be16_put(room + CPRB_AT + 146, 0x14f);
        assert_outcome(type86_judge_rsa(buffer_span(&reply), n), n > 256 ? -EINVAL : -EAGAIN,
                       n <= 256);
    }
}

static void cprb_replies(void **state)
{
    uint8_t room[1024];
    struct buffer reply = make_rsa_reply(room, sizeof(room), 16);
    size_t len = reply.len;
    struct outcome o = type86_judge_cprb(buffer_span(&reply), 2);

    assert_int_equal(o.error, 0);
    assert_int_equal(o.status, 0);
    assert_ptr_equal(o.control.data, room + 48);
    assert_int_equal(o.control.len, len - 48);
    assert_int_equal(o.data.len, 0);
    assert_outcome(type86_judge_cprb(span_of(room, len - 1), 2), -EMSGSIZE, false);
    assert_outcome(type86_judge_cprb(buffer_span(&reply), 4), -EAGAIN, true);
    /* The data block determines the length; a control block must not extend beyond it. */
    be32_put(room + 24, 10);
    be32_put(room + 28, (uint32_t)len - 10);
    o = type86_judge_cprb(buffer_span(&reply), 2);
    assert_int_equal(o.data.len, 10);
    be32_put(room + 16, 0xffffffff);
    assert_outcome(type86_judge_cprb(buffer_span(&reply), 2), -EMSGSIZE, false);
    be32_put(room + 16, (uint32_t)len - 48);
    be32_put(room + 28, 0xfffffff6);
    be32_put(room + 24, (uint32_t)len + 10);
    assert_outcome(type86_judge_cprb(buffer_span(&reply), 2), -EMSGSIZE, false);
    be32_put(room + 24, 0);
    be32_put(room + 12, 0x11223344);
    room[4] = ERROR_TRANSPORT;
    o = type86_judge_cprb(buffer_span(&reply), 2);
    assert_outcome(o, -EAGAIN, false);
    assert_int_equal(o.status, 0x11223344);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_codes),     cmocka_unit_test(no_room_for_an_error),
        cmocka_unit_test(unknown_replies), cmocka_unit_test(type80_replies),
        cmocka_unit_test(rsa_replies),     cmocka_unit_test(service_codes),
        cmocka_unit_test(cprb_replies),    cmocka_unit_test(exponent_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
