/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/protocol.h"

static uint8_t wire[GUEST_FRAME_MAX];
static size_t wire_len;

static struct guest_frame round_trip(const struct guest_frame *frame)
{
    struct guest_frame back;
    const char *why = NULL;
    size_t len;

    assert_int_equal(guest_frame_format(frame, wire, sizeof(wire), &wire_len, &why), 0);
    assert_null(why);
    assert_int_equal(guest_frame_measure(wire, wire_len, &len, &why), 0);
    assert_int_equal(len, wire_len);
    assert_int_equal(guest_frame_parse(wire, wire_len, &back, &why), 0);
    assert_int_equal(back.type, frame->type);
    assert_int_equal(back.id, frame->id);
    return back;
}

static void expect_wrong(size_t len, const char *text)
{
    struct guest_frame frame = {.type = 77};
    const char *why = NULL;

    assert_int_equal(guest_frame_parse(wire, len, &frame, &why), -EPROTO);
    assert_string_equal(why, text);
    assert_int_equal(frame.type, 77);
}

static void expect_unformattable(const struct guest_frame *frame, const char *text)
{
    const char *why = NULL;
    size_t len = 5;

    assert_int_equal(guest_frame_format(frame, wire, sizeof(wire), &len, &why), -EINVAL);
    assert_string_equal(why, text);
    assert_int_equal(len, 5);
}

static void hello_has_the_documented_layout(void **state)
{
    static const uint8_t expected[] = {
        0, 0, 0, 46, 0, 1, 0, 0, 0, 0, 0, 0,  'A', 'P', 'G', 'S', 0,  1,   1,   0,   0,   0,   0,
        7, 0, 1, 2,  3, 4, 5, 6, 7, 8, 9, 10, 11,  12,  13,  14,  15, 'G', 'u', 'e', 's', 't', '1'};
    struct guest_frame frame = {.type = GUEST_HELLO,
                                .hello = {1, GUEST_ROLE_GUEST, 7, {0}, "Guest1", 6}};
    struct guest_frame back;

    for (int i = 0; i < 16; i++)
        frame.hello.mdev[i] = i;
    back = round_trip(&frame);
    assert_int_equal(wire_len, sizeof(expected));
    assert_memory_equal(wire, expected, sizeof(expected));
    assert_int_equal(back.hello.features, 7);
    assert_memory_equal(back.hello.mdev, frame.hello.mdev, 16);
    assert_int_equal(back.hello.name_len, 6);
    assert_memory_equal(back.hello.name, "Guest1", 6);
}

static void hello_is_checked(void **state)
{
    struct guest_frame frame = {.type = GUEST_HELLO, .hello = {1, GUEST_ROLE_LPAR, 0, {0}, "", 0}};

    round_trip(&frame);
    wire[12] = 'B';
    expect_wrong(wire_len, "HELLO: wrong magic");
    round_trip(&frame);
    wire[17] = 0;
    expect_wrong(wire_len, "HELLO: version 0");
    wire[17] = 9;
    wire[18] = 4;
    expect_wrong(wire_len, "HELLO: unknown role");
    wire[18] = 2;
    wire[19] = 1;
    expect_wrong(wire_len, "HELLO: reserved byte is not 0");
    wire[19] = 0;
    wire[23] = 0x10;
    expect_wrong(wire_len, "HELLO: unknown feature");

    frame.hello.name = "a/b";
    frame.hello.name_len = 3;
    expect_unformattable(&frame,
                         "HELLO: name has a character other than letters, digits, '.', '_', '-'");
    frame.hello.name_len = 64;
    expect_unformattable(&frame, "HELLO: name longer than 63 characters");
}

