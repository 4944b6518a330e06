/* SPDX-License-Identifier: MIT */
#include "guest_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void execute(struct door *door, struct command *command, struct reply *reply)
{
    struct guest_rig *r = (struct guest_rig *)door;

    effects_clear(&r->world->fx);
    core_execute(r->world->core, command, &r->world->fx, reply);
    guest_server_effects(r->server, &r->world->fx);
}

static void take_log(void *data, enum log_level level, const char *message)
{
    struct guest_rig *r = data;

    r->logged++;
    snprintf(r->last_log, sizeof(r->last_log), "%s", message);
}

static int setup_with(void **state, enum abi_profile abi)
{
    struct guest_rig *r = xcalloc(1, sizeof(*r));
    void *world;

    set_up_with(&world, abi);
    r->world = world;
    secure_and_create(r->world);
    r->door = (struct door){.core = r->world->core, .execute = execute};
    r->ops = (struct guest_server_ops){.data = r, .log = take_log, .hello_ms = 200};
    assert_true(sd_event_new(&r->event) >= 0);
    assert_int_equal(guest_server_new(r->event, &r->door, &r->ops, -1, &r->server), 0);
    *state = r;
    return 0;
}

int guest_rig_setup(void **state)
{
    return setup_with(state, ABI_PROPOSAL);
}

int guest_rig_setup_upstream(void **state)
{
    return setup_with(state, ABI_UPSTREAM);
}

int guest_rig_teardown(void **state)
{
    struct guest_rig *r = *state;
    void *world = r->world;

    guest_server_free(r->server);
    sd_event_unref(r->event);
    tear_down(&world);
    free(r);
    return 0;
}

void guest_rig_run(struct guest_rig *r)
{
    for (unsigned turns = 0; sd_event_run(r->event, 0) > 0; turns++)
        assert_true(turns < 1000000);
}

int guest_rig_connect(struct guest_rig *r)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    guest_server_add(r->server, fds[0]);
    return fds[1];
}

void guest_rig_close(struct guest_rig *r, int client)
{
    close(client);
    guest_rig_run(r);
}

void guest_rig_send_bytes(struct guest_rig *r, int client, const void *bytes, size_t len)
{
    const char *at = bytes;

    for (unsigned turns = 0; len; turns++) {
        ssize_t n = send(client, at, len, MSG_NOSIGNAL);

        assert_true(turns < 10000);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN) {
            return;
        }
        guest_rig_run(r);
    }
}

void guest_rig_send(struct guest_rig *r, int client, const struct guest_frame *frame)
{
    static uint8_t bytes[GUEST_FRAME_MAX];
    size_t len;

    assert_int_equal(guest_frame_format(frame, bytes, sizeof(bytes), &len, NULL), 0);
    guest_rig_send_bytes(r, client, bytes, len);
}

struct guest_frame guest_rig_receive(struct guest_rig *r, int client)
{
    struct guest_frame frame = {.type = 0xffff};
    size_t have = 0, len = 4;

    while (have < len) {
        ssize_t n;

        guest_rig_run(r);
        n = recv(client, r->in + have, len - have, 0);
        if (n < 0 && errno == EAGAIN && !have)
            return frame;
        if (n <= 0) {
            assert_int_equal(have, 0);
            frame.type = 0;
            return frame;
        }
        have += (size_t)n;
        if (have == 4)
            assert_int_equal(guest_frame_measure(r->in, 4, &len, NULL), 0);
    }
    assert_int_equal(guest_frame_parse(r->in, len, &frame, NULL), 0);
    assert_false(guest_type_is_from_client(frame.type));
    return frame;
}

struct guest_frame guest_rig_hello(struct guest_rig *r, int client, enum guest_role role,
                                   uint32_t features, const char *name, const char *uuid)
{
    struct guest_frame frame = {.type = GUEST_HELLO,
                                .hello = {.version = 1, .role = role, .features = features}};
    struct uuid mdev = {{0}};

    if (uuid)
        assert_int_equal(uuid_parse(uuid, strlen(uuid), &mdev), 0);
    memcpy(frame.hello.mdev, mdev.bytes, sizeof(frame.hello.mdev));
    frame.hello.name = name;
    frame.hello.name_len = strlen(name);
    guest_rig_send(r, client, &frame);
    return guest_rig_receive(r, client);
}

