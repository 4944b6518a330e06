/* SPDX-License-Identifier: MIT */
/* Connections: many, slow, malformed and lost. Commands are tested in test_control_commands.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/error.h"
#include "control/line.h"
#include "control_rig.h"

#include "unit.h"

static void test_the_socket_is_private(void **state)
{
    struct rig *r = *state;
    struct stat st;

    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_replies_in_order_with_ids(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);
    const char *in;

    rig_send(r, c,
             "{\"execute\":\"guest-list\",\"id\":1}\n\n{\"execute\":\"x\",\"id\":null}\n"
             "{\"execute\":\"guest-list\",\"id\":{\"a\":[2]}}\r\n{\"execute\":\"guest-");
    in = rig_receive(r, c);
    assert_non_null(
        strstr(in, "{\"return\":{\"guests\":[],\"socket\":null},\"id\":1}\n{\"error\":"));
    assert_non_null(strstr(
        in, ",\"id\":null}\n{\"return\":{\"guests\":[],\"socket\":null},\"id\":{\"a\":[2]}}\n"));
    rig_send(r, c, "list\"}\n");
    assert_string_equal(rig_receive(r, c), "{\"return\":{\"guests\":[],\"socket\":null}}\n");
    close(c);
}

static void test_garbage_disturbs_nobody(void **state)
{
    struct rig *r = *state;
    int rude = rig_connect(r), other = rig_connect(r);
    char *long_line = malloc((1 << 20) + 2);

    rig_refused(r, rude, "hello", CONTROL_SYNTAX, "JSON");
    memset(long_line, '[', 1 << 20);
    long_line[1 << 20] = '\0';
    rig_refused(r, rude, long_line, CONTROL_TOO_LONG, "262144");
    memset(long_line, '[', 1000);
    long_line[1000] = '\0';
    rig_refused(r, rude, long_line, CONTROL_SYNTAX, "16 deep");
    /* The connection is still usable. */
    rig_execute(r, rude, "{\"execute\":\"guest-list\"}");
    assert_string_equal(rig_receive(r, other), "");
    rig_execute(r, other, "{\"execute\":\"guest-list\"}");
    assert_int_equal(r->core.executed, 0);
    free(long_line);
    close(rude);
    close(other);
}

static void test_half_a_message_and_away(void **state)
{
    struct rig *r = *state;
    int other = rig_connect(r);

    for (unsigned i = 0; i < 400; i++) {
        int c = rig_connect(r);

        rig_send(r, c, "{\"execute\":\"guest-l");
        close(c);
        rig_run(r);
    }
    rig_execute(r, other, "{\"execute\":\"guest-list\"}");
    close(other);
}

static void test_a_closed_half_still_gets_answers(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);
    unsigned lines = 0;

    for (unsigned i = 0; i < 500; i++)
        rig_send(r, c, "{\"execute\":\"guest-list\"}\n");
    shutdown(c, SHUT_WR);
    for (const char *at = rig_receive(r, c); (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 500);
    assert_true(rig_closed(r, c));
    close(c);
}

/* Requests of a client that does not read wait in the kernel, not in our memory. */
static void test_who_does_not_read_replies_is_held_back(void **state)
{
    struct rig *r = *state;
    int lazy = rig_connect(r), other = rig_connect(r);
    size_t sent = 0;
    ssize_t n;

    for (unsigned idle = 0; idle < 3 && sent < 64u << 20;) {
        n = send(lazy, "{\"execute\":\"commands\"}\n", 23, MSG_NOSIGNAL);
        rig_run(r);
        idle = n < 0 ? idle + 1 : 0;
        sent += n > 0 ? (size_t)n : 0;
    }
    assert_true(sent < 8u << 20);
    rig_execute(r, other, "{\"execute\":\"guest-list\"}");
    close(lazy);
    close(other);
}

