/* SPDX-License-Identifier: MIT */
/* Connections to the guest socket: violations of the protocol, pieces, floods, limits. */
#include <sys/socket.h>
#include <unistd.h>

#include "guest_rig.h"

static void a_violation_ends_only_its_connection(void **state)
{
    static const uint8_t huge[] = {0x7f, 0xff, 0xff, 0xff}, tiny[] = {0, 0, 0, 1},
                         odd[] = {0, 0, 0, 12, 0, 99, 0, 0, 0, 0, 0, 1};
    struct guest_rig *r = *state;
    int good = guest_rig_guest(r, "Guest1", UUID1);
    struct {
        const uint8_t *bytes;
        size_t len;
        const char *why;
    } const nonsense[] = {{huge, 4, "too long"}, {tiny, 4, "shorter"}, {odd, 12, "unknown frame"}};
    struct guest_frame reset = {.type = GUEST_RESET, .id = 1}, notify = {.type = GUEST_NOTIFY};
    int client;

    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
        client = guest_rig_connect(r);
        guest_rig_send_bytes(r, client, nonsense[i].bytes, nonsense[i].len);
        guest_rig_refused(r, client, EPROTO, nonsense[i].why);
        guest_rig_close(r, client);
        assert_int_equal(r->logged, i + 1);
        assert_non_null(strstr(r->last_log, nonsense[i].why));
    }
    client = guest_rig_connect(r);
    guest_rig_send(r, client, &reset);
    guest_rig_refused(r, client, EPROTO, "first frame");
    guest_rig_close(r, client);
    client = guest_rig_guest(r, "Guest2", UUID2);
    assert_int_equal(guest_rig_hello(r, client, GUEST_ROLE_GUEST, 1, "Guest2", UUID2).type,
                     GUEST_REFUSE);
    guest_rig_close(r, client);
    client = guest_rig_guest(r, "Guest2", UUID2);
    notify.notify.kind = GUEST_NOTIFY_CONFIG;
    guest_rig_send(r, client, &notify);
    guest_rig_refused(r, client, EPROTO, "only the server");
    guest_rig_close(r, client);
    assert_non_null(strstr(r->last_log, "guest Guest2 was disconnected"));
    guest_rig_expect_matrix(r, good, 2, 2, 0);
    guest_rig_close(r, good);
}

static void a_client_without_hello_is_disconnected(void **state)
{
    struct guest_rig *r = *state;
    int silent = guest_rig_connect(r), half = guest_rig_connect(r);
    int good = guest_rig_guest(r, "Guest1", UUID1);

    guest_rig_send_bytes(r, half, "\0\0\0\50\0\1", 6);
    usleep(250000);
    guest_rig_refused(r, silent, ETIMEDOUT, "HELLO");
    guest_rig_refused(r, half, ETIMEDOUT, "HELLO");
    guest_rig_expect_matrix(r, good, 2, 2, 0);
    close(silent);
    close(half);
    guest_rig_close(r, good);
}

static void frames_may_come_in_any_pieces(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    struct guest_frame frame = {.type = GUEST_INSN, .insn = {.opcode = GUEST_OPCODE_PQAP}};
    uint8_t bytes[4096];
    size_t total = 0;

    for (frame.id = 1; frame.id <= 40; frame.id++) {
        size_t len;

        frame.insn.cpu = frame.id & 3;
        frame.insn.gr[0] = 0x0504;
        assert_int_equal(
            guest_frame_format(&frame, bytes + total, sizeof(bytes) - total, &len, NULL), 0);
        total += len;
    }
    for (size_t i = 0; i < 200; i++)
        guest_rig_send_bytes(r, client, bytes + i, 1);
    guest_rig_send_bytes(r, client, bytes + 200, total - 200);
    for (uint32_t id = 1; id <= 40; id++) {
        struct guest_frame answer = guest_rig_receive(r, client);

        assert_int_equal(answer.type, GUEST_INSN_REPLY);
        assert_int_equal(answer.id, id);
    }
    /* An incomplete frame at the end is ignored. */
    guest_rig_send_bytes(r, client, bytes, 50);
    guest_rig_close(r, client);
    assert_int_equal(r->logged, 0);
}

/* A client that sends requests without reading is held up, and finally reads everything; others go
 * on. */
static void a_flood_is_throttled(void **state)
{
    struct guest_rig *r = *state;
    int flood = guest_rig_guest(r, "Guest1", UUID1), other = guest_rig_guest(r, "Guest2", UUID2);
    struct guest_frame frame = {.type = GUEST_INSN,
                                .insn = {.opcode = GUEST_OPCODE_PQAP, .gr = {QCI << 24, 0, 0x800}}};
    uint8_t bytes[256];
    uint32_t sent = 0, read = 0;
    size_t len;

    for (bool taken = true; taken; sent += taken) {
        frame.id = sent + 1;
        assert_int_equal(guest_frame_format(&frame, bytes, sizeof(bytes), &len, NULL), 0);
        taken = send(flood, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
        guest_rig_run(r);
        assert_true(sent < 100000);
    }
    guest_rig_expect_matrix(r, other, 0, 0, 0);
    for (struct guest_frame answer; (answer = guest_rig_receive(r, flood)).type != 0xffff; read++)
        assert_int_equal(answer.id, read + 1);
    assert_int_equal(read, sent);
    guest_rig_close(r, flood);
    guest_rig_close(r, other);
}

/* What waits for all sessions together has a bound. */
static void many_sessions_share_a_bound(void **state)
{
    struct guest_sessions all = {0};
    struct guest_session *v = xcalloc(1024, sizeof *v);

    for (unsigned i = 0; i < 1024; i++) {
        guest_session_open(&all, &v[i], 0);
        assert_true(guest_session_hold(&all) <= GUEST_SESSION_HOLD);
        assert_true(guest_session_hold(&all) * (i + 1) <= GUEST_SESSIONS_HOLD);
    }
    assert_int_equal(guest_session_hold(&all), 65536);
    for (unsigned i = 1; i < 1024; i++)
        guest_session_drop(&v[i]);
    assert_int_equal(guest_session_hold(&all), GUEST_SESSION_HOLD);
    guest_session_drop(&v[0]);
    free(v);
}

static void too_many_connections_are_refused(void **state)
{
    struct guest_rig *r = *state;
    static int clients[GUEST_CLIENTS_MAX];
    int late;

    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        clients[i] = guest_rig_connect(r);
    late = guest_rig_connect(r);
    guest_rig_refused(r, late, EUSERS, "too many");
    close(late);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        close(clients[i]);
    guest_rig_run(r);
    guest_rig_close(r, guest_rig_guest(r, "Guest1", UUID1));
}

#define RIG(name) cmocka_unit_test_setup_teardown(name, guest_rig_setup, guest_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(a_violation_ends_only_its_connection), RIG(a_client_without_hello_is_disconnected),
        RIG(frames_may_come_in_any_pieces),        RIG(a_flood_is_throttled),
        RIG(many_sessions_share_a_bound),          RIG(too_many_connections_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
