/* SPDX-License-Identifier: MIT */
#include "control/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/abi.h"
#include "base/error.h"
#include "control/message.h"
#include "core/query.h"
#include "socket/connection.h"
#include "socket/listen.h"

/* Requests of one client handled before others get their turn. */
#define BATCH 32

static void on_gone(struct peer *p, bool last)
{
    struct control_client *c = control_client_of(p);

    const struct control_ops *ops = c->server->state.ops;

    if (c->late && !last)
        ops->abandon(ops->data, c->peer.number);
    if (!last)
        control_peer_gone(&c->server->state, c->peer.number);
    if (c->peer.fd >= 0)
        closer_close(c->peer.closer, c->peer.fd);
    line_buffer_done(&c->in);
    outbox_done(&c->out);
    json_decref(c->late_id);
    condition_done(&c->peer.condition);
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
        control_answer(c, line, len);
    else if (result == LINE_TOO_LONG)
        control_answer_too_long(c);
    return result != LINE_NONE;
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
        control_limit_queues(s);
    control_log_cut_off(s);
    /* A peer that has shut down its sending side still gets all replies. */
    if (c->ended && !c->pending && !c->corked && !c->late && !outbox_waiting(&c->out))
        c->socket.dead = true;
    control_client_watch(c);
}

static void settled(void *data)
{
    struct control_server *s = data;

    s->settling = false;
    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct control_client *c = control_client_of(p);

        if (!c->corked)
            continue;
        c->corked = false;
        client_run(c);
    }
}

static void on_ready(struct peer *p, uint32_t events)
{
    struct control_client *c = control_client_of(p);

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
    text_auto why = {0};
    int rc;

    if (s->peers.count >= CONTROL_CLIENTS_MAX) {
        refuse_client(s, fd);
        return;
    }
    c = xcalloc(1, sizeof(*c));
    c->server = s;
    c->peer = (struct control_peer){.number = s->next_peer++, .fd = -1, .closer = s->peers.closer};
    rc = peer_add(&s->peers, &c->socket, fd);
    if (rc == 0) {
        greet(c);
        return;
    }
    text_addf(&why, "a control client's connection was closed: %s", error_text(-rc));
    s->state.door->log(s->state.door, LOG_LEVEL_WARNING, why.data);
}

int control_server_new(sd_event *event, struct door *door, const struct control_ops *ops,
                       const char *path, int fd, struct control_server **out, struct text *why)
{
    struct acceptor_user user = {.connected = on_connection, .turned_away = refuse_client};
    struct control_server *s;
    struct socket_place place = {0};
    int rc;

    if (fd < 0)
        fd = socket_listen(path, "--socket", &place, why);
    if (fd < 0)
        return fd;
    s = xcalloc(1, sizeof(*s));
    s->place = place;
    s->next_peer = 1;
    s->settled = settled;
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

uint64_t control_server_next_event(const struct control_server *s)
{
    return s->state.events.next;
}

void control_server_number_events(struct control_server *s, uint64_t next)
{
    s->state.events.next = next;
}

void control_server_stop(struct control_server *s)
{
    acceptor_free(s->acceptor);
    s->acceptor = NULL;
    peers_done(&s->peers);
    s->peers = (struct peers){0};
    socket_unlink(&s->place);
}

void control_server_free(struct control_server *s)
{
    if (!s)
        return;
    control_server_stop(s);
    control_state_done(&s->state);
    free(s);
}