static void add_events(struct rig *r, unsigned count)
{
    static const char env[] = "ACTION=bind\0DEVPATH=/devices/ap/card05/05.0004\0SUBSYSTEM=ap";

    for (unsigned i = 0; i < count; i++)
        fake_core_effect(&r->core, EFFECT_UEVENT, env, sizeof(env));
}

static void test_who_does_not_read_events_is_cut_off(void **state)
{
    struct rig *r = *state;
    int lazy = rig_connect(r), other = rig_connect(r);
    const char *log;

    rig_execute(r, lazy, "{\"execute\":\"subscribe\"}");
    for (unsigned i = 0; i < 40; i++) {
        add_events(r, 10000);
        rig_execute(r, other,
                    "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":"
                    "\"on\"}}");
    }
    assert_true(rig_closed(r, lazy));
    rig_send(r, other, "{\"execute\":\"log\"}\n");
    log = rig_receive(r, other);
    assert_non_null(strstr(log, "did not read and was cut off"));
    close(lazy);
    close(other);
}

static void make_events(struct rig *r, int client, unsigned count)
{
    add_events(r, count);
    rig_execute(r, client,
                "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":\"on\"}}");
}

/* The bound is one for all of them, and whoever has most goes first. */
static void test_the_largest_is_cut_off(void **state)
{
    struct rig *r = *state;
    int lazy[30], late, other = rig_connect(r);
    unsigned closed = 0;
    const char *log;

    for (unsigned i = 0; i < ARRAY_LEN(lazy); i++)
        rig_execute(r, lazy[i] = rig_connect(r), "{\"execute\":\"subscribe\"}");
    make_events(r, other, 8000);
    rig_execute(r, late = rig_connect(r), "{\"execute\":\"subscribe\"}");
    for (unsigned i = 0; i < 5; i++)
        make_events(r, other, 2000);
    /* Together they would have 60 MiB. */
    rig_send(r, other, "{\"execute\":\"log\"}\n");
    log = rig_receive(r, other);
    assert_non_null(strstr(log, "of the control socket did not read and"));
    for (unsigned i = 0; i < ARRAY_LEN(lazy); i++) {
        struct pollfd gone = {.fd = lazy[i], .events = POLLRDHUP};

        closed += poll(&gone, 1, 0) == 1;
        close(lazy[i]);
    }
    assert_in_range(closed, 5, 29);
    assert_int_equal(poll(&(struct pollfd){.fd = late, .events = POLLRDHUP}, 1, 0), 0);
    close(late);
    close(other);
}

/* The daemon's own messages are events, too. */
static void test_messages_of_the_daemon_are_events(void **state)
{
    struct rig *r = *state;
    int fd = rig_connect(r);
    const char *got;

    rig_execute(r, fd, "{\"execute\":\"subscribe\",\"arguments\":{\"events\":[\"log\"]}}");
    control_server_log(r->server, LOG_LEVEL_WARNING, "the disk is full");
    rig_run(r);
    got = rig_receive(r, fd);
    assert_non_null(strstr(got, "\"event\":\"log\""));
    assert_non_null(strstr(got, "the disk is full"));
    close(fd);
}

/* A writer to an attribute uevent chooses names of variables: any letters of Latin-1, any length.
 */
/* The lines without what differs each time. */
static const char *without_dates(const char *lines)
{
    static char out[4096];
    char *to = out;

    assert_true(strlen(lines) < sizeof(out));
    for (const char *at = lines; *at;) {
        if (strncmp(at, ",\"date\":\"", 9) == 0)
            at += strlen(",\"date\":\"2001-09-09T01:46:40.005000Z\"");
        else
            *to++ = *at++;
    }
    *to = '\0';
    return out;
}

