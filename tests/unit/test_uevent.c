/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "uevent/uevent.h"

#define RECORD "ACTION=add\0DEVPATH=/devices/ap/card05\0SUBSYSTEM=ap\0DEVTYPE=ap_card"

static void test_layout(void **state)
{
    static const char body[] = "add@/devices/ap/card05\0" RECORD;
    text_auto out = {0};
    struct nlmsghdr header;

    text_adds(&out, "what was there");
    assert_int_equal(uevent_format(RECORD, sizeof(RECORD), 7, &out), 0);
    assert_int_equal(out.len, sizeof(header) + sizeof(body));
    memcpy(&header, out.data, sizeof(header));
    assert_int_equal(header.nlmsg_len, out.len);
    assert_int_equal(header.nlmsg_type, NLMSG_MIN_TYPE);
    assert_int_equal(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
    assert_int_equal(header.nlmsg_seq, 7);
    assert_int_equal(header.nlmsg_pid, 0);
    assert_memory_equal(out.data + sizeof(header), body, sizeof(body));
}

static void test_not_a_record(void **state)
{
    static const char *const wrong[] = {"", "ACTION=add", "DEVPATH=/x\0ACTION=add",
                                        "ACTION=add\0SUBSYSTEM=ap", "ACTIO=add\0DEVPATH=/x"};
    static const size_t len[] = {1, 11, 22, 25, 21};
    text_auto out = {0};

    text_adds(&out, "kept");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(uevent_format(wrong[i], len[i], 1, &out), -EINVAL);
    assert_int_equal(uevent_format(RECORD, sizeof(RECORD) - 1, 1, &out), -EINVAL);
    assert_int_equal(uevent_format(RECORD, 5, 1, &out), -EINVAL);
    assert_string_equal(out.data, "kept");
}

/* The longest record that fits, and one byte more. */
static void test_length(void **state)
{
    static const char start[] = "ACTION=add\0DEVPATH=/x\0X=";
    const size_t title = sizeof("add@/x"), longest = 2048 - 28 - title;
    text_auto record = {0}, out = {0};

    text_add(&record, start, sizeof(start) - 1);
    while (record.len < longest - 1)
        text_add(&record, "y", 1);
    text_add(&record, "", 1);
    assert_int_equal(uevent_format(record.data, record.len, 1, &out), 0);
    assert_int_equal(out.len, sizeof(struct nlmsghdr) + title + longest);
    record.data[record.len - 1] = 'y';
    text_add(&record, "", 1);
    assert_int_equal(uevent_format(record.data, record.len, 1, &out), -EINVAL);
}

static void test_only_its_own_sockets(void **state)
{
    int other = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE), ours = uevent_socket_open();
    struct uevent_sender *s = NULL;

    assert_int_equal(uevent_sender_new(other, &s), -EINVAL);
    assert_int_equal(uevent_sender_new(-1, &s), -EINVAL);
    assert_int_equal(uevent_sender_new(STDIN_FILENO, &s), -EINVAL);
    assert_null(s);
    assert_int_equal(close(other), 0);
    assert_true(ours >= 0);
    assert_int_equal(uevent_sender_new(ours, &s), 0);
    uevent_sender_free(s);
    assert_int_equal(close(ours), -1);
}

/* Only what belongs to the host's tree and is a uevent; nothing of that here, so nothing is sent.
 */
static void test_other_effects(void **state)
{
    struct uevent_sender *s = NULL;
    struct effects effects = {.want_uevents = true, .tree = 1};
    text_auto why = {0};

    assert_int_equal(uevent_sender_new(uevent_socket_open(), &s), 0);
    effects_uevent(&effects, "add", "devices/ap/card05", "ap", NULL);
    effects_log(&effects, LOG_LEVEL_INFO, "a message");
    assert_int_equal(uevent_sender_effects(s, &effects, &why), 0);
    assert_null(why.data);
    effects_done(&effects);
    uevent_sender_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),        cmocka_unit_test(test_not_a_record),
        cmocka_unit_test(test_length),        cmocka_unit_test(test_only_its_own_sockets),
        cmocka_unit_test(test_other_effects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
