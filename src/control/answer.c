/* SPDX-License-Identifier: MIT */
/* Answers: at once, late, or when what a client waits for has come. */
#include <errno.h>

#include "control/internal.h"
#include "control/json.h"
#include "control/message.h"

/* Holds the reply back until what was executed is visible everywhere. */
static void settle(struct control_client *c)
{
    struct control_server *s = c->server;
    const struct control_ops *ops = s->state.ops;

    if (!s->settling && ops->settle(ops->data, s->settled, s))
        return;
    s->settling = true;
    c->corked = true;
}

/* One of value, of which it takes ownership, and error. */
static void reply(struct control_client *c, json_t *value, const struct control_error *error,
                  const json_t *id)
{
    if (!error)
        control_format_return(value, id, &c->out.text);
    else
        control_format_error(error, id, &c->out.text);
}

/* Answers a late request. What waits behind it goes on from the event loop, since the caller may be
 * in the middle of a command. Takes ownership of value. */
static void finish(struct control_client *c, json_t *value, const struct control_error *error)
{
    reply(c, value, error, c->late_id);
    json_decref(c->late_id);
    c->late_id = NULL;
    c->late = false;
    c->pending = true;
    settle(c);
    control_client_watch(c);
}

/* The events that are kept from peer.since on, of those that it has subscribed to. */
static void send_backlog(struct control_client *c)
{
    const struct ring *ring = &c->server->state.events;
    const struct ring_record *r = ring_from(ring, c->peer.since);

    c->peer.backlog = false;
    for (; r; r = ring_from(ring, r->number + 1))
        if (r->kind & c->peer.events)
            text_adds(&c->out.text, r->text);
}

/* The answer to wait. event: a line, or NULL. */
static void end_wait(struct control_client *c, const char *event)
{
    const struct ring *ring = &c->server->state.events;
    json_t *value = json_pack("{s:I}", "next", (json_int_t)ring->next);

    if (event)
        control_json_set(value, "event", json_loads(event, 0, NULL));
    condition_done(&c->peer.condition);
    finish(c, value, NULL);
}

static bool is_event(const struct condition *condition, const char *line)
{
    json_t *event = json_loads(line, 0, NULL);
    bool is = condition_is_event(condition, event);

    json_decref(event);
    return is;
}

/* Whether the condition holds now, or is one of the events kept. */
static void begin_wait(struct control_client *c)
{
    const struct control_server *s = c->server;
    const struct condition *condition = &c->peer.condition;
    const struct ring_record *r = ring_from(&s->state.events, c->peer.since);

    if (condition->kind != CONDITION_EVENT) {
        if (condition_holds(condition, s->state.door->core))
            end_wait(c, NULL);
        return;
    }
    while (r && !is_event(condition, r->text))
        r = ring_from(&s->state.events, r->number + 1);
    if (r)
        end_wait(c, r->text);
}

/* Ends those waits whose condition has come true by a command. */
void control_waits_look(struct control_server *s)
{
    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = control_client_of(p);

        if (!p->dead && c->peer.condition.text &&
            condition_holds(&c->peer.condition, s->state.door->core))
            end_wait(c, NULL);
    }
}

void control_waits_show(struct control_server *s, const char *line)
{
    json_t *event = NULL; /* of the first who waits for one */

    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = control_client_of(p);

        if (p->dead || !c->peer.condition.text || c->peer.condition.kind != CONDITION_EVENT)
            continue;
        if (!event)
            event = json_loads(line, 0, NULL);
        if (condition_is_event(&c->peer.condition, event))
            end_wait(c, line);
    }
    json_decref(event);
}

/* The number of the last message that the request has left in the log: its refusal. */
static uint64_t message_since(const struct ring *log, uint64_t before)
{
    return log->next > before ? log->next - 1 : 0;
}

void control_answer(struct control_client *c, const char *line, size_t len)
{
    uint64_t before = c->server->state.log.next;
    struct control_error error = {0};
    struct control_request request;
    struct control_call call = {&c->server->state, &c->peer, &request.arguments};
    json_t *value = NULL;

    if (control_request_parse(line, len, &request, &error) == 0) {
        value = control_command_run(request.command, &call, &error);
        settle(c);
    }
    error.message = message_since(&c->server->state.log, before);
    c->late = call.late;
    if (c->late)
        c->late_id = json_incref((json_t *)request.id);
    else
        reply(c, value, value ? NULL : &error, request.id);
    if (c->peer.backlog)
        send_backlog(c);
    if (c->peer.condition.text)
        begin_wait(c);
    control_request_done(&request);
    control_error_done(&error);
}

void control_server_finish(struct control_server *s, uint64_t ticket, json_t *value,
                           const struct control_error *error)
{
    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = control_client_of(p);

        if (!p->dead && c->late && c->peer.number == ticket) {
            finish(c, value, value ? NULL : error);
            return;
        }
    }
    json_decref(value);
}

void control_answer_too_long(struct control_client *c)
{
    struct control_error error = {0};

    control_error_set(&error, CONTROL_TOO_LONG, EMSGSIZE,
                      "the line is longer than %u bytes and was dropped", CONTROL_LINE_MAX);
    control_format_error(&error, NULL, &c->out.text);
    control_error_done(&error);
}