static void test_events_with_odd_names(void **state)
{
    static const char env[] = "ACTION=add\0SYNTH_ARG_\xc0=\xdf\0"
                              "SYNTH_ARG_0123456789012345678901234567890123456789012345678901234567"
                              "89=x";
    struct rig *r = *state;
    int fd = rig_connect(r), other = rig_connect(r);

    rig_execute(r, fd, "{\"execute\":\"subscribe\"}");
    fake_core_effect(&r->core, EFFECT_UEVENT, env, sizeof env);
    rig_execute(r, other,
                "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":\"on\"}}");
    assert_string_equal(without_dates(rig_receive(r, fd)),
                        "{\"event\":\"uevent\",\"data\":{\"ACTION\":\"add\",\"SYNTH_ARG_?\":\"?\","
                        "\"SYNTH_ARG_01234567890123456789012345678901234567890123456789012345678"
                        "9\":\"x\"},\"timestamp\":5.0,\"number\":1}\n");
    close(fd);
    close(other);
}

static void test_events_reach_those_who_asked(void **state)
{
    static const char act[] =
        "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":\"on\"}}";
    struct rig *r = *state;
    int all = rig_connect(r), some = rig_connect(r), none = rig_connect(r);
    json_t *past;

    rig_execute(r, all, "{\"execute\":\"subscribe\"}");
    rig_execute(r, some, "{\"execute\":\"subscribe\",\"arguments\":{\"events\":[\"log\"]}}");
    add_events(r, 1);
    fake_core_effect(&r->core, EFFECT_LOG, "careful", 7)->level = LOG_LEVEL_WARNING;
    fake_core_effect(&r->core, EFFECT_GONE, "", 0);
    rig_execute(r, none, act);
    assert_string_equal(
        without_dates(rig_receive(r, all)),
        "{\"event\":\"uevent\",\"data\":{\"ACTION\":\"bind\",\"DEVPATH\":\"/devices/ap/card05/"
        "05.0004\",\"SUBSYSTEM\":\"ap\"},\"timestamp\":5.0,\"number\":1}\n"
        "{\"event\":\"log\",\"data\":{\"level\":\"warning\",\"message\":\"careful\",\"number\":1},"
        "\"timestamp\":5.0,\"number\":2}\n");
    assert_non_null(strstr(rig_receive(r, some), "careful"));
    assert_string_equal(rig_receive(r, none), "");
    past = rig_return(r, none, "{\"execute\":\"events\",\"arguments\":{\"since\":2}}");
    assert_int_equal(json_array_size(json_object_get(past, "events")), 1);
    assert_int_equal(json_integer_value(json_object_get(past, "next")), 3);
    json_decref(past);
    rig_execute(r, some, "{\"execute\":\"subscribe\",\"arguments\":{\"events\":[]}}");
    fake_core_effect(&r->core, EFFECT_LOG, "again", 5);
    rig_execute(r, none, act);
    assert_string_equal(rig_receive(r, some), "");
    close(all);
    close(some);
    close(none);
}

/* Once for a command, whatever it has changed, to who asked for it by name. */
static void test_changes_reach_those_who_asked(void **state)
{
    static const char act[] =
        "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":\"on\"}}";
    struct rig *r = *state;
    int usual = rig_connect(r), asked = rig_connect(r), acting = rig_connect(r);

    rig_execute(r, usual, "{\"execute\":\"subscribe\"}");
    assert_false(control_server_wants_changes(r->server));
    rig_execute(r, asked, "{\"execute\":\"subscribe\",\"arguments\":{\"events\":[\"state\"]}}");
    assert_true(control_server_wants_changes(r->server));
    r->core.next.want_changes = true;
    effects_changed(&r->core.next, STATE_MDEV, 0);
    effects_changed(&r->core.next, STATE_GUEST, 0);
    rig_execute(r, acting, act);
    assert_string_equal(without_dates(rig_receive(r, asked)),
                        "{\"event\":\"state\",\"data\":{},\"timestamp\":5.0}\n");
    rig_execute(r, acting, act);
    assert_string_equal(rig_receive(r, asked), "");
    assert_string_equal(rig_receive(r, usual), "");
    close(usual);
    close(asked);
    close(acting);
}

