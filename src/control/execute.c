/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/json.h"
#include "core/commands.h"

/* Shared by all commands: the state of the server, guests that are stopped with their connection,
 * and the execution of commands of the core. */

void control_state_init(struct control_state *s, struct door *door, const struct control_ops *ops)
{
    *s = (struct control_state){.door = door, .ops = ops};
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

void control_own_guest(struct control_call *call, const char *guest, uint32_t number)
{
    struct control_state *s = call->state;

    s->owned = xrealloc(s->owned, (s->owned_count + 1) * sizeof(*s->owned));
    s->owned[s->owned_count++] = (struct control_owned){xstrdup(guest), number, call->peer->number};
}

static void disown(struct control_state *s, unsigned i)
{
    free(s->owned[i].guest);
    s->owned[i] = s->owned[--s->owned_count];
}

void control_disown_guest(struct control_state *s, uint32_t number)
{
    for (unsigned i = 0; i < s->owned_count; i++) {
        if (s->owned[i].number == number) {
            disown(s, i);
            return;
        }
    }
}

void control_peer_gone(struct control_state *s, uint64_t peer)
{
    for (unsigned i = 0; i < s->owned_count;) {
        struct command stop = {.kind = CMD_GUEST_STOP, .happened = true};
        struct reply reply = {0};

        if (s->owned[i].peer != peer) {
            i++;
            continue;
        }
        stop.guest.name = s->owned[i].guest;
        s->owned[i].guest = NULL;
        disown(s, i); /* before the guest stops, which would do it, too */
        s->door->execute(s->door, &stop, &reply);
        reply_done(&reply);
        free((char *)stop.guest.name);
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

static void fill_in(struct command *command, const struct argument *a,
                    const struct argument_value *v)
{
    const struct field *f =
        field_find(command_rows[command->kind].fields, a->field ? a->field : a->name);

    switch (a->type) {
    case ARGUMENT_ID:
        field_set(f, command, v->number);
        return;
    case ARGUMENT_BOOL:
        field_set(f, command, v->on);
        return;
    case ARGUMENT_CHOICE:
        if (!field_parse(f, command, a->choices[v->number]))
            return;
        break;
    default:
        break;
    }
    abort(); /* no field has that type */
}

static json_t *run_in_core(const struct control_command *as, struct control_call *call,
                           struct control_error *error)
{
    struct command command = {.kind = (enum command_kind)command_find(as->name)};

    for (unsigned i = 0; as->arguments[i].name; i++)
        if (call->arguments->v[i].given)
            fill_in(&command, &as->arguments[i], &call->arguments->v[i]);
    return control_execute(call, &command, NULL, error) < 0 ? NULL : json_object();
}

json_t *control_command_run(const struct control_command *command, struct control_call *call,
                            struct control_error *error)
{
    return command->run ? command->run(call, error) : run_in_core(command, call, error);
}
