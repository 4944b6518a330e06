/* SPDX-License-Identifier: MIT */
#include "guest/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/lookout.h"
#include "guest/session.h"
#include "socket/acceptor.h"
#include "socket/connection.h"
#include "socket/peer.h"

/* Frames handled for one client before the next one's turn. */
#define BATCH      32
#define READ_BYTES 65536u

struct client {
    struct peer socket;
    struct guest_session session;
    struct guest_server *server;
    sd_event_source *deadline;
    bool pending; /* whole frames or notifications may be left to handle */
    struct lookout lookout;
};

struct guest_server {
    struct guest_sessions sessions;
    const struct guest_server_ops *ops;
    struct peers peers;
    struct acceptor *acceptor; /* NULL: connections come from guest_server_add only */
};

static struct client *client_of(struct peer *p)
{
    return (struct client *)p;
}

/* A refused client has got the reason. Protocol errors are logged for the administrator as well. */
static void log_end(const struct client *c)
{
    const struct guest_session *s = &c->session;
    text_auto line = {0};

    if (s->error != EPROTO && s->error != ETIMEDOUT)
        return;
    text_addf(&line, "%s %s was disconnected: %s",
              *s->name ? "guest" : "a client of the guest socket", s->name, s->why.data);
    c->server->ops->log(c->server->ops->data, LOG_LEVEL_WARNING, line.data);
}

static void on_gone(struct peer *p, bool last)
{
    struct client *c = client_of(p);

    if (last) {
        guest_session_drop(&c->session);
    } else {
        log_end(c);
        guest_session_close(&c->session);
    }
    sd_event_source_disable_unref(c->deadline);
}

static void client_flush(struct client *c)
{
    const struct guest_server_ops *ops = c->server->ops;

    if (outbox_waiting(&c->session.out) && ops->sync)
        ops->sync(ops->data);
    if (!c->socket.dead && outbox_flush(&c->session.out, c->socket.fd) < 0)
        c->socket.dead = true;
}

static bool may_read(const struct client *c)
{
    return !c->socket.dead && !c->pending && guest_session_wants_input(&c->session) &&
           outbox_waiting(&c->session.out) <= guest_session_hold(&c->server->sessions);
}

static void client_watch(struct client *c)
{
    uint32_t events = may_read(c) ? EPOLLIN : 0;

    if (c->pending || outbox_waiting(&c->session.out))
        events |= EPOLLOUT;
    peer_watch(&c->socket, events);
}

static void client_run(struct client *c)
{
    unsigned done = 0;

    while (!c->socket.dead && done < BATCH && guest_session_step(&c->session)) {
        client_flush(c);
        done++;
    }
    client_flush(c);
    c->pending = done == BATCH;
    if (c->session.state != SESSION_GREETING)
        c->deadline = sd_event_source_disable_unref(c->deadline);
    if (c->session.state == SESSION_OVER)
        c->socket.dead = true;
    client_watch(c);
}

/* Whether there was anything. */
static bool client_read(struct client *c)
{
    char bytes[READ_BYTES];
    ssize_t n = socket_receive(c->socket.fd, bytes, sizeof(bytes), NULL, c->server->peers.closer);

    if (n > 0) {
        guest_session_input(&c->session, bytes, (size_t)n);
        explicit_bzero(bytes, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        c->socket.dead = true;
    }
    return n > 0;
}

/* The CPU of a real guest waits for the answer to each instruction, and then executes the next. */
static bool await(struct client *c)
{
    uint64_t end = c->lookout.answered + LOOKOUT_NS;
    bool came;

    do
        came = client_read(c);
    while (!came && !c->socket.dead && lookout_now() < end);
    lookout_tell(&c->lookout, came);
    return came;
}

static void serve(struct client *c)
{
    client_run(c);
    lookout_served(&c->lookout, lookout_now());
}

static void on_readable(struct client *c)
{
    unsigned served = 1;

    lookout_arrived(&c->lookout, lookout_now());
    client_read(c);
    serve(c);
    while (served++ < BATCH && may_read(c) && lookout_pays(&c->lookout) && await(c))
        serve(c);
    client_watch(c); /* it may have gone meanwhile */
}

static void on_ready(struct peer *p, uint32_t events)
{
    struct client *c = client_of(p);

    if (events & EPOLLIN) {
        on_readable(c);
        return;
    }
    if (events & (EPOLLERR | EPOLLHUP))
        p->dead = true;
    client_run(c);
}

static const struct peer_ops peer_ops = {on_ready, on_gone};

static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
    struct client *c = data;

    guest_session_refuse(&c->session, ETIMEDOUT, "timed out waiting for HELLO");
    client_run(c);
    return 0;
}

/* The process that made the connection. */
static uint32_t process_of(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? (uint32_t)peer.pid : 0;
}

void guest_server_add(struct guest_server *s, int fd)
{
    struct client *c = xcalloc(1, sizeof(*c));

    c->server = s;
    if (peer_add(&s->peers, &c->socket, fd) < 0)
        return;
    guest_session_open(&s->sessions, &c->session, process_of(fd));
    if (sd_event_add_time_relative(s->peers.event, &c->deadline, CLOCK_MONOTONIC,
                                   s->ops->hello_ms * UINT64_C(1000), 0, on_deadline, c) < 0)
        guest_session_refuse(&c->session, ENOMEM, NULL);
    else if (s->peers.count > GUEST_CLIENTS_MAX)
        guest_session_refuse(&c->session, EUSERS, "too many connections");
    else
        return;
    client_run(c);
}

static void on_connection(void *data, int fd)
{
    guest_server_add(data, fd);
}

static void on_turned_away(void *data, int fd)
{
    struct guest_server *s = data;

    socket_hang_up(fd, s->peers.closer);
}

int guest_server_new(sd_event *event, struct door *door, const struct guest_server_ops *ops, int fd,
                     struct guest_server **out)
{
    struct guest_server *s = xcalloc(1, sizeof(*s));
    struct acceptor_user user = {s, on_connection, on_turned_away};
    int rc;

    s->sessions.door = door;
    s->ops = ops;
    rc = fd < 0 ? 0 : acceptor_new(event, fd, &user, &s->acceptor);
    if (rc >= 0)
        rc = peers_init(&s->peers, event, &peer_ops);
    if (rc < 0) {
        guest_server_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void guest_server_free(struct guest_server *s)
{
    if (!s)
        return;
    acceptor_free(s->acceptor);
    peers_done(&s->peers);
    free(s);
}

void guest_server_effects(struct guest_server *s, const struct effects *effects)
{
    if (!s->peers.first || !guest_sessions_effects(&s->sessions, effects))
        return;
    /* Notifications are sent from the event loop, since a command of this very client may still be
     * running. */
    for (struct peer *p = s->peers.first; p; p = p->next) {
        struct client *c = client_of(p);

        if (p->dead || !guest_session_has_news(&c->session))
            continue;
        c->pending = true;
        client_watch(c);
    }
}
