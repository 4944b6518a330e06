/* SPDX-License-Identifier: MIT */
/*
 * The server of the guest protocol with a real core: whatever a client sends, in pieces of any
 * size, it gets only frames that a server may send, and nothing of it is left when it has
 * disconnected. The first byte selects the size of the pieces and whether an administrator
 * interferes.
 */
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "guest/session.h"

#include "fuzz.h"

#define UUID "69aa1a8a-0000-4000-8000-000000000001"

static struct world {
    struct door door; /* first */
    struct core *core;
    struct effects fx;
    struct guest_sessions sessions;
} world;

static void execute(struct door *door, struct command *command, struct reply *reply)
{
    effects_clear(&world.fx);
    core_execute(world.core, command, &world.fx, reply);
    guest_sessions_effects(&world.sessions, &world.fx);
}

static void run(struct command *command)
{
    struct reply reply = {0};

    execute(&world.door, command, &reply);
    reply_done(&reply);
}

static void put(const char *path, const char *value)
{
    struct command command = {.kind = CMD_STORE, .store = {.data = value, .len = strlen(value)}};

    fuzz_check(sysfs_resolve(core_tree(world.core, CORE_HOST_TREE), path, &command.store.ino) == 0);
    run(&command);
}

static void set_up(void)
{
    struct machine_config config;

    if (world.core)
        return;
    machine_config_default(&config);
    world.core = core_new(&config, &world.fx);
    world.door = (struct door){.core = world.core, .execute = execute};
    world.sessions.door = &world.door;
    put("bus/ap/aqmask", "-4\n");
    put("devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create", UUID);
    put("devices/vfio_ap/matrix/" UUID "/assign_adapter", "5\n");
}

static unsigned guests(void)
{
    struct guest_info guest;
    uint32_t cursor = 0;
    unsigned n = 0;

    while (core_guest_next(world.core, &cursor, &guest))
        n++;
    return n;
}

/* Checks the server's frames in out, which must be whole. */
static void read_answers(struct guest_session *s)
{
    struct guest_frame frame;
    size_t len;

    while (outbox_waiting(&s->out)) {
        const uint8_t *start = (const uint8_t *)s->out.text.data + s->out.sent;

        fuzz_check(guest_frame_measure(start, outbox_waiting(&s->out), &len, NULL) == 0);
        fuzz_check(guest_frame_parse(start, len, &frame, NULL) == 0);
        fuzz_check(!guest_type_is_from_client(frame.type));
        s->out.sent += len;
        fuzz_check((frame.type == GUEST_REFUSE) ==
                   (s->state == SESSION_OVER && !outbox_waiting(&s->out)));
    }
    text_clear(&s->out.text);
    s->out.sent = 0;
}

/* Actions of an administrator: changes the guest's matrix, or stops it. */
static void interfere(const struct guest_session *s, unsigned turn)
{
    struct command stop = {.kind = CMD_GUEST_STOP, .guest = {.name = s->name}};

    put("devices/vfio_ap/matrix/" UUID "/assign_domain", "4\n");
    put("devices/vfio_ap/matrix/" UUID "/unassign_domain", "4\n");
    if (turn == 3)
        run(&stop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct guest_session s;
    size_t piece = len ? 1 + (data[0] & 0x7f) * 4 : 1;
    bool interferes = len && data[0] & 0x80;

    set_up();
    guest_session_open(&world.sessions, &s, 1);
    for (size_t at = 1, turn = 0; at < len; at += piece, turn++) {
        guest_session_input(&s, data + at, len - at < piece ? len - at : piece);
        while (guest_session_step(&s))
            ;
        read_answers(&s);
        fuzz_check(guest_session_wants_input(&s) || s.state == SESSION_OVER);
        if (interferes && s.connected)
            interfere(&s, turn);
    }
    guest_session_close(&s);
    fuzz_check(!world.sessions.first && guests() == 0);
    return 0;
}