/* All events from a number on come once and in order, the new ones behind the old ones; or the
 * refusal says which are gone. */
static void test_events_since(void **state)
{
    static const char from_two[] = "{\"execute\":\"subscribe\",\"arguments\":{\"since\":2}}\n";
    struct rig *r = *state;
    int c = rig_connect(r), other = rig_connect(r);
    unsigned number = 2;
    const char *lines;

    make_events(r, other, 3);
    rig_send(r, c, from_two);
    rig_run(r);
    make_events(r, other, 2);
    lines = rig_receive(r, c);
    assert_non_null(strstr(lines, "\"oldest\":1,\"next\":4}}\n"));
    for (const char *at = strstr(lines, "\"number\":"); at; at = strstr(at + 1, "\"number\":"))
        assert_int_equal(strtoul(at + strlen("\"number\":"), NULL, 10), number++);
    assert_int_equal(number, 6);
    rig_refused(r, c, "{\"execute\":\"subscribe\",\"arguments\":{\"since\":7}}", CONTROL_REFUSED,
                "no event 7");
    rig_execute(r, c, "{\"execute\":\"subscribe\",\"arguments\":{\"since\":6}}");
    rig_execute(r, c, "{\"execute\":\"subscribe\",\"arguments\":{\"events\":[]}}");
    make_events(r, other, 1500);
    rig_refused(r, c, from_two, CONTROL_REFUSED, "event 2 is not kept");
    rig_refused(r, c, "{\"execute\":\"subscribe\",\"arguments\":{\"since\":505}}", CONTROL_REFUSED,
                "the oldest one is 506");
    close(c);
    close(other);
}

static void start_guest(struct rig *r, int client)
{
    rig_execute(r, client, "{\"execute\":\"guest-start\",\"arguments\":{\"name\":\"Guest1\"}}");
}

#define WAIT(condition)                                                                            \
    "{\"execute\":\"wait\",\"arguments\":{\"condition\":\"" condition "\"},\"id\":5}\n"

static void test_waiting_for_a_state(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r), other = rig_connect(r);

    rig_send(r, c, WAIT("guest Guest1 has 05.0004") "{\"execute\":\"guest-list\",\"id\":6}\n");
    assert_string_equal(rig_receive(r, c), "");
    rig_execute(r, other,
                "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":\"on\"}}");
    assert_string_equal(rig_receive(r, c), "");
    start_guest(r, other);
    assert_non_null(strstr(rig_receive(r, c), "{\"return\":{\"next\":1},\"id\":5}\n{\"return\":"));
    /* What holds already is not waited for. */
    rig_send(r, c,
             WAIT("guest 'Gue\\\\st1' runs") WAIT("not guest Guest1 has 04.0004")
                 WAIT("queue 04.0004 bound zcrypt") WAIT("queue 05.0004 bound vfio_ap")
                     WAIT("adapter 5 standby") WAIT("mdev 9d4c0f6e-0000-4000-8000-000000000001 "
                                                    "has 05.0009"));
    assert_string_equal(rig_receive(r, c),
                        "{\"return\":{\"next\":1},\"id\":5}\n{\"return\":{\"next\":1},\"id\":5}\n"
                        "{\"return\":{\"next\":1},\"id\":5}\n{\"return\":{\"next\":1},\"id\":5}\n"
                        "{\"return\":{\"next\":1},\"id\":5}\n{\"return\":{\"next\":1},\"id\":5}\n");
    close(c);
    close(other);
}