static void headers_are_checked(void **state)
{
    const struct guest_frame frame = {.type = GUEST_RESET, .id = 9};
    const char *why = NULL;
    size_t len = 1;

    round_trip(&frame);
    assert_int_equal(wire_len, 12);
    assert_int_equal(guest_frame_measure(wire, 3, &len, &why), -EAGAIN);
    wire[3] = 11;
    assert_int_equal(guest_frame_measure(wire, 12, &len, &why), -EPROTO);
    assert_string_equal(why, "frame shorter than its header");
    wire[0] = 0xff;
    assert_int_equal(guest_frame_measure(wire, 12, &len, &why), -EMSGSIZE);
    assert_string_equal(why, "frame too long");
    assert_int_equal(len, 1);

    round_trip(&frame);
    expect_wrong(11, "frame shorter than its header");
    expect_wrong(13, "length in the header differs from that of the frame");
    wire[7] = 1;
    expect_wrong(12, "reserved bytes of the header are not 0");
    wire[7] = 0;
    wire[11] = 0;
    expect_wrong(12, "id 0 in a request or reply");
    wire[5] = 11;
    expect_wrong(12, "unknown frame type");
    wire[5] = 0;
    expect_wrong(12, "unknown frame type");
    wire[5] = GUEST_SERVC;
    expect_wrong(12, "frame shorter than its type requires");
    wire[3] = 13;
    wire[5] = GUEST_RESET;
    expect_wrong(13, "frame longer than its type allows");
}

static void welcome_and_refuse_round_trip(void **state)
{
    struct guest_frame frame = {.type = GUEST_WELCOME, .welcome = {1, 5}};
    struct guest_frame back = round_trip(&frame);

    assert_int_equal(back.welcome.version, 1);
    assert_int_equal(back.welcome.features, 5);
    frame.id = 1;
    expect_unformattable(&frame, "id other than 0 in a frame that belongs to no request");

    frame = (struct guest_frame){.type = GUEST_REFUSE, .refuse = {EBUSY, "taken", 5}};
    back = round_trip(&frame);
    assert_int_equal(back.refuse.error, EBUSY);
    assert_memory_equal(back.refuse.text, "taken", 5);
    frame.refuse.text = "a\nb";
    frame.refuse.text_len = 3;
    expect_unformattable(&frame, "REFUSE: text has a control character");
    frame.refuse.text_len = 0;
    expect_unformattable(&frame, "REFUSE: text is empty or longer than 512 bytes");
    frame.refuse.error = 4096;
    expect_unformattable(&frame, "REFUSE: error is not an errno");
}

static void instructions_round_trip(void **state)
{
    struct guest_frame frame = {.type = GUEST_INSN,
                                .id = 0xfffffffe,
                                .insn = {GUEST_OPCODE_NQAP,
                                         513,
                                         4,
                                         14,
                                         {1, 2, 3},
                                         {4, 5},
                                         {0xfedcba9876543210, 5},
                                         (const uint8_t *)"hello",
                                         5}};
    struct guest_frame back = round_trip(&frame);

    assert_int_equal(wire_len, 12 + 64 + 5);
    assert_int_equal(back.insn.opcode, GUEST_OPCODE_NQAP);
    assert_int_equal(back.insn.cpu, 513);
    assert_int_equal(back.insn.r2, 14);
    assert_memory_equal(back.insn.gr, frame.insn.gr, sizeof(frame.insn.gr));
    assert_memory_equal(back.insn.p1, frame.insn.p1, sizeof(frame.insn.p1));
    assert_true(back.insn.p2[0] == 0xfedcba9876543210);
    assert_memory_equal(back.insn.data, "hello", 5);
}

static void instructions_are_checked(void **state)
{
    struct guest_frame frame = {
        .type = GUEST_INSN,
        .id = 1,
        .insn = {.opcode = GUEST_OPCODE_NQAP, .p2 = {0, 6}, .data = wire, .data_len = 5}};

    expect_unformattable(&frame,
                         "INSN: length of the NQAP message is not that of its length register");
    frame.insn.opcode = GUEST_OPCODE_DQAP;
    expect_unformattable(&frame, "INSN: data given with an instruction other than NQAP");
    frame.insn.opcode = GUEST_OPCODE_PQAP;
    expect_unformattable(&frame, "INSN: register pairs are not 0 with PQAP");
    frame.insn.r1 = 16;
    expect_unformattable(&frame, "INSN: register number above 15");
    frame.insn.opcode = 0xb2b0;
    expect_unformattable(&frame, "INSN: not the operation code of NQAP, DQAP or PQAP");
}

