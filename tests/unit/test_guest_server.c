/* SPDX-License-Identifier: MIT */
/* Clients of the guest socket, together with a real core and its administrator. */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest_rig.h"

#define UUID_NONE "00000000-1111-2222-3333-444444444444"

enum { TAPQ = 0, ZAPQ = 2, AQIC = 3, QCI = 4 };

static uint32_t zeroized(struct guest_rig *r, unsigned qn)
{
    struct apqn_info info;

    core_apqn_info(r->world->core, (ap_qn)qn, &info);
    return info.zeroized;
}

static bool find(struct guest_rig *r, const char *name, struct guest_info *out)
{
    return core_guest_find(r->world->core, name, out) == 0;
}

/* Executes a command of the administrator, through the same door. */
static int admin(struct guest_rig *r, struct command *command)
{
    reply_done(&r->world->reply);
    r->door.execute(&r->door, command, &r->world->reply);
    return r->world->reply.result;
}

static int admin_guest(struct guest_rig *r, enum command_kind kind, const char *name,
                       const char *uuid)
{
    struct command command = {.kind = kind, .guest = {.name = name, .features = FEATURES_ALL}};

    if (uuid) {
        command.guest.has_mdev = true;
        assert_int_equal(uuid_parse(uuid, strlen(uuid), &command.guest.mdev), 0);
    }
    return admin(r, &command);
}

static int admin_put(struct guest_rig *r, const char *path, const char *value, uint64_t token)
{
    struct command command = {
        .kind = CMD_STORE, .token = token, .store = {.data = value, .len = strlen(value)}};

    assert_int_equal(
        sysfs_resolve(core_tree(r->world->core, CORE_HOST_TREE), path, &command.store.ino), 0);
    return admin(r, &command);
}

/* Checks how many adapters, usage domains and control domains QCI shows. */
static void expect_matrix(struct guest_rig *r, int client, unsigned adapters, unsigned domains,
                          unsigned control_domains)
{
    struct guest_insn insn = {.opcode = GUEST_OPCODE_PQAP, .gr = {QCI << 24, 0, 0x1000}};
    struct guest_insn_reply reply = guest_rig_execute(r, client, &insn);
    const unsigned expected[] = {adapters, domains, control_domains};

    assert_int_equal(reply.data_len, 128);
    assert_int_equal(reply.address, 0x1000);
    for (unsigned i = 0; i < 3; i++) {
        struct mask256 mask = mask256_from_bytes(reply.data + 16 + 32 * i);

        assert_int_equal(mask256_count(&mask), expected[i]);
    }
}

static void expect_notify(struct guest_rig *r, int client, enum guest_notify_kind kind)
{
    struct guest_frame frame = guest_rig_receive(r, client);

    assert_int_equal(frame.type, GUEST_NOTIFY);
    assert_int_equal(frame.notify.kind, kind);
}

static void expect_nothing(struct guest_rig *r, int client)
{
    assert_int_equal(guest_rig_receive(r, client).type, 0xffff);
}

/* Expects a HELLO to be refused. */
static void refuse_hello(struct guest_rig *r, enum guest_role role, const char *name,
                         const char *uuid, int error, const char *part)
{
    struct guest_frame hello = {.type = GUEST_HELLO,
                                .hello = {.version = 1,
                                          .role = role,
                                          .features = GUEST_FEATURE_AP,
                                          .name = name,
                                          .name_len = strlen(name)}};
    int client = guest_rig_connect(r);
    struct uuid mdev = {{0}};

    if (uuid)
        uuid_parse(uuid, strlen(uuid), &mdev);
    memcpy(hello.hello.mdev, mdev.bytes, sizeof(hello.hello.mdev));
    guest_rig_send(r, client, &hello);
    guest_rig_refused(r, client, error, part);
    close(client);
}

static void a_client_is_a_guest_as_long_as_it_is_connected(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    struct guest_info guest;
    uint32_t before;

    assert_true(find(r, "Guest1", &guest));
    assert_true(guest.attached && guest.connected);
    assert_int_equal(guest.features, FEATURES_ALL);
    assert_int_equal(guest_rig_pqap(r, client, TAPQ, 0x0504, 0, 0), 0);
    assert_int_equal(guest_rig_pqap(r, client, TAPQ, 0x0505, 0, 0), 1);
    before = zeroized(r, 0x0504);
    guest_rig_close(r, client);
    assert_false(find(r, "Guest1", &guest));
    assert_int_equal(zeroized(r, 0x0504), before + 1);
    client = guest_rig_guest(r, "Guest1", UUID1);
    guest_rig_close(r, client);
}