static void test_waiting_for_an_event(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r), other = rig_connect(r), gone = rig_connect(r);

    make_events(r, other, 1);
    rig_send(r, c, WAIT("event bind 05.0004 SUBSYSTEM=ap"));
    rig_send(r, gone, WAIT("event bind"));
    assert_string_equal(rig_receive(r, c), "");
    close(gone);
    fake_core_effect(&r->core, EFFECT_LOG, "again", 5);
    make_events(r, other, 2);
    assert_string_equal(
        without_dates(rig_receive(r, c)),
        "{\"return\":{\"next\":4,\"event\":{\"event\":\"uevent\",\"data\":{\"ACTION\":"
        "\"bind\",\"DEVPATH\":\"/devices/ap/card05/05.0004\",\"SUBSYSTEM\":\"ap\"},"
        "\"timestamp\":5.0,\"number\":3}},\"id\":5}\n");
    /* Of those that are kept. */
    rig_send(r, c,
             "{\"execute\":\"wait\",\"arguments\":{\"condition\":\"event log\",\"since\":1}}\n");
    assert_non_null(strstr(rig_receive(r, c), "\"message\":\"again\""));
    close(c);
    close(other);
}

static void test_wrong_conditions_are_named(void **state)
{
    static const char *const wrong[][2] = {
        {"", "a string of 1 to"},
        {"dinner", "not 'dinner'"},
        {"guest", "which guest"},
        {"guest G flies", "'runs' or 'has'"},
        {"guest G has", "05.0004"},
        {"guest G has 5", "not '5'"},
        {"guest G runs now", "ends before 'now'"},
        {"guest 'G 1' runs now", "ends before 'now'"},
        {"guest 'G 1", "'runs' or 'has'"},
        {"queue 05.0004 bound a b", "ends before 'b'"},
        {"queue x bound", "not 'x'"},
        {"mdev 5 exists", "not '5'"},
        {"adapter 256 online", "not '256'"},
        {"adapter 010 online", "'010' could be octal or hexadecimal"},
        {"adapter 5 tired", "not 'tired'"},
        {"not event x", "cannot be combined with an event"},
        {"event", "which event"},
        {"event 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5", "at most 15 words"}};
    struct rig *r = *state;
    int c = rig_connect(r);

    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        char request[256];

        snprintf(request, sizeof(request),
                 "{\"execute\":\"wait\",\"arguments\":{\"condition\":\"%s\"}}", wrong[i][0]);
        rig_refused(r, c, request, CONTROL_ARGUMENT, wrong[i][1]);
    }
    close(c);
}

/* A batch that exceeds the history is not stored at all, and its numbers are used up. */
static void test_history_of_a_large_batch(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r);
    json_t *past;

    add_events(r, 5000);
    rig_execute(r, c, "{\"execute\":\"checkstop\",\"arguments\":{\"adapter\":5,\"state\":\"on\"}}");
    past = rig_return(r, c, "{\"execute\":\"events\"}");
    assert_int_equal(json_array_size(json_object_get(past, "events")), CONTROL_EVENTS);
    json_decref(past);
    close(c);
}

static void test_replies_wait_until_the_world_has_settled(void **state)
{
    struct rig *r = *state;
    int c = rig_connect(r), other = rig_connect(r);

    r->unsettled = true;
    rig_send(r, c,
             "{\"execute\":\"guest-list\",\"id\":1}\n{\"execute\":\"guest-list\",\"id\":2}\n");
    assert_string_equal(rig_receive(r, c), "");
    rig_send(r, other, "{\"execute\":\"guest-list\",\"id\":3}\n");
    assert_string_equal(rig_receive(r, other), "");
    r->unsettled = false;
    r->settled(r->settled_argument);
    assert_non_null(strstr(rig_receive(r, c), "\"id\":2}"));
    assert_non_null(strstr(rig_receive(r, other), "\"id\":3}"));
    /* A client that disconnects while it waits. */
    r->unsettled = true;
    rig_send(r, c, "{\"execute\":\"guest-list\",\"id\":4}\n");
    rig_run(r);
    close(c);
    rig_run(r);
    r->unsettled = false;
    r->settled(r->settled_argument);
    rig_run(r);
    rig_execute(r, other, "{\"execute\":\"guest-list\"}");
    close(other);
}

