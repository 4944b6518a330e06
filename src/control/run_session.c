/* SPDX-License-Identifier: MIT */
/* Commands about the connection, the log and the daemon itself. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "control/command.h"
#include "control/event.h"
#include "control/json.h"
#include "socket/closer.h"

static const char *type_name(enum argument_type type)
{
    switch (type) {
    case ARGUMENT_ID:
    case ARGUMENT_COUNT:
        return "integer";
    case ARGUMENT_SECONDS:
        return "number";
    case ARGUMENT_BOOL:
        return "boolean";
    case ARGUMENT_CHOICES:
    case ARGUMENT_IDS:
        return "array";
    case ARGUMENT_TYPES:
        return "object";
    default:
        return "string";
    }
}

static json_t *describe_argument(const struct argument *a)
{
    text_auto shape = {0};

    argument_describe(a, &shape);
    return json_pack("{s:s, s:s, s:b, s:s, s:s}", "name", a->name, "type", type_name(a->type),
                     "optional", a->optional, "value", shape.data, "what", a->what);
}

static json_t *run_commands(struct control_call *call, struct control_error *error)
{
    const struct control_command *const *commands = call->state->commands;
    json_t *list = json_array();

    for (unsigned group = 0; commands[group]; group++) {
        for (const struct control_command *c = commands[group]; c->name; c++) {
            json_t *arguments = json_array();

            for (const struct argument *a = c->arguments; a->name; a++)
                control_json_append(arguments, describe_argument(a));
            control_json_append(list,
                                json_pack("{s:s, s:s, s:o, s:s}", "name", c->name, "what", c->what,
                                          "arguments", arguments, "returns", c->returns));
        }
    }
    return json_pack("{s:o}", "commands", list);
}

static json_t *run_subscribe(struct control_call *call, struct control_error *error)
{
    const struct argument_value *events = argument_get(call->arguments, "events");
    json_t *names = json_array();

    call->peer->events = events->given ? (unsigned)events->number : CONTROL_EVENTS_DEFAULT;
    for (unsigned i = 0; control_event_choices[i]; i++)
        if (call->peer->events & 1u << i)
            control_json_append(names, json_string(control_event_choices[i]));
    return json_pack("{s:o}", "events", names);
}

static const struct ring_record *since(struct control_call *call, const struct ring *ring)
{
    const struct argument_value *number = argument_get(call->arguments, "since");

    return ring_from(ring, number->given ? number->number : 0);
}

/* The record after the given one, or NULL. */
static const struct ring_record *after(const struct ring *ring, const struct ring_record *record)
{
    return ring_from(ring, record->number + 1);
}

