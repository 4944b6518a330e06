/* SPDX-License-Identifier: MIT */
#include "control/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct control_command *const control_commands[] = {
    control_commands_session, control_commands_view,  control_commands_machine,
    control_commands_fault,   control_commands_guest, NULL};

const struct control_command *control_command_find(const char *name)
{
    for (unsigned group = 0; control_commands[group]; group++)
        for (const struct control_command *c = control_commands[group]; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

void control_state_init(struct control_state *s, struct door *door, const struct control_host *host)
{
    *s = (struct control_state){.door = door, .host = host};
    ring_init(&s->log, CONTROL_LOG_MESSAGES);
    ring_init(&s->events, CONTROL_EVENTS);
}

void control_state_done(struct control_state *s)
{
    for (unsigned i = 0; i < s->owned_count; i++)
        free(s->owned[i].guest);
    free(s->owned);
    ring_done(&s->log);
    ring_done(&s->events);
    *s = (struct control_state){0};
}

void control_own_guest(struct control_call *call, const char *guest)
{
    struct control_state *s = call->state;

    s->owned = xrealloc(s->owned, (s->owned_count + 1) * sizeof(*s->owned));
    s->owned[s->owned_count++] =
        (struct control_owned){.guest = xstrdup(guest), .peer = call->peer->number};
}

static void disown(struct control_state *s, unsigned i)
{
    free(s->owned[i].guest);
    s->owned[i] = s->owned[--s->owned_count];
}

void control_disown_guest(struct control_state *s, const char *guest)
{
    for (unsigned i = 0; i < s->owned_count; i++) {
        if (strcmp(s->owned[i].guest, guest) == 0) {
            disown(s, i);
            return;
        }
    }
}

void control_peer_gone(struct control_state *s, uint64_t peer)
{
    for (unsigned i = 0; i < s->owned_count;) {
        struct command stop = {.kind = CMD_GUEST_STOP, .guest = {.name = s->owned[i].guest}};
        struct reply reply = {0};

        if (s->owned[i].peer != peer) {
            i++;
            continue;
        }
        /* It may be gone already; then there is nothing left to do. */
        s->door->execute(s->door, &stop, &reply);
        reply_done(&reply);
        disown(s, i);
    }
}

int control_execute(struct control_call *call, struct command *command, int64_t *value,
                    struct control_error *error)
{
    struct door *door = call->state->door;
    struct reply reply = {0};

    door->execute(door, command, &reply);
    if (reply.result < 0 && reply.why.len)
        control_error_set(error, CONTROL_REFUSED, -reply.result, "%s", reply.why.data);
    else if (reply.result < 0)
        control_error_set(error, CONTROL_REFUSED, -reply.result, "refused: %s",
                          strerror(-reply.result));
    else if (value)
        *value = reply.value;
    reply_done(&reply);
    return reply.result;
}