int guest_rig_guest(struct guest_rig *r, const char *name, const char *uuid)
{
    int client = guest_rig_connect(r);
    struct guest_frame answer =
        guest_rig_hello(r, client, GUEST_ROLE_GUEST, FEATURES_ALL, name, uuid);

    assert_int_equal(answer.type, GUEST_WELCOME);
    assert_int_equal(answer.welcome.features, FEATURES_ALL);
    return client;
}

struct guest_insn_reply guest_rig_execute(struct guest_rig *r, int client,
                                          const struct guest_insn *insn)
{
    struct guest_frame frame = {.type = GUEST_INSN, .id = 77, .insn = *insn};

    guest_rig_send(r, client, &frame);
    frame = guest_rig_receive(r, client);
    assert_int_equal(frame.type, GUEST_INSN_REPLY);
    assert_int_equal(frame.id, 77);
    assert_int_equal(guest_reply_check(insn, &frame.insn_reply, NULL), 0);
    return frame.insn_reply;
}

unsigned guest_rig_pqap(struct guest_rig *r, int client, unsigned function, unsigned qn,
                        uint64_t gr1, uint64_t gr2)
{
    struct guest_insn insn = {.opcode = GUEST_OPCODE_PQAP,
                              .gr = {(uint64_t)function << 24 | qn, gr1, gr2}};
    struct guest_insn_reply reply = guest_rig_execute(r, client, &insn);

    assert_int_equal(reply.program_check, 0);
    return reply.gr[1] >> 16 & 0xff;
}

void guest_rig_refused(struct guest_rig *r, int client, int error, const char *part)
{
    struct guest_frame frame = guest_rig_receive(r, client);
    char text[GUEST_TEXT_MAX + 1] = "";

    assert_int_equal(frame.type, GUEST_REFUSE);
    memcpy(text, frame.refuse.text, frame.refuse.text_len);
    if (frame.refuse.error != (uint32_t)error || !strstr(text, part))
        fail_msg("refused with errno %u: %s", frame.refuse.error, text);
    assert_int_equal(guest_rig_receive(r, client).type, 0);
}

uint32_t guest_rig_zeroized(struct guest_rig *r, unsigned qn)
{
    struct apqn_info info;

    core_apqn_info(r->world->core, (ap_qn)qn, &info);
    return info.zeroized;
}

bool guest_rig_find(struct guest_rig *r, const char *name, struct guest_info *out)
{
    return core_guest_find(r->world->core, name, out) == 0;
}

int guest_rig_admin(struct guest_rig *r, struct command *command)
{
    reply_done(&r->world->reply);
    r->door.execute(&r->door, command, &r->world->reply);
    return r->world->reply.result;
}

int guest_rig_admin_guest(struct guest_rig *r, enum command_kind kind, const char *name,
                          const char *uuid)
{
    struct command command = {.kind = kind, .guest = {.name = name, .features = FEATURES_ALL}};

    if (uuid) {
        command.guest.has_mdev = true;
        assert_int_equal(uuid_parse(uuid, strlen(uuid), &command.guest.mdev), 0);
    }
    return guest_rig_admin(r, &command);
}

int guest_rig_admin_put(struct guest_rig *r, const char *path, const char *value, uint64_t token)
{
    struct command command = {
        .kind = CMD_STORE, .token = token, .store = {.data = value, .len = strlen(value)}};

    assert_int_equal(
        sysfs_resolve(core_tree(r->world->core, CORE_HOST_TREE), path, &command.store.ino), 0);
    return guest_rig_admin(r, &command);
}

void guest_rig_expect_matrix(struct guest_rig *r, int client, unsigned adapters, unsigned domains,
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

void guest_rig_expect_notify(struct guest_rig *r, int client, enum guest_notify_kind kind)
{
    struct guest_frame frame = guest_rig_receive(r, client);

    assert_int_equal(frame.type, GUEST_NOTIFY);
    assert_int_equal(frame.notify.kind, kind);
}

void guest_rig_expect_nothing(struct guest_rig *r, int client)
{
    assert_int_equal(guest_rig_receive(r, client).type, 0xffff);
}

void guest_rig_refuse_hello(struct guest_rig *r, enum guest_role role, const char *name,
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