/* As RFC 3339 has it, in UTC. */
static json_t *date_of(const struct ring_record *record)
{
    char date[32], text[64];
    struct tm utc;

    gmtime_r(&record->date.tv_sec, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%06ldZ", date, record->date.tv_nsec / 1000);
    return json_string(text);
}

static json_t *message_json(const struct ring_record *r)
{
    json_t *message = control_message_json(r);

    control_json_set(message, "time", json_real((double)r->time / 1e9));
    control_json_set(message, "date", date_of(r));
    return message;
}

static json_t *run_log(struct control_call *call, struct control_error *error)
{
    const struct ring *log = &call->state->log;
    json_t *messages = json_array();

    for (const struct ring_record *r = since(call, log); r; r = after(log, r))
        control_json_append(messages, message_json(r));
    return json_pack("{s:o, s:I, s:I}", "messages", messages, "oldest",
                     (json_int_t)(log->next - log->count), "next", (json_int_t)log->next);
}

static json_t *run_events(struct control_call *call, struct control_error *error)
{
    const struct ring *ring = &call->state->events;
    json_t *events = json_array();

    for (const struct ring_record *r = since(call, ring); r; r = after(ring, r)) {
        json_t *event = json_loads(r->text, 0, NULL);

        control_json_set(event, "number", json_integer((json_int_t)r->number));
        control_json_append(events, event);
    }
    return json_pack("{s:o, s:I, s:I}", "events", events, "oldest",
                     (json_int_t)(ring->next - ring->count), "next", (json_int_t)ring->next);
}

static json_t *run_clock_advance(struct control_call *call, struct control_error *error)
{
    const struct control_ops *ops = call->state->ops;
    double seconds = argument_get(call->arguments, "seconds")->seconds;
    text_auto why = {0};
    int rc;

    if (!ops->virtual_clock) {
        control_error_set(error, CONTROL_REFUSED, ENOTSUP,
                          "the real clock cannot be advanced; start the daemon with --clock "
                          "virtual");
        return NULL;
    }
    rc = ops->advance(ops->data, (uint64_t)(seconds * 1e9), &why);
    if (rc < 0) {
        control_error_set(error, CONTROL_REFUSED, -rc, "%s", why.data);
        return NULL;
    }
    return json_pack("{s:f}", "time", (double)ops->now(ops->data) / 1e9);
}

static json_t *run_listen(struct control_call *call, struct control_error *error)
{
    const struct control_ops *ops = call->state->ops;
    text_auto why = {0};
    int rc, fd = call->peer->fd;

    if (fd < 0) {
        control_error_set(error, CONTROL_ARGUMENT, EBADF,
                          "the request must carry the listener of a seccomp filter (SCM_RIGHTS)");
        return NULL;
    }
    call->peer->fd = -1;
    rc = ops->listen(ops->data, fd, &why);
    closer_close(call->peer->closer, fd);
    if (rc == 0)
        return json_object();
    control_error_set(error, CONTROL_REFUSED, -rc, "%s", why.data);
    return NULL;
}

static json_t *run_quit(struct control_call *call, struct control_error *error)
{
    call->state->ops->quit(call->state->ops->data);
    return json_object();
}

const struct control_command control_commands_session[] = {
    {.name = "commands",
     .what = "Describes all commands and their arguments.",
     .returns = "commands: an array of objects with name, what, arguments, returns",
     .run = run_commands},
    {.name = "subscribe",
     .what = "Subscribes this connection to events, which are sent between replies. A new "
             "subscription replaces the previous one; an empty array ends it.",
     .arguments = {{"events", ARGUMENT_CHOICES, true, control_event_choices,
                    "the kinds of events; default: all but state"}},
     .returns = "events: the kinds now subscribed to",
     .run = run_subscribe},
    {.name = "events",
     .what =
         "The latest events, at most 1000. On a machine with more than 4096 queues, uevents are "
         "kept only while someone has subscribed to them.",
     .arguments = {{"since", ARGUMENT_COUNT, true, NULL,
                    "the number of the first event to return"}},
     .returns = "events: as sent to subscribers, with a number each; oldest: the number of the "
                "oldest event kept; next: the number of the next event",
     .run = run_events},
    {.name = "log",
     .what = "The latest messages for the administrator, at most 1000. The message about a refusal "
             "names the rule, the queue and the mediated device.",
     .arguments = {{"since", ARGUMENT_COUNT, true, NULL,
                    "the number of the first message to return"}},
     .returns =
         "messages: objects with number, time (seconds since the daemon started), date "
         "(RFC 3339, UTC), level, message, and of a refused write to an attribute of the host "
         "write: path and value, of a refused se-lpar command: the words of apus; oldest and next "
         "as for events",
     .run = run_log},
    {.name = "clock-advance",
     .what = "Advances the virtual clock. Timers that become due fire in order, each at its own "
             "time, before the reply. Only with --clock virtual.",
     .arguments = {{"seconds", ARGUMENT_SECONDS, false, NULL, "by how much"}},
     .returns = "time: the new time in seconds",
     .run = run_clock_advance},
    {.name = "seccomp-listen",
     .what = "Serves the ioctls of a program: its seccomp filter reports those of type ';', and "
             "with --ioctl notify also those of type 'z', to the listener that is passed with the "
             "request (SCM_RIGHTS). When the reply comes, the device nodes exist.",
     .returns = "nothing",
     .run = run_listen},
    {.name = "quit",
     .what = "Ends the daemon: it unmounts its trees and removes its sockets.",
     .returns = "nothing",
     .run = run_quit},
    {.name = NULL}};
