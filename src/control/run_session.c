/* SPDX-License-Identifier: MIT */
/* Commands about the connection, the log and the daemon itself. */
#include <errno.h>
#include <inttypes.h>

#include "control/command.h"
#include "control/condition.h"
#include "control/event.h"
#include "control/json.h"
#include "control/schema_json.h"
#include "socket/closer.h"

static json_t *run_commands(struct control_call *call, struct control_error *error)
{
    return control_schema(call->state->commands);
}

/* Whether all events from that number on can be sent. */
static bool is_kept(const struct ring *ring, uint64_t from, struct control_error *error)
{
    if (from > ring->next)
        control_error_set(error, CONTROL_REFUSED, ERANGE,
                          "there was no event %" PRIu64 ", only events up to %" PRIu64
                          "; was the daemon started anew?",
                          from, ring->next - 1);
    else if (from && from < ring_oldest(ring))
        control_error_set(error, CONTROL_REFUSED, ERANGE,
                          "event %" PRIu64 " is not kept any more; the oldest one is %" PRIu64,
                          from, ring_oldest(ring));
    return !error->class;
}

static json_t *run_subscribe(struct control_call *call, struct control_error *error)
{
    const struct argument_value *events = argument_get(call->arguments, "events");
    const struct argument_value *from = argument_get(call->arguments, "since");
    json_t *names;

    if (from->given && !is_kept(&call->state->events, from->number, error))
        return NULL;
    names = json_array();
    call->peer->backlog = from->given;
    call->peer->since = from->number;
    call->peer->events = events->given ? (unsigned)events->number : CONTROL_EVENTS_DEFAULT;
    for (unsigned i = 0; control_event_choices[i]; i++)
        if (call->peer->events & 1u << i)
            control_json_append(names, json_string(control_event_choices[i]));
    call->state->uevents_kept |= (call->peer->events & CONTROL_EVENT_UEVENT) != 0;
    return json_pack("{s:o, s:I, s:I}", "events", names, "oldest",
                     (json_int_t)ring_oldest(&call->state->events), "next",
                     (json_int_t)call->state->events.next);
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

static json_t *message_json(const struct ring_record *r)
{
    json_t *message = control_message_json(r);

    control_json_set(message, "time", json_real((double)r->time / 1e9));
    control_json_set(message, "date", control_json_date(&r->date));
    return message;
}

static json_t *run_log(struct control_call *call, struct control_error *error)
{
    const struct ring *log = &call->state->log;
    json_t *messages = json_array();

    for (const struct ring_record *r = since(call, log); r; r = after(log, r))
        control_json_append(messages, message_json(r));
    return json_pack("{s:o, s:I, s:I}", "messages", messages, "oldest",
                     (json_int_t)ring_oldest(log), "next", (json_int_t)log->next);
}

static json_t *run_events(struct control_call *call, struct control_error *error)
{
    const struct ring *ring = &call->state->events;
    json_t *events = json_array();

    call->state->uevents_kept = true;
    for (const struct ring_record *r = since(call, ring); r; r = after(ring, r))
        control_json_append(events, json_loads(r->text, 0, NULL));
    return json_pack("{s:o, s:I, s:I}", "events", events, "oldest", (json_int_t)ring_oldest(ring),
                     "next", (json_int_t)ring->next);
}

static json_t *run_wait(struct control_call *call, struct control_error *error)
{
    const char *text = argument_get(call->arguments, "condition")->string;
    const struct argument_value *from = argument_get(call->arguments, "since");
    struct condition condition;

    if (from->given && !is_kept(&call->state->events, from->number, error))
        return NULL;
    if (condition_parse(text, &condition, error) < 0)
        return NULL;
    call->peer->condition = condition;
    call->peer->since = from->given ? from->number : call->state->events.next;
    call->late = true;
    return NULL;
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
     .what = "Describes the protocol: what docs/control-protocol.json has.",
     .returns =
         (const struct result[]){
             {"protocol", RESULT_INTEGER, 0, "as in the greeting"},
             {"commands", RESULT_SCHEMA, 0,
              "for each command: description, and JSON Schemas for arguments and returns"},
             {"events", RESULT_SCHEMA, 0, "for each event: description, and a schema for data"},
             {"errors", RESULT_SCHEMA, 0, "for each class of errors: description"},
             {"$defs", RESULT_SCHEMA, 0, "schemas to which the others refer"},
             {NULL}},
     .run = run_commands},
    {.name = "subscribe",
     .what = "Subscribes this connection to events, which are sent between replies. A new "
             "subscription replaces the previous one; an empty array ends it.",
     .arguments = {{"events", ARGUMENT_CHOICES, true, control_event_choices,
                    "the kinds of events; default: all but state"},
                   {"since", ARGUMENT_COUNT, true, NULL,
                    "first those kept from this number on; ERANGE: some of them are not kept any "
                    "more. 0: all that are kept. Default: only new ones"}},
     .returns =
         (const struct result[]){{"events", RESULT_CHOICE, RESULT_LIST,
                                  "the kinds now subscribed to", NULL, control_event_choices},
                                 RESULT_RANGE,
                                 {NULL}},
     .run = run_subscribe},
    {.name = "events",
     .what =
         "The latest events, at most 1000. On a machine with more than 4096 queues, uevents are "
         "kept from the first time on that somebody asks for events or subscribes to them.",
     .arguments = {{"since", ARGUMENT_COUNT, true, NULL,
                    "the number of the first event to return"}},
     .returns = (const struct result[]){{"events", RESULT_OBJECT, RESULT_LIST,
                                         "as sent to subscribers", &result_event},
                                        RESULT_RANGE,
                                        {NULL}},
     .run = run_events},
    {.name = "wait",
     .what =
         "Answers as soon as the condition holds, at once if it holds already. It is [not] guest "
         "NAME runs, or has QUEUE; [not] queue QUEUE exists, or bound [DRIVER]; [not] mdev UUID "
         "exists, or has QUEUE (assigned); [not] adapter NUMBER online, standby, checkstop or "
         "missing; or event WORD..., each of which is the event's name, KEY=VALUE of its data, or "
         "the value of ACTION or guest there, or the last part of DEVPATH. DRIVER may be zcrypt "
         "for all of its drivers. A name or value with blanks is in quotes, double or single ones. "
         "Later requests of the connection wait; to give up, a client closes the connection.",
     .arguments = {{"condition", ARGUMENT_TEXT, false, NULL,
                    "such as \"guest Guest1 has 05.0004\" or \"event CONFIG=0 card05\""},
                   {"since", ARGUMENT_COUNT, true, NULL,
                    "of an event: also those kept from this number on, as in subscribe"}},
     .returns =
         (const struct result[]){
             {"event", RESULT_OBJECT, RESULT_OPTIONAL, "the event waited for", &result_event},
             {"next", RESULT_INTEGER, 0, "the number that the next event will have"},
             {NULL}},
     .run = run_wait},
    {.name = "log",
     .what = "The latest messages for the administrator, at most 1000. The message about a refusal "
             "names the rule, the queue and the mediated device.",
     .arguments = {{"since", ARGUMENT_COUNT, true, NULL,
                    "the number of the first message to return"}},
     .returns = (const struct result[]){{"messages", RESULT_OBJECT, RESULT_LIST, "the messages",
                                         &result_message},
                                        RESULT_RANGE,
                                        {NULL}},
     .run = run_log},
    {.name = "clock-advance",
     .what = "Advances the virtual clock. Timers that become due fire in order, each at its own "
             "time, before the reply. Only with --clock virtual.",
     .arguments = {{"seconds", ARGUMENT_SECONDS, false, NULL, "by how much"}},
     .returns =
         (const struct result[]){{"time", RESULT_NUMBER, 0, "the new time in seconds"}, {NULL}},
     .run = run_clock_advance},
    {.name = "seccomp-listen",
     .what = "Serves the ioctls of a program: its seccomp filter reports those of type ';', and "
             "with --ioctl notify also those of type 'z', to the listener that is passed with the "
             "request (SCM_RIGHTS). When the reply comes, the device nodes exist.",
     .run = run_listen},
    {.name = "quit",
     .what = "Ends the daemon: it unmounts its trees and removes its sockets.",
     .run = run_quit},
    {.name = NULL}};
