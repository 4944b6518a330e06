/* SPDX-License-Identifier: MIT */
#include "control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/error.h"
#include "control/client.h"
#include "control/event.h"
#include "control/json.h"
#include "control/message.h"
#include "core/query.h"
#include "socket/acceptor.h"
#include "socket/connection.h"
#include "socket/listen.h"

/* Requests of one client handled before others get their turn. */
#define BATCH 32
/* Bytes of events between two attempts to send them while a batch is handed out. */
#define FLUSH_EVERY 65536u

struct control_server {
    struct control_state state;
    struct peers peers;
    uint64_t next_peer;
    struct acceptor *acceptor;
    char *path;    /* of the socket; NULL: somebody else has made it */
    unsigned cut;  /* clients that were cut off; not logged yet */
    bool settling; /* the daemon will call settled() */
};

static void client_run(struct control_client *c);

static struct control_client *client_of(struct peer *p)
{
    return (struct control_client *)p;
}

static void on_gone(struct peer *p, bool last)
{
    struct control_client *c = client_of(p);

    if (!last)
        control_peer_gone(&c->server->state, c->peer.number);
    if (c->peer.fd >= 0)
        closer_close(c->peer.closer, c->peer.fd);
    line_buffer_done(&c->in);
    outbox_done(&c->out);
    json_decref(c->late_id);
    condition_done(&c->peer.condition);
}

static void settled(void *data)
{
    struct control_server *s = data;

    s->settling = false;
    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = client_of(p);

        if (!c->corked)
            continue;
        c->corked = false;
        client_run(c);
    }
}

/* Holds the reply back until what was executed is visible everywhere. */
static void settle(struct control_client *c)
{
    struct control_server *s = c->server;
    const struct control_ops *ops = s->state.ops;

    if (!s->settling && ops->settle(ops->data, settled, s))
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
static void look_at_waits(struct control_server *s)
{
    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = client_of(p);

        if (!p->dead && c->peer.condition.text &&
            condition_holds(&c->peer.condition, s->state.door->core))
            end_wait(c, NULL);
    }
}

static void show_waits(struct control_server *s, const char *line)
{
    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = client_of(p);

        if (!p->dead && c->peer.condition.text && c->peer.condition.kind == CONDITION_EVENT &&
            is_event(&c->peer.condition, line))
            end_wait(c, line);
    }
}

/* The number of the last message that the request has left in the log: its refusal. */
static uint64_t message_since(const struct ring *log, uint64_t before)
{
    return log->next > before ? log->next - 1 : 0;
}

static void answer(struct control_client *c, const char *line, size_t len)
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
        struct control_client *c = client_of(p);

        if (!p->dead && c->late && c->peer.number == ticket) {
            finish(c, value, value ? NULL : error);
            return;
        }
    }
    json_decref(value);
}

static void answer_too_long(struct control_client *c)
{
    struct control_error error = {0};

    control_error_set(&error, CONTROL_TOO_LONG, EMSGSIZE,
                      "the line is longer than %u bytes and was dropped", CONTROL_LINE_MAX);
    control_format_error(&error, NULL, &c->out.text);
    control_error_done(&error);
}

/* Whether there was a line to answer. */
static bool client_step(struct control_client *c)
{
    enum line_result result;
    const char *line;
    size_t len;

    if (c->corked || c->late || c->socket.dead || outbox_waiting(&c->out) > CONTROL_HOLD)
        return false;
    result = line_buffer_next(&c->in, &line, &len);
    if (result == LINE_COMPLETE && len)
        answer(c, line, len);
    else if (result == LINE_TOO_LONG)
        answer_too_long(c);
    return result != LINE_NONE;
}

static struct control_client *find_largest(const struct control_server *s)
{
    struct control_client *largest = NULL;

    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = client_of(p);

        if (!p->dead && (!largest || outbox_waiting(&c->out) >= outbox_waiting(&largest->out)))
            largest = c;
    }
    return largest;
}

/* total: the unsent bytes of all clients. */
static void cut_off_largest(struct control_server *s, size_t total)
{
    while (total > CONTROL_QUEUES_MAX) {
        struct control_client *c = find_largest(s);

        total -= outbox_waiting(&c->out);
        outbox_done(&c->out);
        c->socket.dead = true;
        control_client_watch(c);
        s->cut++;
    }
}

static void limit_queues(struct control_server *s)
{
    size_t total = 0;

    for (struct peer *p = s->peers.first; p; p = p->next)
        if (!p->dead)
            total += outbox_waiting(&client_of(p)->out);
    cut_off_largest(s, total);
}

static void log_cut_off(struct control_server *s)
{
    unsigned cut = s->cut;
    text_auto message = {0};

    if (!cut)
        return;
    s->cut = 0;
    text_addf(&message, "%u client%s of the control socket did not read and %s cut off", cut,
              cut == 1 ? "" : "s", cut == 1 ? "was" : "were");
    control_server_log(s, LOG_LEVEL_WARNING, message.data);
}

