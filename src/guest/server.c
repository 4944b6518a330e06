/* SPDX-License-Identifier: MIT */
#include "guest/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "guest/session.h"
#include "socket/acceptor.h"
#include "socket/connection.h"

/* Frames handled for one client before the next one's turn. */
#define BATCH      32
#define READ_BYTES 65536u

struct peer {
    struct guest_session session;
    struct guest_server *server;
    struct peer *next;
    sd_event_source *io, *deadline;
    int fd;
    bool pending; /* whole frames or notifications may be left to handle */
    bool dead;    /* freed by reap() */
};

struct guest_server {
    struct guest_sessions sessions;
    const struct guest_server_host *host;
    struct peer *peers;
    unsigned count;
    sd_event *event;
    sd_event_source *reaper;
    struct acceptor *acceptor; /* NULL: connections come from guest_server_add only */
    struct closer *closer;
};

static void peer_free(struct peer *p)
{
    sd_event_source_disable_unref(p->io);
    sd_event_source_disable_unref(p->deadline);
    socket_hang_up(p->fd, p->server->closer);
    free(p);
}

/* A refused client has got the reason. Protocol errors are logged for the administrator as well. */
static void log_end(const struct peer *p)
{
    const struct guest_session *s = &p->session;
    text_auto line = {0};

    if (s->error != EPROTO && s->error != ETIMEDOUT)
        return;
    text_addf(&line, "%s %s was disconnected: %s",
              *s->name ? "guest" : "a client of the guest socket", s->name, s->why.data);
    p->server->host->log(p->server->host->data, LOG_LEVEL_WARNING, line.data);
}

/* Runs from the event loop only: closing may execute a command (CMD_GUEST_STOP), which is not
 * allowed while effects are handed out. */
static int reap(sd_event_source *source, void *data)
{
    struct guest_server *s = data;
    struct peer **at = &s->peers;

    while (*at) {
        struct peer *p = *at;

        if (!p->dead) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        s->count--;
        log_end(p);
        guest_session_close(&p->session);
        peer_free(p);
        at = &s->peers;
    }
    return 0;
}

/* Drops sent bytes from the buffer, even if the client never reads all of it. */
static void forget_sent(struct guest_session *s)
{
    struct text *out = &s->out;

    if (guest_session_waiting(s) && s->sent <= GUEST_SESSION_HOLD)
        return;
    memmove(out->data, out->data + s->sent, out->len - s->sent);
    out->len -= s->sent;
    s->sent = 0;
    /* Gives back the memory of a burst of large replies. */
    if (!out->len && out->capacity > GUEST_SESSION_HOLD)
        text_done(out);
}

static void peer_flush(struct peer *p)
{
    struct text *out = &p->session.out;

    while (!p->dead && guest_session_waiting(&p->session)) {
        ssize_t n = send(p->fd, out->data + p->session.sent, guest_session_waiting(&p->session),
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            p->dead = errno != EAGAIN;
            break;
        }
        p->session.sent += (size_t)n;
    }
    if (out->len)
        forget_sent(&p->session);
}

static void peer_watch(struct peer *p)
{
    uint32_t events = 0;
    bool full = guest_session_waiting(&p->session) > GUEST_SESSION_HOLD;

    if (p->dead) {
        sd_event_source_set_enabled(p->io, SD_EVENT_OFF);
        sd_event_source_set_enabled(p->server->reaper, SD_EVENT_ONESHOT);
        return;
    }
    if (!full && !p->pending && guest_session_wants_input(&p->session))
        events |= EPOLLIN;
    if (p->pending || guest_session_waiting(&p->session))
        events |= EPOLLOUT;
    if (sd_event_source_set_io_events(p->io, events) < 0)
        abort();
}

static void peer_run(struct peer *p)
{
    unsigned done = 0;

    while (!p->dead && done < BATCH && guest_session_step(&p->session)) {
        peer_flush(p);
        done++;
    }
    peer_flush(p);
    p->pending = done == BATCH;
    if (p->session.state != SESSION_GREETING)
        p->deadline = sd_event_source_disable_unref(p->deadline);
    if (p->session.state == SESSION_OVER)
        p->dead = true;
    peer_watch(p);
}

static void peer_read(struct peer *p)
{
    char bytes[READ_BYTES];
    ssize_t n = socket_receive(p->fd, bytes, sizeof(bytes), NULL, p->server->closer);

    if (n > 0) {
        guest_session_input(&p->session, bytes, (size_t)n);
        explicit_bzero(bytes, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        p->dead = true;
    }
}

static int on_peer(sd_event_source *source, int fd, uint32_t events, void *data)
{
    struct peer *p = data;

    if (events & EPOLLIN)
        peer_read(p);
    else if (events & (EPOLLERR | EPOLLHUP))
        p->dead = true;
    peer_run(p);
    return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *data)
{
    struct peer *p = data;

    guest_session_refuse(&p->session, ETIMEDOUT, "timed out waiting for HELLO");
    peer_run(p);
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
    struct peer *p = xcalloc(1, sizeof(*p));

    p->server = s;
    p->fd = fd;
    if (sd_event_add_io(s->event, &p->io, fd, EPOLLIN, on_peer, p) < 0 ||
        sd_event_add_time_relative(s->event, &p->deadline, CLOCK_MONOTONIC,
                                   s->host->hello_ms * UINT64_C(1000), 0, on_deadline, p) < 0) {
        peer_free(p);
        return;
    }
    guest_session_open(&s->sessions, &p->session, process_of(fd));
    p->next = s->peers;
    s->peers = p;
    if (++s->count <= GUEST_CLIENTS_MAX)
        return;
    guest_session_refuse(&p->session, EUSERS, "too many connections");
    peer_run(p);
}

static void on_connection(void *data, int fd)
{
    guest_server_add(data, fd);
}

static void on_turned_away(void *data, int fd)
{
    struct guest_server *s = data;

    socket_hang_up(fd, s->closer);
}

int guest_server_new(sd_event *event, struct door *door, const struct guest_server_host *host,
                     int fd, struct guest_server **out)
{
    struct guest_server *s = xcalloc(1, sizeof(*s));
    struct acceptor_user user = {s, on_connection, on_turned_away};
    int rc;

    s->sessions.door = door;
    s->host = host;
    s->event = sd_event_ref(event);
    s->closer = closer_new();
    rc = fd < 0 ? 0 : acceptor_new(event, fd, &user, &s->acceptor);
    if (rc >= 0)
        rc = sd_event_add_defer(event, &s->reaper, reap, s);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(s->reaper, SD_EVENT_OFF);
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
    while (s->peers) {
        struct peer *p = s->peers;

        s->peers = p->next;
        guest_session_drop(&p->session);
        peer_free(p);
    }
    acceptor_free(s->acceptor);
    sd_event_source_disable_unref(s->reaper);
    sd_event_unref(s->event);
    closer_free(s->closer);
    free(s);
}

void guest_server_effects(struct guest_server *s, const struct effects *effects)
{
    if (!s->peers || !guest_sessions_effects(&s->sessions, effects))
        return;
    /* Notifications are sent from the event loop, since a command of this very client may still be
     * running. */
    for (struct peer *p = s->peers; p; p = p->next) {
        if (p->dead || !guest_session_has_news(&p->session))
            continue;
        p->pending = true;
        peer_watch(p);
    }
}