static void test_too_many_clients(void **state)
{
    struct rig *r = *state;
    int clients[CONTROL_CLIENTS_MAX], one_more;
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
        clients[i] = rig_connect(r);
    strcpy(address.sun_path, r->path);
    one_more = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(one_more, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_non_null(strstr(rig_receive(r, one_more), "TooManyClients"));
    assert_true(rig_closed(r, one_more));
    close(one_more);
    rig_execute(r, clients[7], "{\"execute\":\"guest-list\"}");
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(clients[i]);
    rig_run(r);
    close(rig_connect(r));
}

static int listen_again(struct rig *r, const char *path, struct text *why)
{
    struct control_server *second = NULL;
    int rc = control_server_new(r->event, &r->door, &r->ops, path, -1, &second, why);

    control_server_free(second);
    return rc;
}

static void test_places_for_the_socket(void **state)
{
    struct rig *r = *state;
    char path[400];
    text_auto why = {0};
    int fd;

    assert_int_equal(listen_again(r, r->path, &why), -EADDRINUSE);
    assert_non_null(strstr(why.data, "another daemon answers"));
    snprintf(path, sizeof(path), "%s/no/socket", r->dir);
    assert_int_equal(listen_again(r, path, &why), -ENOENT);
    snprintf(path, sizeof(path), "%s/%0150d", r->dir, 0);
    assert_int_equal(listen_again(r, path, &why), -ENAMETOOLONG);
    snprintf(path, sizeof(path), "%s/file", r->dir);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    assert_int_equal(listen_again(r, path, &why), -EEXIST);
    assert_int_equal(unlink(path), 0);
    rig_execute(r, fd = rig_connect(r), "{\"execute\":\"guest-list\"}");
    close(fd);
}

static void make_stale(const struct rig *r, struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof(address->sun_path), "%s/stale", r->dir);
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
    close(fd);
}

static void test_a_stale_socket_is_replaced(void **state)
{
    struct rig *r = *state;
    struct sockaddr_un address;
    text_auto why = {0};

    make_stale(r, &address);
    assert_int_equal(listen_again(r, address.sun_path, &why), 0);
    assert_int_equal(access(address.sun_path, F_OK), -1);
}

static void test_a_stale_socket_of_another_user_stays(void **state)
{
    struct rig *r = *state;
    struct sockaddr_un address;
    text_auto why = {0};

    if (geteuid() != 0)
        skip();
    make_stale(r, &address);
    assert_int_equal(chown(address.sun_path, 65534, 65534), 0);
    assert_int_equal(listen_again(r, address.sun_path, &why), -EPERM);
    assert_non_null(strstr(why.data, "another user"));
    assert_int_equal(unlink(address.sun_path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_socket_is_private),
        TEST(test_replies_in_order_with_ids),
        TEST(test_garbage_disturbs_nobody),
        TEST(test_half_a_message_and_away),
        TEST(test_a_closed_half_still_gets_answers),
        TEST(test_who_does_not_read_replies_is_held_back),
        TEST(test_who_does_not_read_events_is_cut_off),
        TEST(test_the_largest_is_cut_off),
        TEST(test_messages_of_the_daemon_are_events),
        TEST(test_events_reach_those_who_asked),
        TEST(test_changes_reach_those_who_asked),
        TEST(test_events_with_odd_names),
        TEST(test_events_since),
        TEST(test_waiting_for_a_state),
        TEST(test_waiting_for_an_event),
        TEST(test_wrong_conditions_are_named),
        TEST(test_history_of_a_large_batch),
        TEST(test_replies_wait_until_the_world_has_settled),
        TEST(test_too_many_clients),
        TEST(test_places_for_the_socket),
        TEST(test_a_stale_socket_is_replaced),
        TEST(test_a_stale_socket_of_another_user_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