static void client_run(struct control_client *c)
{
    struct control_server *s = c->server;
    unsigned done = 0;

    do {
        control_client_flush(c);
    } while (done < BATCH && client_step(c) && ++done);
    c->pending = done == BATCH || outbox_waiting(&c->out) > CONTROL_HOLD;
    control_client_flush(c);
    /* Less than this cannot be too much, however many have it. */
    if (outbox_waiting(&c->out) > CONTROL_QUEUES_MAX / 2 / CONTROL_CLIENTS_MAX)
        limit_queues(s);
    log_cut_off(s);
    /* A peer that has shut down its sending side still gets all replies. */
    if (c->ended && !c->pending && !c->corked && !c->late && !outbox_waiting(&c->out))
        c->socket.dead = true;
    control_client_watch(c);
}

static void on_ready(struct peer *p, uint32_t events)
{
    struct control_client *c = client_of(p);

    if (events & EPOLLIN && control_client_listens(c))
        control_client_read(c);
    /* Nobody is left to read replies. */
    else if (events & (EPOLLERR | EPOLLHUP))
        c->socket.dead = true;
    client_run(c);
}

static const struct peer_ops peer_ops = {on_ready, on_gone};

static void refuse_client(void *data, int fd)
{
    struct control_server *s = data;
    struct control_error error = {0};
    text_auto line = {0};

    control_error_set(&error, CONTROL_TOO_BUSY, EUSERS,
                      "there are %u connections already; close one first", CONTROL_CLIENTS_MAX);
    control_format_error(&error, NULL, &line);
    control_error_done(&error);
    if (send(fd, line.data, line.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* It has gone away again: nobody to tell. */
    }
    socket_hang_up(fd, s->peers.closer);
}

static void greet(struct control_client *c)
{
    struct host_info host;

    core_host_info(c->server->state.door->core, &host);
    control_format_greeting(abi_get(host.abi)->name, &c->out.text);
    client_run(c);
}

static void on_connection(void *data, int fd)
{
    struct control_server *s = data;
    struct control_client *c;

    if (s->peers.count >= CONTROL_CLIENTS_MAX) {
        refuse_client(s, fd);
        return;
    }
    c = xcalloc(1, sizeof(*c));
    c->server = s;
    c->peer = (struct control_peer){.number = s->next_peer++, .fd = -1, .closer = s->peers.closer};
    if (peer_add(&s->peers, &c->socket, fd) == 0)
        greet(c);
}

int control_server_new(sd_event *event, struct door *door, const struct control_ops *ops,
                       const char *path, int fd, struct control_server **out, struct text *why)
{
    struct acceptor_user user = {.connected = on_connection, .turned_away = refuse_client};
    struct control_server *s;
    bool passed = fd >= 0;
    int rc;

    if (!passed)
        fd = socket_listen(path, "--socket", why);
    if (fd < 0)
        return fd;
    s = xcalloc(1, sizeof(*s));
    s->path = passed ? NULL : xstrdup(path);
    s->next_peer = 1;
    control_state_init(&s->state, door, ops);
    s->state.commands = control_commands;
    user.data = s;
    rc = acceptor_new(event, fd, &user, &s->acceptor);
    if (rc >= 0)
        rc = peers_init(&s->peers, event, &peer_ops);
    if (rc < 0) {
        control_server_free(s);
        text_addf(why, "the event loop cannot take the control socket: %s", error_text(-rc));
        return rc;
    }
    *out = s;
    return 0;
}

void control_server_stop(struct control_server *s)
{
    acceptor_free(s->acceptor);
    s->acceptor = NULL;
    peers_done(&s->peers);
    s->peers = (struct peers){0};
    if (s->path)
        unlink(s->path);
    free(s->path);
    s->path = NULL;
}

void control_server_free(struct control_server *s)
{
    if (!s)
        return;
    control_server_stop(s);
    control_state_done(&s->state);
    free(s);
}

static void send_event(struct control_server *s, unsigned kind, const struct text *line)
{
    size_t total = 0;

    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = client_of(p);
        size_t before;

        if (c->socket.dead)
            continue;
        before = outbox_waiting(&c->out);
        total += before;
        if (!(c->peer.events & kind))
            continue;
        total += line->len;
        text_add(&c->out.text, line->data, line->len);
        /* Send now and then, so that a client that keeps reading survives a large batch. */
        if (before / FLUSH_EVERY != outbox_waiting(&c->out) / FLUSH_EVERY)
            control_client_flush(c);
    }
    /* total includes bytes flushed meanwhile, so count again. */
    if (total > CONTROL_QUEUES_MAX)
        limit_queues(s);
}