static void the_longest_instruction_fits(void **state)
{
    uint8_t *data = calloc(1, GUEST_DATA_MAX);
    struct guest_frame frame = {.type = GUEST_INSN,
                                .id = 1,
                                .insn = {.opcode = GUEST_OPCODE_NQAP,
                                         .p2 = {0, UINT64_MAX},
                                         .data = data,
                                         .data_len = GUEST_DATA_MAX}};
    size_t len;

    assert_int_equal(round_trip(&frame).insn.data_len, GUEST_DATA_MAX);
    assert_int_equal(guest_frame_format(&frame, wire, wire_len - 1, &len, NULL), -ENOBUFS);
    free(data);
}

static void replies_round_trip(void **state)
{
    struct guest_frame frame = {
        .type = GUEST_INSN_REPLY,
        .id = 3,
        .insn_reply = {0, 2, {1, 2, 3}, {4, 5}, {6, 7}, 0x1000, (const uint8_t *)"abc", 3}};
    struct guest_frame back = round_trip(&frame);

    assert_int_equal(wire_len, 12 + 68 + 3);
    assert_int_equal(back.insn_reply.cc, 2);
    assert_int_equal(back.insn_reply.p2[1], 7);
    assert_int_equal(back.insn_reply.address, 0x1000);
    assert_memory_equal(back.insn_reply.data, "abc", 3);
    frame.insn_reply.program_check = 6;
    expect_unformattable(&frame, "INSN_REPLY: program check together with a result");
    frame.insn_reply = (struct guest_insn_reply){.cc = 4};
    expect_unformattable(&frame, "INSN_REPLY: condition code above 3");
    frame.insn_reply = (struct guest_insn_reply){.address = 4};
    expect_unformattable(&frame, "INSN_REPLY: address without data");
}

static void servc_and_notify_round_trip(void **state)
{
    struct guest_frame frame = {.type = GUEST_SERVC, .id = 3, .servc = {0x001e0501}};

    assert_int_equal(round_trip(&frame).servc.command, 0x001e0501);
    frame.servc.command = 0x00020001;
    expect_unformattable(&frame, "SERVC: not Configure or Deconfigure AP");
    frame = (struct guest_frame){.type = GUEST_SERVC_REPLY, .id = 3, .servc_reply = {0x0120}};
    assert_int_equal(round_trip(&frame).servc_reply.response, 0x0120);
    frame = (struct guest_frame){.type = GUEST_NOTIFY, .notify = {GUEST_NOTIFY_CONFIG}};
    assert_int_equal(round_trip(&frame).notify.kind, GUEST_NOTIFY_CONFIG);
    frame.notify.apqn = 1;
    expect_unformattable(&frame, "NOTIFY: queue given with a kind other than INTERRUPT");
    frame.notify = (struct guest_notify){GUEST_NOTIFY_INTERRUPT, 3, 0x0a47, 0x2000};
    assert_int_equal(round_trip(&frame).notify.nib, 0x2000);
    frame.notify.isc = 8;
    expect_unformattable(&frame, "NOTIFY: interruption subclass above 7");
    frame.notify.kind = 4;
    expect_unformattable(&frame, "NOTIFY: unknown kind");
}

static void clients_send_requests_only(void **state)
{
    assert_true(guest_type_is_from_client(GUEST_HELLO));
    assert_true(guest_type_is_from_client(GUEST_INSN));
    assert_true(guest_type_is_from_client(GUEST_SERVC));
    assert_true(guest_type_is_from_client(GUEST_RESET));
    assert_false(guest_type_is_from_client(GUEST_INSN_REPLY));
    assert_false(guest_type_is_from_client(GUEST_NOTIFY));
}