/* A guest may get a device later, and one without a name is called after its process. */
static void a_guest_starts_without_a_device(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    char name[32];
    int client = guest_rig_guest(r, "Guest1", NULL);

    assert_true(find(r, "Guest1", &guest));
    assert_false(guest.attached);
    assert_int_equal(guest.process, getpid());
    guest_rig_close(r, client);
    assert_false(find(r, "Guest1", &guest));
    snprintf(name, sizeof name, "process-%d", (int)getpid());
    client = guest_rig_guest(r, "", NULL);
    assert_true(find(r, name, &guest));
    guest_rig_close(r, client);
}

static void what_hello_cannot_have_is_refused_with_a_reason(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    int client;

    refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID_NONE, ENODEV, "no mediated device 00000000");
    refuse_hello(r, GUEST_ROLE_GUEST, "-x", UUID1, EINVAL, "is not a valid guest name");
    refuse_hello(r, GUEST_ROLE_LPAR, "lpar", UUID1, EINVAL, "an LPAR has no mediated device");
    assert_false(find(r, "Guest1", &guest));
    client = guest_rig_guest(r, "Guest1", UUID1);
    refuse_hello(r, GUEST_ROLE_GUEST, "Guest2", UUID1, EBUSY, "is used by guest Guest1");
    refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID1, EBUSY,
                 "is already connected to another client");
    refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID2, EPERM, "another mediated device");
    refuse_hello(r, GUEST_ROLE_LPAR, "lpar", NULL, EBUSY, "guests are running");
    expect_matrix(r, client, 2, 2, 0);
    assert_int_equal(r->logged, 0);
    guest_rig_close(r, client);
}

static void a_guest_without_a_name_is_called_as_its_device(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "", UUID1);
    struct guest_info guest;

    assert_true(find(r, UUID1, &guest));
    guest_rig_close(r, client);
}

static void a_guest_of_the_administrator_outlives_its_client(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    uint32_t before;
    int client;

    assert_int_equal(admin_guest(r, CMD_GUEST_START, "Guest1", UUID1), 0);
    client = guest_rig_guest(r, "Guest1", NULL);
    assert_true(find(r, "Guest1", &guest) && guest.connected);
    expect_matrix(r, client, 2, 2, 0);
    before = zeroized(r, 0x0604);
    guest_rig_close(r, client);
    assert_true(find(r, "Guest1", &guest) && !guest.connected && guest.attached);
    assert_int_equal(zeroized(r, 0x0604), before + 1);
    client = guest_rig_guest(r, "", UUID1);
    refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", NULL, EBUSY,
                 "is already connected to another client");
    guest_rig_close(r, client);
    assert_int_equal(admin_guest(r, CMD_GUEST_DETACH, "Guest1", NULL), 0);
    client = guest_rig_guest(r, "Guest1", UUID1);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    expect_matrix(r, client, 2, 2, 0);
    guest_rig_close(r, client);
}

static void features_are_those_that_both_have(void **state)
{
    struct guest_rig *r = *state;
    struct command start = {.kind = CMD_GUEST_START,
                            .guest = {.name = "Old", .features = GUEST_AP | GUEST_APFT}};
    struct guest_insn qci = {.opcode = GUEST_OPCODE_PQAP, .gr = {QCI << 24, 0, 0x1000}};
    int client = guest_rig_connect(r);
    struct guest_frame answer;

    assert_int_equal(admin(r, &start), 0);
    answer = guest_rig_hello(r, client, GUEST_ROLE_GUEST, GUEST_FEATURE_AP | GUEST_FEATURE_APQCI,
                             "Old", NULL);
    assert_int_equal(answer.type, GUEST_WELCOME);
    assert_int_equal(answer.welcome.features, GUEST_FEATURE_AP);
    assert_int_equal(guest_rig_execute(r, client, &qci).program_check, PGM_SPECIFICATION);
    guest_rig_close(r, client);
}

