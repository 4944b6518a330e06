/* SPDX-License-Identifier: MIT */
/* Messages of adapters before CEX2, byte for byte, and what a current driver makes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/older.h"
#include "message/type50.h"
#include "message/type6.h"

static void type84(void **state)
{
    static const uint8_t known[] = {0, 0x84, 0, 11, 0, 0, 0, 0, 'a', 'b', 'c'};
    uint8_t room[sizeof(known)], bad[sizeof(known)];
    struct buffer out = buffer_of(room, sizeof(room));
    struct span data;

    assert_int_equal(type84_format(span_of("abc", 3), &out), 0);
    assert_int_equal(out.len, sizeof(known));
    assert_memory_equal(room, known, sizeof(known));
    assert_int_equal(type84_parse(buffer_span(&out), &data), 0);
    assert_true(span_equal(data, "abc", 3));
    assert_int_equal(type84_parse(span_of(known, 7), &data), -EMSGSIZE);
    assert_int_equal(type84_parse(span_of(known, sizeof(known) - 1), &data), -EMSGSIZE);
    memcpy(bad, known, sizeof(bad));
    bad[1] = 0x80;
    assert_int_equal(type84_parse(span_of(bad, sizeof(bad)), &data), -EBADMSG);
    assert_int_equal(type84_format(span_of("d", 1), &out), -ENOSPC);
    assert_int_equal(type84_format(span_of(NULL, 65528), &out), -EMSGSIZE);
    assert_int_equal(out.len, sizeof(known));
    assert_true(type50_judge(buffer_span(&out), 3).offline);
}

/* The header of a request with five bytes of parameters, and of its reply with two. */
static const uint8_t request_head[16] = {0x70, 0, 0x41, 0, 0, 0, 0, 0, 0, 0, 'T', '1', 0, 0, 5, 0};
static const uint8_t reply_codes[6] = {0x42, 0, 8, 0, 2, 0};

static void cprb_request(void **state)
{
    const struct cprb c = {.func_id = "T1", .params = span_of("PARAM", 5)};
    uint8_t room[CPRB_BYTES + 5];
    struct buffer out = buffer_of(room, sizeof(room));
    struct cprb is;

    assert_int_equal(cprb_format(&c, CPRB_REQUEST, &out), 0);
    assert_int_equal(out.len, CPRB_BYTES + 5);
    assert_memory_equal(room, request_head, sizeof(request_head));
    assert_memory_equal(room + CPRB_BYTES, "PARAM", 5);
    assert_int_equal(cprb_parse(buffer_span(&out), CPRB_REQUEST, &is), 0);
    assert_memory_equal(is.func_id, "T1", 2);
    assert_true(span_equal(is.params, "PARAM", 5));
    assert_int_equal(cprb_parse(span_of(room, CPRB_BYTES - 1), CPRB_REQUEST, &is), -EMSGSIZE);
    assert_int_equal(cprb_parse(span_of(room, CPRB_BYTES + 4), CPRB_REQUEST, &is), -EMSGSIZE);
    room[2] = 2;
    assert_int_equal(cprb_parse(buffer_span(&out), CPRB_REQUEST, &is), -EINVAL);
    room[2] = CPRB_VERSION;
    room[0] = 0xdc;
    assert_int_equal(cprb_parse(buffer_span(&out), CPRB_REQUEST, &is), -EINVAL);
    assert_int_equal(cprb_format(&c, CPRB_REQUEST, &out), -ENOSPC);
    assert_int_equal(cprb_format(&(struct cprb){.params = span_of(NULL, 65536)}, CPRB_REPLY, &out),
                     -EMSGSIZE);
    assert_int_equal(out.len, CPRB_BYTES + 5);
}

/* In a reply of type 86 it is not valid for a driver that expects a CPRBX. */
static void cprb_reply(void **state)
{
    const struct cprb c = {.func_id = "T1", .rtcode = 8, .rscode = 66, .params = span_of("ok", 2)};
    uint8_t room[TYPE86_HEADER_BYTES + CPRB_BYTES + 2];
    struct buffer out = buffer_of(room, sizeof(room));
    struct type86_writer w;
    struct outcome o;
    struct cprb is;

    type86_start(&w, &out);
    assert_int_equal(cprb_format(&c, CPRB_REPLY, &out), 0);
    assert_int_equal(type86_finish(&w, &out), 0);
    assert_memory_equal(room + TYPE86_HEADER_BYTES + 44, reply_codes, sizeof(reply_codes));
    assert_int_equal(
        cprb_parse(span_of(room + TYPE86_HEADER_BYTES, CPRB_BYTES + 2), CPRB_REPLY, &is), 0);
    assert_int_equal(is.rtcode, 8);
    assert_int_equal(is.rscode, 66);
    assert_true(span_equal(is.params, "ok", 2));
    o = type86_judge_cprb(buffer_span(&out), 2);
    assert_int_equal(o.error, -EAGAIN);
    assert_true(o.offline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(type84),
        cmocka_unit_test(cprb_request),
        cmocka_unit_test(cprb_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
