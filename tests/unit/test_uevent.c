/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "uevent/uevent.h"

#define RECORD "ACTION=add\0DEVPATH=/devices/ap/card05\0SUBSYSTEM=ap\0DEVTYPE=ap_card"

static int listener_open(void)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* The next uevent of ours, with NULs replaced by blanks; "" if there is none. The system's own are
 * received, too. */
static const char *hear(int fd)
{
    static char got[4096];
    ssize_t n;

    do {
        struct sockaddr_nl from = {0};
        socklen_t len = sizeof(from);

        n = recvfrom(fd, got, sizeof(got) - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
        if (n < 0)
            return "";
        assert_int_equal(from.nl_pid, 0);
        for (ssize_t i = 0; i < n; i++)
            got[i] = got[i] ? got[i] : ' ';
        got[n] = '\0';
    } while (!strstr(got, "@/devices/ap"));
    return got;
}

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

/* The namespace of this process before it entered one of its own. */
static uint64_t outside;

static void test_only_its_own_sockets(void **state)
{
    int other = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
    struct uevent_sender *s = NULL;
    text_auto why = {0};
    int ours = uevent_socket_open(outside, &why);

    assert_true(ours >= 0);
    assert_null(why.data);
    assert_int_equal(uevent_sender_new(other, outside, &s, &why), -EINVAL);
    assert_int_equal(uevent_sender_new(-1, outside, &s, &why), -EINVAL);
    assert_int_equal(uevent_sender_new(STDIN_FILENO, outside, &s, &why), -EINVAL);
    assert_non_null(strstr(why.data, "descriptor -1 is not a netlink socket for uevents"));
    assert_null(s);
    assert_int_equal(close(other), 0);
    text_clear(&why);
    assert_int_equal(uevent_sender_new(ours, outside, &s, &why), 0);
    assert_string_equal(why.data, "");
    uevent_sender_free(s);
    assert_int_equal(close(ours), -1);
}

/* While the process is still outside, neither a new socket nor a received one is accepted. */
static void test_not_where_we_come_from(void **state)
{
    uint64_t now;
    struct uevent_sender *s = NULL;
    text_auto why = {0};
    int fd = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT);

    assert_int_equal(uevent_netns_get(&now), 0);
    assert_int_equal(uevent_socket_open(now, &why), -EPERM);
    assert_non_null(strstr(why.data, "uevents are not sent"));
    text_clear(&why);
    assert_int_equal(uevent_sender_new(fd, now, &s, &why), -EPERM);
    assert_non_null(strstr(why.data, "uevents are not sent"));
    assert_null(s);
    /* Nor is one in the system's own namespace, whatever the caller says. */
    if (now == 0xeffffff9u || access("/proc/1/ns/net", R_OK) == 0) {
        text_clear(&why);
        assert_int_equal(uevent_sender_new(fd, 1, &s, &why), -EPERM);
        assert_non_null(strstr(why.data, "the system's own network namespace"));
    }
    close(fd);
}

/* Only uevents of the host's tree are sent. */
static void test_other_effects(void **state)
{
    struct uevent_sender *s = NULL;
    struct effects effects = {.want_uevents = true, .tree = 1};
    text_auto why = {0};
    int listener = listener_open();

    assert_int_equal(uevent_sender_new(uevent_socket_open(outside, &why), outside, &s, &why), 0);
    effects_uevent(&effects, "add", "devices/ap/card05", "ap", NULL);
    effects_log(&effects, LOG_LEVEL_INFO, "a message");
    assert_int_equal(uevent_sender_effects(s, &effects, &why), 0);
    assert_null(why.data);
    assert_string_equal(hear(listener), "");
    effects_done(&effects);
    uevent_sender_free(s);
    close(listener);
}

static void test_heard_as_the_kernels(void **state)
{
    static const char wanted[] = "add@/devices/ap/card05 ACTION=add DEVPATH=/devices/ap/card05 "
                                 "SUBSYSTEM=ap CONFIG=1 SEQNUM=";
    struct uevent_sender *s = NULL;
    struct effects effects = {.want_uevents = true};
    text_auto why = {0}, first = {0};
    int listener = listener_open();

    assert_int_equal(uevent_sender_new(uevent_socket_open(outside, &why), outside, &s, &why), 0);
    effects_uevent(&effects, "add", "devices/ap/card05", "ap", "CONFIG=1", NULL);
    effects_uevent(&effects, "remove", "devices/ap/card05", "ap", NULL);
    assert_int_equal(uevent_sender_effects(s, &effects, &why), 0);
    text_adds(&first, hear(listener));
    assert_memory_equal(first.data, wanted, strlen(wanted));
    assert_non_null(strstr(hear(listener), "remove@/devices/ap/card05 ACTION=remove "));
    assert_string_equal(hear(listener), "");
    effects_done(&effects);
    uevent_sender_free(s);
    close(listener);
}