static void who_only_asks_for_features_is_no_guest(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_connect(r);
    struct guest_frame answer =
        guest_rig_hello(r, client, GUEST_ROLE_NONE, FEATURES_ALL, "Guest1", NULL);
    struct guest_info guest;

    assert_int_equal(answer.type, GUEST_WELCOME);
    assert_int_equal(answer.welcome.features, FEATURES_ALL);
    assert_int_equal(guest_rig_receive(r, client).type, 0);
    assert_false(find(r, "Guest1", &guest));
    close(client);
}

static void changes_are_told_and_shown(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);

    expect_matrix(r, client, 2, 2, 0);
    assert_int_equal(admin_put(r, MATRIX UUID1 "/unassign_domain", "0xab\n", 0), 0);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    expect_matrix(r, client, 2, 1, 0);
    assert_int_equal(admin_put(r, MATRIX UUID1 "/assign_control_domain", "4\n", 0), 0);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    expect_matrix(r, client, 2, 1, 1);
    assert_int_equal(admin_guest(r, CMD_GUEST_DETACH, "Guest1", NULL), 0);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    expect_matrix(r, client, 0, 0, 0);
    expect_nothing(r, client);
    guest_rig_close(r, client);
}

static void a_client_that_does_not_read_is_told_once(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    unsigned told = 0;

    for (int i = 0; i < 100; i++) {
        admin_put(r, MATRIX UUID1 "/unassign_domain", "0xab\n", 0);
        admin_put(r, MATRIX UUID1 "/assign_domain", "0xab\n", 0);
    }
    while (guest_rig_receive(r, client).type == GUEST_NOTIFY)
        told++;
    assert_int_equal(told, 1);
    guest_rig_close(r, client);
}

static void a_device_is_removed_when_its_guest_lets_go(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    bool replied = false;

    assert_int_equal(admin_put(r, MATRIX UUID1 "/remove", "1\n", 9), -EINPROGRESS);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    expect_notify(r, client, GUEST_NOTIFY_DETACH);
    expect_matrix(r, client, 0, 0, 0);
    guest_rig_close(r, client);
    for (size_t i = 0; i < r->world->fx.count; i++)
        replied |= r->world->fx.v[i].kind == EFFECT_REPLY && r->world->fx.v[i].node == 9;
    assert_true(replied);
    refuse_hello(r, GUEST_ROLE_GUEST, "Guest1", UUID1, ENODEV, "no mediated device");
}

static void an_asked_client_gives_the_device_of_the_administrators_guest_back(void **state)
{
    struct guest_rig *r = *state;
    struct guest_info guest;
    int client;

    assert_int_equal(admin_guest(r, CMD_GUEST_START, "Guest1", UUID1), 0);
    client = guest_rig_guest(r, "Guest1", NULL);
    assert_int_equal(admin_put(r, MATRIX UUID1 "/remove", "1\n", 9), -EINPROGRESS);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    expect_notify(r, client, GUEST_NOTIFY_DETACH);
    guest_rig_close(r, client);
    assert_true(find(r, "Guest1", &guest) && !guest.attached);
}

static void a_stopped_guest_is_told_why_it_is_alone(void **state)
{
    struct guest_rig *r = *state;
    int one = guest_rig_guest(r, "Guest1", UUID1), two = guest_rig_guest(r, "Guest2", UUID2);
    struct guest_info guest;

    assert_int_equal(admin_guest(r, CMD_GUEST_STOP, "Guest1", NULL), 0);
    /* The next guest gets the number at once, and is not affected by what is left of the first. */
    assert_int_equal(admin_guest(r, CMD_GUEST_START, "Guest1", UUID1), 0);
    guest_rig_refused(r, one, ESHUTDOWN, "stopped");
    guest_rig_close(r, one);
    assert_true(find(r, "Guest1", &guest) && find(r, "Guest2", &guest) && guest.connected);
    assert_int_equal(guest_rig_pqap(r, two, TAPQ, 0x0504, 0, 0), 1);
    guest_rig_close(r, two);
}

/* The client sends a request, and its adapter answers. */
static void reply_comes(struct guest_rig *r, int client)
{
    struct guest_insn nqap = {.opcode = GUEST_OPCODE_NQAP,
                              .r1 = 2,
                              .r2 = 4,
                              .gr = {0x40000504, 0, 0},
                              .p1 = {1, 2},
                              .p2 = {0x2000, 64},
                              .data = (const uint8_t[64]){0x50},
                              .data_len = 64};
    struct command done = {.kind = CMD_JOB_DONE,
                           .job = {.data = (const uint8_t *)"reply", .len = 5}};

    assert_int_equal(guest_rig_execute(r, client, &nqap).cc, 0);
    for (size_t i = 0; i < r->world->fx.count; i++)
        if (r->world->fx.v[i].kind == EFFECT_JOB)
            done.job.id = r->world->fx.v[i].node;
    assert_int_equal(admin(r, &done), 0);
}

