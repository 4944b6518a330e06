/* SPDX-License-Identifier: MIT */
#include "metrics/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/http.h"
#include "metrics/page.h"

#define PATH         "/metrics"
#define BLOCK        (16u << 10)
#define MEMORY       (32u << 10) /* of a connection: request line, headers, and what is being sent */
#define IDLE_SECONDS 10u
#define US_PER_S     UINT64_C(1000000)

struct metrics_server {
    const struct http *http;
    struct MHD_Daemon *daemon;
    const struct door *door;
    const struct metrics_ops *ops;
    sd_event *event;
    sd_event_source *ready, *timer;
    bool freed; /* a connection has ended */
    struct connection {
        int fd; /* -1: free */
        uint64_t until;
    } connections[METRICS_CLIENTS];
};

/* A page on its way to a client. */
struct page {
    struct metrics_server *server;
    struct metrics_page at;
    struct text text;
    size_t sent; /* of text */
    bool ended;
};

static uint64_t now(const struct metrics_server *s)
{
    uint64_t time = 0;

    sd_event_now(s->event, CLOCK_MONOTONIC, &time);
    return time;
}

static void page_fill(struct page *p)
{
    const struct metrics_ops *ops = p->server->ops;

    text_clear(&p->text);
    p->sent = 0;
    if (p->ended || metrics_page_more(&p->at, p->server->door->core, BLOCK, &p->text))
        return;
    p->ended = true;
    /* A page without its last line does not count, so it shows what is kept now. */
    if (ops->shown)
        ops->shown(ops->data);
    text_adds(&p->text, METRICS_END);
}

static ssize_t page_read(void *data, uint64_t at, char *out, size_t room)
{
    struct page *p = data;
    size_t n;

    if (p->sent == p->text.len)
        page_fill(p);
    n = p->text.len - p->sent;
    if (!n)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n > room)
        n = room;
    memcpy(out, p->text.data + p->sent, n);
    p->sent += n;
    return (ssize_t)n;
}

static void page_free(void *data)
{
    struct page *p = data;

    text_done(&p->text);
    free(p);
}

static struct MHD_Response *page_new(struct metrics_server *s)
{
    struct page *p = xcalloc(1, sizeof *p);
    struct MHD_Response *response;

    p->server = s;
    response =
        s->http->create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, page_read, p, page_free);
    if (response)
        s->http->add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, METRICS_TYPE);
    else
        page_free(p);
    return response;
}

static struct MHD_Response *refusal_new(struct metrics_server *s, const char *sentence)
{
    struct MHD_Response *response = s->http->create_response_from_buffer(
        strlen(sentence), (void *)(uintptr_t)sentence, MHD_RESPMEM_PERSISTENT);

    if (response)
        s->http->add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                     "text/plain; charset=utf-8");
    return response;
}

static enum MHD_Result answer(void *data, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *body,
                              size_t *body_len, void **request)
{
    struct metrics_server *s = data;
    bool get =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    unsigned status = MHD_HTTP_OK;
    struct MHD_Response *response;
    enum MHD_Result result;

    if (strcmp(path, PATH) != 0) {
        status = MHD_HTTP_NOT_FOUND;
        response = refusal_new(s, "There is only " PATH ".\n");
    } else if (!get) {
        status = MHD_HTTP_METHOD_NOT_ALLOWED;
        response = refusal_new(s, "The metrics can only be read: GET or HEAD.\n");
    } else {
        response = page_new(s);
    }
    if (!response)
        return MHD_NO;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        s->http->add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    s->http->add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    result = s->http->queue_response(connection, status, response);
    s->http->destroy_response(response);
    return result;
}

static void on_connection(void *data, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct metrics_server *s = data;
    struct connection *c = s->connections, *end = c + METRICS_CLIENTS;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        s->freed = true;
        if (*context)
            ((struct connection *)*context)->fd = -1;
        return;
    }
    while (c < end && c->fd >= 0)
        c++;
    if (c == end)
        return;
    c->fd = s->http->get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->until = now(s) + METRICS_SECONDS * US_PER_S;
    *context = c;
}

/* Whoever sends or reads slowly has had its time; the library then sees the end of the connection.
 * Returns when the next one has. */
static uint64_t cut_off(struct metrics_server *s)
{
    uint64_t next = UINT64_MAX;

    for (struct connection *c = s->connections; c < s->connections + METRICS_CLIENTS; c++) {
        if (c->fd < 0)
            continue;
        if (c->until <= now(s)) {
            shutdown(c->fd, SHUT_RDWR);
            c->until = UINT64_MAX;
        }
        if (c->until < next)
            next = c->until;
    }
    return next;
}

/* When the library wants to run again though no socket is ready. It does not say so, but when all
 * places were taken, it listens again only in the run after the one that made one free. */
static void arm(struct metrics_server *s, uint64_t next)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (s->freed)
        next = now(s);
    s->freed = false;
    if (s->http->get_timeout(s->daemon, &ms) == MHD_YES && now(s) + ms * 1000 < next)
        next = now(s) + ms * 1000;
    if (next != UINT64_MAX)
        sd_event_source_set_time(s->timer, next);
    sd_event_source_set_enabled(s->timer, next == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int go_on(struct metrics_server *s)
{
    uint64_t next = cut_off(s);

    s->http->run(s->daemon);
    if (next == UINT64_MAX) /* a connection may have come */
        next = cut_off(s);
    arm(s, next);
    return 0;
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *data)
{
    return go_on(data);
}

static int on_timer(sd_event_source *source, uint64_t time, void *data)
{
    return go_on(data);
}

static int watch(struct metrics_server *s)
{
    const union MHD_DaemonInfo *info =
        s->http->get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int rc = info ? sd_event_add_io(s->event, &s->ready, info->epoll_fd, EPOLLIN, on_ready, s)
                  : -EOPNOTSUPP;

    if (rc >= 0)
        rc = sd_event_add_time(s->event, &s->timer, CLOCK_MONOTONIC, 0, 0, on_timer, s);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
    return rc;
}

int metrics_server_new(sd_event *event, const struct door *door, const struct metrics_ops *ops,
                       int fd, struct metrics_server **out, struct text *why)
{
    struct metrics_server *s = xcalloc(1, sizeof *s);
    int rc = -ELIBACC;

    *s = (struct metrics_server){
        .http = http_load(why), .door = door, .ops = ops, .event = sd_event_ref(event)};
    for (unsigned i = 0; i < METRICS_CLIENTS; i++)
        s->connections[i].fd = -1;
    if (s->http) {
        s->daemon = s->http->start_daemon(
            MHD_USE_EPOLL, 0, NULL, NULL, answer, s, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_CONNECTION_LIMIT, METRICS_CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT,
            IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
        rc = s->daemon ? watch(s) : -ENOMEM;
        if (rc < 0)
            text_addf(why, "cannot serve metrics: %s", strerror(-rc));
    }
    if (rc < 0) {
        if (!s->daemon) /* else it is the library's */
            close(fd);
        metrics_server_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void metrics_server_free(struct metrics_server *s)
{
    if (!s)
        return;
    sd_event_source_disable_unref(s->ready);
    sd_event_source_disable_unref(s->timer);
    if (s->daemon)
        s->http->stop_daemon(s->daemon);
    sd_event_unref(s->event);
    free(s);
}
