/* SPDX-License-Identifier: MIT */
/* What clients are told without a request: events and messages, which are kept, too. */
#include "control/event.h"
#include "control/internal.h"
#include "core/query.h"

/* Bytes of events between two attempts to send them while a batch is handed out. */
#define FLUSH_EVERY 65536u

static struct control_client *find_largest(const struct control_server *s)
{
    struct control_client *largest = NULL;

    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = control_client_of(p);

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

void control_limit_queues(struct control_server *s)
{
    size_t total = 0;

    for (struct peer *p = s->peers.first; p; p = p->next)
        if (!p->dead)
            total += outbox_waiting(&control_client_of(p)->out);
    cut_off_largest(s, total);
}

void control_log_cut_off(struct control_server *s)
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

static void send_event(struct control_server *s, unsigned kind, const struct text *line)
{
    size_t total = 0;

    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = control_client_of(p);
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
        control_limit_queues(s);
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
    control_waits_show(s, line->data);
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
        control_client_watch(control_client_of(p));
}

static bool anyone_wants(const struct control_server *s, unsigned kind)
{
    for (struct peer *p = s->peers.first; p; p = p->next) {
        const struct control_client *c = control_client_of(p);
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

    for (size_t i = 0; i < effects->count; i++) {
        events += control_event_kind(&effects->v[i]) != 0;
        if (effects->v[i].kind == EFFECT_GUEST_STOPPED)
            control_disown_guest(&s->state, effects->v[i].id);
    }
    control_waits_look(s);
    if (!events && !effects->change_count)
        return;
    tell_effects(s, effects, events);
    send_state(s, effects);
    for (struct peer *p = s->peers.first; p; p = p->next) {
        control_client_flush(control_client_of(p));
        control_client_watch(control_client_of(p));
    }
    control_log_cut_off(s);
}