/* Without AQIC there are no notifications of replies; with it, they have its ISC and NIB. */
static void expect_interrupt(struct guest_rig *r, int client)
{
    struct guest_frame frame;

    reply_comes(r, client);
    expect_nothing(r, client);
    assert_int_equal(guest_rig_pqap(r, client, AQIC, 0x0504, UINT64_C(1) << 47 | 5, 0xabc0), 0);
    reply_comes(r, client);
    frame = guest_rig_receive(r, client);
    assert_int_equal(frame.type, GUEST_NOTIFY);
    assert_int_equal(frame.notify.kind, GUEST_NOTIFY_INTERRUPT);
    assert_int_equal(frame.notify.isc, 5);
    assert_int_equal(frame.notify.apqn, 0x0504);
    assert_int_equal(frame.notify.nib, 0xabc0);
    expect_nothing(r, client);
    guest_rig_close(r, client);
}

static void an_interrupt_has_what_aqic_said(void **state)
{
    struct guest_rig *r = *state;

    expect_interrupt(r, guest_rig_guest(r, "Guest1", UUID1));
}

/* A reply that a reset flushed before the notification was sent is not reported. */
static void a_reset_takes_interrupts_back(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    struct command reset = {.kind = CMD_CPU_RESET};
    struct guest_info guest;

    assert_int_equal(core_guest_find(r->world->core, "Guest1", &guest), 0);
    assert_int_equal(guest_rig_pqap(r, client, AQIC, 0x0504, UINT64_C(1) << 47 | 5, 0xabc0), 0);
    assert_int_equal(core_queue_aqic(r->world->core, 0x0504).nib, 0xabc0);
    reply_comes(r, client);
    reset.cpu.guest = guest.number;
    assert_int_equal(admin(r, &reset), 0);
    assert_false(core_queue_aqic(r->world->core, 0x0504).enable);
    expect_nothing(r, client);
    guest_rig_close(r, client);
}

static void an_lpar_has_interrupts_too(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_connect(r);

    guest_rig_hello(r, client, GUEST_ROLE_LPAR, FEATURES_ALL, "lpar", NULL);
    expect_interrupt(r, client);
}

static void reset_zeroizes_the_guests_queues_alone(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    uint32_t own = zeroized(r, 0x0504), others = zeroized(r, 0x0547);
    struct guest_frame frame = {.type = GUEST_RESET, .id = 3};

    guest_rig_send(r, client, &frame);
    frame = guest_rig_receive(r, client);
    assert_int_equal(frame.type, GUEST_RESET_REPLY);
    assert_int_equal(frame.id, 3);
    assert_int_equal(zeroized(r, 0x0504), own + 1);
    assert_int_equal(zeroized(r, 0x0547), others);
    guest_rig_close(r, client);
}

static uint16_t servc(struct guest_rig *r, int client, uint32_t word)
{
    struct guest_frame frame = {.type = GUEST_SERVC, .id = 4, .servc = {word}};

    guest_rig_send(r, client, &frame);
    frame = guest_rig_receive(r, client);
    assert_int_equal(frame.type, GUEST_SERVC_REPLY);
    return frame.servc_reply.response;
}