/* One that is too long is reported, and those after it are sent nevertheless. */
static void test_too_long(void **state)
{
    char big[2048];
    struct uevent_sender *s = NULL;
    struct effects effects = {.want_uevents = true};
    text_auto why = {0};
    int listener = listener_open();

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_int_equal(uevent_sender_new(uevent_socket_open(outside, &why), outside, &s, &why), 0);
    effects_uevent(&effects, "change", "devices/ap", "ap", big, NULL);
    effects_uevent(&effects, "change", "devices/ap/card05", "ap", NULL);
    assert_int_equal(uevent_sender_effects(s, &effects, &why), -EINVAL);
    assert_string_equal(why.data, "the kernel rejected the uevent ACTION=change "
                                  "DEVPATH=/devices/ap: Invalid argument");
    assert_non_null(strstr(hear(listener), "change@/devices/ap/card05 "));
    effects_done(&effects);
    uevent_sender_free(s);
    close(listener);
}

static void add_many(struct effects *effects, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char path[64];

        snprintf(path, sizeof(path), "devices/ap/card%u", i);
        effects_uevent(effects, "add", path, "ap", NULL);
    }
}

/* More than go into one system call, in their order. */
static void test_many(void **state)
{
    struct uevent_sender *s = NULL;
    struct effects effects = {.want_uevents = true};
    text_auto why = {0};
    int listener = listener_open();

    assert_int_equal(uevent_sender_new(uevent_socket_open(outside, &why), outside, &s, &why), 0);
    for (unsigned count = 63; count <= 130; count += count < 66 ? 1 : 64) {
        effects_clear(&effects);
        add_many(&effects, count);
        assert_int_equal(uevent_sender_effects(s, &effects, &why), 0);
        for (unsigned i = 0; i < count; i++) {
            char wanted[64];

            snprintf(wanted, sizeof(wanted), "add@/devices/ap/card%u ACTION=add ", i);
            assert_memory_equal(hear(listener), wanted, strlen(wanted));
        }
        assert_string_equal(hear(listener), "");
    }
    assert_null(why.data);
    effects_done(&effects);
    uevent_sender_free(s);
    close(listener);
}

/* Without the right to send, the kernel rejects each; the first is named. */
static void test_all_are_rejected(void **state)
{
    static const char wanted[] = "the kernel rejected the uevent ACTION=add "
                                 "DEVPATH=/devices/ap/card0: Operation not permitted";
    struct uevent_sender *s = NULL;
    struct effects effects = {.want_uevents = true};
    text_auto why = {0};
    int listener = listener_open(), status;
    pid_t child;

    assert_int_equal(uevent_sender_new(uevent_socket_open(outside, &why), outside, &s, &why), 0);
    add_many(&effects, 130);
    child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWUSER) < 0)
            _exit(77);
        _exit(uevent_sender_effects(s, &effects, &why) == -EPERM && strcmp(why.data, wanted) == 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 77)
        assert_int_equal(status, 0);
    assert_string_equal(hear(listener), "");
    effects_done(&effects);
    uevent_sender_free(s);
    close(listener);
}

/* A network namespace, within a user namespace for unprivileged users. */
static int enter(void **state)
{
    assert_int_equal(uevent_netns_get(&outside), 0);
    if (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
        return 0;
    print_message("no network namespace: %s\n", strerror(errno));
    exit(77);
}

int main(void)
{
    const struct CMUnitTest before[] = {cmocka_unit_test(test_not_where_we_come_from)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),           cmocka_unit_test(test_not_a_record),
        cmocka_unit_test(test_length),           cmocka_unit_test(test_only_its_own_sockets),
        cmocka_unit_test(test_other_effects),    cmocka_unit_test(test_heard_as_the_kernels),
        cmocka_unit_test(test_too_long),         cmocka_unit_test(test_many),
        cmocka_unit_test(test_all_are_rejected),
    };
    int failed = cmocka_run_group_tests(before, NULL, NULL);

    return failed ? failed : cmocka_run_group_tests(tests, enter, NULL);
}