static void replies_store_only_where_they_may(void **state)
{
    struct guest_insn dqap = {.opcode = GUEST_OPCODE_DQAP, .p2 = {0x1000, 16}};
    struct guest_insn qci = {.opcode = GUEST_OPCODE_PQAP, .gr = {4u << 24, 0, 0x2000}};
    struct guest_insn tapq = {.opcode = GUEST_OPCODE_PQAP};
    struct guest_insn top = {.opcode = GUEST_OPCODE_DQAP, .p2 = {UINT64_MAX - 7, 16}};
    struct guest_insn_reply reply = {.address = 0x1000, .data = wire, .data_len = 16};
    const char *why = NULL;

    assert_int_equal(guest_reply_check(&dqap, &reply, &why), 0);
    assert_int_equal(guest_reply_check(&qci, &reply, &why), -EPROTO);
    assert_int_equal(guest_reply_check(&tapq, &reply, &why), -EPROTO);
    assert_string_equal(why, "INSN_REPLY: stores outside the operand of the instruction");
    reply.address = 0x1001;
    assert_int_equal(guest_reply_check(&dqap, &reply, NULL), -EPROTO);
    reply.data_len = 15;
    assert_int_equal(guest_reply_check(&dqap, &reply, NULL), 0);
    reply.address = 0xfff;
    assert_int_equal(guest_reply_check(&dqap, &reply, NULL), -EPROTO);
    reply.address = 4;
    assert_int_equal(guest_reply_check(&top, &reply, NULL), -EPROTO);
    reply = (struct guest_insn_reply){.address = 0x2000, .data = wire, .data_len = 128};
    assert_int_equal(guest_reply_check(&qci, &reply, NULL), 0);
    reply.data_len = 129;
    assert_int_equal(guest_reply_check(&qci, &reply, NULL), -EPROTO);
}

static void a_missing_server_looks_like_no_adapters(void **state)
{
    struct guest_insn insn = {.opcode = GUEST_OPCODE_PQAP, .gr = {0x0547, ~0ull, 3}};
    struct guest_insn_reply reply;
    uint8_t block[128];

    guest_reply_absent(&insn, block, &reply);
    assert_int_equal(reply.cc, 3);
    assert_true(reply.gr[1] == 0xffffffff00010000);
    assert_int_equal(reply.gr[2], 0);
    assert_int_equal(reply.data_len, 0);

    insn.gr[0] = 4u << 24;
    insn.gr[2] = 0x3000;
    guest_reply_absent(&insn, block, &reply);
    assert_int_equal(reply.cc, 0);
    assert_int_equal(reply.address, 0x3000);
    assert_int_equal(reply.data_len, 128);
    assert_int_not_equal(block[0], 0);
    for (int i = 6; i < 128; i++)
        assert_int_equal(block[i], 0);
    assert_int_equal(guest_reply_check(&insn, &reply, NULL), 0);

    insn = (struct guest_insn){.opcode = GUEST_OPCODE_DQAP, .r1 = 4, .r2 = 7};
    guest_reply_absent(&insn, block, &reply);
    assert_int_equal(reply.program_check, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_has_the_documented_layout),
        cmocka_unit_test(hello_is_checked),
        cmocka_unit_test(headers_are_checked),
        cmocka_unit_test(welcome_and_refuse_round_trip),
        cmocka_unit_test(instructions_round_trip),
        cmocka_unit_test(instructions_are_checked),
        cmocka_unit_test(the_longest_instruction_fits),
        cmocka_unit_test(replies_round_trip),
        cmocka_unit_test(servc_and_notify_round_trip),
        cmocka_unit_test(clients_send_requests_only),
        cmocka_unit_test(replies_store_only_where_they_may),
        cmocka_unit_test(a_missing_server_looks_like_no_adapters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