static void an_lpar_has_the_machine_to_itself(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_connect(r);
    struct guest_frame answer =
        guest_rig_hello(r, client, GUEST_ROLE_LPAR, FEATURES_ALL, "lpar", NULL);
    struct mask256 adapters;
    struct host_info host;

    assert_int_equal(answer.type, GUEST_WELCOME);
    assert_int_equal(answer.welcome.features, FEATURES_ALL);
    core_host_info(r->world->core, &host);
    adapters = host.apm;
    expect_matrix(r, client, mask256_count(&adapters), mask256_count(&host.aqm),
                  mask256_count(&host.adm));
    assert_int_equal(servc(r, client, GUEST_SERVC_DECONFIGURE | 5 << 8), 0x0020);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    assert_int_equal(servc(r, client, GUEST_SERVC_DECONFIGURE | 5 << 8), 0x0120);
    assert_int_equal(guest_rig_pqap(r, client, TAPQ, 0x0504, 0, 0), 3);
    assert_int_equal(servc(r, client, GUEST_SERVC_CONFIGURE | 5 << 8), 0x0020);
    expect_notify(r, client, GUEST_NOTIFY_CONFIG);
    assert_int_equal(servc(r, client, GUEST_SERVC_CONFIGURE | 0xee << 8), 0x09f0);
    refuse_hello(r, GUEST_ROLE_LPAR, "lpar", NULL, EBUSY, "already connected as the LPAR");
    assert_int_equal(admin_guest(r, CMD_GUEST_START, "Guest1", NULL), -EBUSY);
    guest_rig_close(r, client);
    assert_int_equal(admin_guest(r, CMD_GUEST_START, "Guest1", NULL), 0);
}

static void a_guest_configures_nothing(void **state)
{
    struct guest_rig *r = *state;
    int client = guest_rig_guest(r, "Guest1", UUID1);
    struct guest_frame frame = {
        .type = GUEST_SERVC, .id = 4, .servc = {GUEST_SERVC_DECONFIGURE | 5 << 8}};
    struct guest_info guest;

    guest_rig_send(r, client, &frame);
    guest_rig_refused(r, client, EPERM, "cannot configure");
    assert_false(find(r, "Guest1", &guest));
    close(client);
}

static void what_the_protocol_does_not_allow_ends_the_connection_alone(void **state)
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
    expect_matrix(r, good, 2, 2, 0);
    guest_rig_close(r, good);
}

static void who_says_nothing_is_sent_away(void **state)
{
    struct guest_rig *r = *state;
    int silent = guest_rig_connect(r), half = guest_rig_connect(r);
    int good = guest_rig_guest(r, "Guest1", UUID1);

    guest_rig_send_bytes(r, half, "\0\0\0\50\0\1", 6);
    usleep(250000);
    guest_rig_refused(r, silent, ETIMEDOUT, "HELLO");
    guest_rig_refused(r, half, ETIMEDOUT, "HELLO");
    expect_matrix(r, good, 2, 2, 0);
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
static void a_flood_is_held_back(void **state)
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
    expect_matrix(r, other, 0, 0, 0);
    for (struct guest_frame answer; (answer = guest_rig_receive(r, flood)).type != 0xffff; read++)
        assert_int_equal(answer.id, read + 1);
    assert_int_equal(read, sent);
    guest_rig_close(r, flood);
    guest_rig_close(r, other);
}

static void too_many_connections_are_sent_away(void **state)
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

#define RIG_UPSTREAM(name)                                                                         \
    cmocka_unit_test_setup_teardown(name, guest_rig_setup_upstream, guest_rig_teardown)
#define RIG(name) cmocka_unit_test_setup_teardown(name, guest_rig_setup, guest_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG(a_client_is_a_guest_as_long_as_it_is_connected),
        RIG(a_guest_starts_without_a_device),
        RIG(what_hello_cannot_have_is_refused_with_a_reason),
        RIG(a_guest_without_a_name_is_called_as_its_device),
        RIG(a_guest_of_the_administrator_outlives_its_client),
        RIG(features_are_those_that_both_have),
        RIG(who_only_asks_for_features_is_no_guest),
        RIG(changes_are_told_and_shown),
        RIG(a_client_that_does_not_read_is_told_once),
        RIG_UPSTREAM(a_device_is_removed_when_its_guest_lets_go),
        RIG_UPSTREAM(an_asked_client_gives_the_device_of_the_administrators_guest_back),
        RIG(a_stopped_guest_is_told_why_it_is_alone),
        RIG(an_interrupt_has_what_aqic_said),
        RIG(a_reset_takes_interrupts_back),
        RIG(an_lpar_has_interrupts_too),
        RIG(reset_zeroizes_the_guests_queues_alone),
        RIG(an_lpar_has_the_machine_to_itself),
        RIG(a_guest_configures_nothing),
        RIG(what_the_protocol_does_not_allow_ends_the_connection_alone),
        RIG(who_says_nothing_is_sent_away),
        RIG(frames_may_come_in_any_pieces),
        RIG(a_flood_is_held_back),
        RIG(too_many_connections_are_sent_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