/* What the next event gets. */
static struct event_stamp stamp_now(const struct control_server *s, uint64_t time)
{
    struct event_stamp stamp = {.time = time, .number = s->state.events.next};

    clock_gettime(CLOCK_REALTIME, &stamp.date);
    return stamp;
}

/* Keeps an event, and sends it. */
static void tell(struct control_server *s, unsigned kind, uint64_t time, const struct text *line)
{
    ring_add(&s->state.events, time, kind, line->data);
    send_event(s, kind, line);
    show_waits(s, line->data);
}

void control_server_log(struct control_server *s, enum log_level level, const char *message)
{
    const struct control_ops *ops = s->state.ops;
    uint64_t now = ops->now(ops->data);
    struct event_stamp stamp = stamp_now(s, now);
    text_auto line = {0};

    ring_add(&s->state.log, now, level, message);
    control_event_format_log(ring_from(&s->state.log, s->state.log.next - 1), &stamp, &line);
    tell(s, CONTROL_EVENT_LOG, now, &line);
    /* Sent from the event loop, since the caller may be in the middle of a client's request. */
    for (struct peer *p = s->peers.first; p; p = p->next)
        control_client_watch(client_of(p));
}

static bool anyone_wants(const struct control_server *s, unsigned kind)
{
    for (struct peer *p = s->peers.first; p; p = p->next) {
        const struct control_client *c = client_of(p);
        bool waits = c->peer.condition.text && c->peer.condition.kind == CONDITION_EVENT;

        if (!p->dead && (c->peer.events & kind || (waits && kind != CONTROL_EVENT_STATE)))
            return true;
    }
    return false;
}

bool control_server_wants_uevents(const struct control_server *s)
{
    struct host_info host;

    if (s->state.uevents_kept || anyone_wants(s, CONTROL_EVENT_UEVENT))
        return true;
    core_host_info(s->state.door->core, &host);
    return mask256_count(&host.apm) * mask256_count(&host.aqm) <= CONTROL_REMEMBER_QUEUES;
}

bool control_server_wants_changes(const struct control_server *s)
{
    return anyone_wants(s, CONTROL_EVENT_STATE);
}

static void send_state(struct control_server *s, const struct effects *effects)
{
    text_auto line = {0};

    if (!effects->change_count || !control_server_wants_changes(s))
        return;
    control_event_format_state(effects->now, &line);
    send_event(s, CONTROL_EVENT_STATE, &line);
}

/* refused: the message tells of the write or the command that was refused. */
static void add_message(struct control_server *s, const struct effects *effects,
                        const struct effect *e, bool refused)
{
    ring_add(&s->state.log, effects->now, e->level, effect_text(effects, e));
    if (refused && effects->refused_path.len)
        ring_note_write(&s->state.log, effects->refused_path.data,
                        effects->refused_value.len ? effects->refused_value.data : "");
    if (refused && effects->refused_command.len)
        ring_note_command(&s->state.log, effects->refused_command.data);
}

/* The last message: only news are behind it. NULL: there is none. */
static const struct effect *last_message(const struct effects *effects)
{
    for (size_t i = effects->count; i--;)
        if (effects->v[i].kind == EFFECT_LOG)
            return &effects->v[i];
    return NULL;
}

static void tell_effect(struct control_server *s, const struct effects *effects,
                        const struct effect *e, unsigned kind)
{
    struct event_stamp stamp = stamp_now(s, effects->now);
    text_auto line = {0};

    if (kind == CONTROL_EVENT_LOG)
        control_event_format_log(ring_from(&s->state.log, s->state.log.next - 1), &stamp, &line);
    else
        control_event_format(s->state.door->core, effects, e, &stamp, &line);
    tell(s, kind, effects->now, &line);
}

static void tell_effects(struct control_server *s, const struct effects *effects, size_t events)
{
    const struct effect *last = last_message(effects);

    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->v[i];
        unsigned kind = control_event_kind(e);

        if (!kind)
            continue;
        if (kind == CONTROL_EVENT_LOG)
            add_message(s, effects, e, e == last);
        /* What the history would drop at once is not even written down. */
        if (events-- > CONTROL_EVENTS && !anyone_wants(s, kind))
            ring_skip(&s->state.events);
        else
            tell_effect(s, effects, e, kind);
    }
}

void control_server_effects(struct control_server *s, const struct effects *effects)
{
    size_t events = 0;

    for (size_t i = 0; i < effects->count; i++)
        events += control_event_kind(&effects->v[i]) != 0;
    look_at_waits(s);
    if (!events && !effects->change_count)
        return;
    tell_effects(s, effects, events);
    send_state(s, effects);
    for (struct peer *p = s->peers.first; p; p = p->next) {
        control_client_flush(client_of(p));
        control_client_watch(client_of(p));
    }
    log_cut_off(s);
}
