/* SPDX-License-Identifier: MIT */
#include "guest/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/lookout.h"
#include "guest/protocol.h"

enum { WAITING_MAX = 1024 };

struct guest_client {
    int fd;
    unsigned timeout_ms;
    uint32_t features, last_id;
    char error[GUEST_ERROR_MAX];
    struct guest_notify waiting[WAITING_MAX];
    size_t n_waiting;
    uint8_t out[GUEST_FRAME_MAX];
    uint8_t in[2 * GUEST_FRAME_MAX];
    size_t in_start, in_end;
    struct lookout lookout;
};

static int fail(struct guest_client *c, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Closes the connection, keeps the reason, and returns `error`. */
static int fail(struct guest_client *c, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(c->error, sizeof(c->error), format, args);
    va_end(args);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    return error;
}

static int fail_errno(struct guest_client *c, const char *what)
{
    int error = errno;

    if (error == EAGAIN || error == EWOULDBLOCK)
        return fail(c, -ETIMEDOUT, "the server did not answer within %u ms", c->timeout_ms);
    return fail(c, -error, "%s: %s", what, strerror(error));
}

static int send_frame(struct guest_client *c, const struct guest_frame *frame)
{
    const char *why;
    size_t len;
    int r;

    if (c->fd < 0)
        return -ENOTCONN;
    r = guest_frame_format(frame, c->out, sizeof(c->out), &len, &why);
    if (r < 0) {
        snprintf(c->error, sizeof(c->error), "%s", why);
        return r;
    }
    for (size_t done = 0; done < len;) {
        ssize_t n = send(c->fd, c->out + done, len - done, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(c, "cannot send to the server");
        done += (size_t)n;
    }
    return 0;
}

/* Reads at least one byte into the buffer, or fails; with MSG_DONTWAIT also -EAGAIN. */
static int fill(struct guest_client *c, int flags)
{
    ssize_t n;

    if (c->in_start) {
        memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
        c->in_end -= c->in_start;
        c->in_start = 0;
    }
    do
        n = recv(c->fd, c->in + c->in_end, sizeof(c->in) - c->in_end, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN && flags & MSG_DONTWAIT)
        return -EAGAIN;
    if (n < 0)
        return fail_errno(c, "cannot receive from the server");
    if (n == 0)
        return fail(c, -ECONNRESET, "the server closed the connection");
    c->in_end += (size_t)n;
    return 0;
}

/* Takes a whole frame from the buffer: 0, -EAGAIN if there is none, or a lost connection. */
static int take_buffered(struct guest_client *c, struct guest_frame *frame)
{
    const uint8_t *start = c->in + c->in_start;
    size_t have = c->in_end - c->in_start, len;
    const char *why;
    int r = guest_frame_measure(start, have, &len, &why);

    if (r == -EAGAIN || (r == 0 && have < len))
        return -EAGAIN;
    if (r == 0)
        r = guest_frame_parse(start, len, frame, &why);
    if (r < 0)
        return fail(c, r, "the server sent an invalid frame: %s", why);
    if (guest_type_is_from_client(frame->type))
        return fail(c, -EPROTO, "the server sent a frame of type %u", frame->type);
    c->in_start += len;
    return 0;
}

static int refused(struct guest_client *c, const struct guest_refuse *refuse)
{
    return fail(c, -(int)refuse->error, "refused by the server: %.*s", (int)refuse->text_len,
                refuse->text);
}

static int keep_notify(struct guest_client *c, const struct guest_notify *notify)
{
    for (size_t i = 0; i < c->n_waiting; i++) {
        const struct guest_notify *w = &c->waiting[i];

        if (w->kind == notify->kind && w->isc == notify->isc && w->apqn == notify->apqn &&
            w->nib == notify->nib)
            return 0;
    }
    if (c->n_waiting == WAITING_MAX)
        return fail(c, -ENOBUFS, "too many pending notifications");
    c->waiting[c->n_waiting++] = *notify;
    return 0;
}

/* Handles a frame other than the awaited reply: 0 to read on. */
static int handle_other(struct guest_client *c, const struct guest_frame *frame)
{
    if (frame->type == GUEST_NOTIFY)
        return keep_notify(c, &frame->notify);
    if (frame->type == GUEST_REFUSE)
        return refused(c, &frame->refuse);
    return fail(c, -EPROTO, "unexpected frame of type %u, id %u", frame->type, frame->id);
}

/* Looks for the answer for a moment before sleeping, while instructions follow each other. */
static int fill_soon(struct guest_client *c)
{
    uint64_t end = lookout_now() + LOOKOUT_NS;
    int r;

    if (!lookout_pays(&c->lookout))
        return fill(c, 0);
    do
        r = fill(c, MSG_DONTWAIT);
    while (r == -EAGAIN && lookout_now() < end);
    lookout_tell(&c->lookout, r == 0);
    return r == -EAGAIN ? fill(c, 0) : r;
}

static int await(struct guest_client *c, uint16_t type, uint32_t id, struct guest_frame *frame)
{
    for (;;) {
        int r = take_buffered(c, frame);

        if (r == 0 && frame->type == type && frame->id == id)
            return 0;
        if (r == 0)
            r = handle_other(c, frame);
        else if (r == -EAGAIN)
            r = fill_soon(c);
        if (r < 0)
            return r;
    }
}

static int ask(struct guest_client *c, struct guest_frame *request, uint16_t type,
               struct guest_frame *reply)
{
    int r;

    if (!++c->last_id)
        c->last_id = 1;
    request->id = c->last_id;
    lookout_arrived(&c->lookout, lookout_now());
    r = send_frame(c, request);
    if (r == 0)
        r = await(c, type, request->id, reply);
    lookout_served(&c->lookout, lookout_now());
    return r;
}

static int connect_to(struct guest_client *c, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval timeout = {c->timeout_ms / 1000, c->timeout_ms % 1000 * 1000};

    if (strlen(path) >= sizeof(address.sun_path))
        return fail(c, -EINVAL, "%s: socket path longer than %zu bytes", path,
                    sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return fail_errno(c, "socket");
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return fail_errno(c, path);
    return 0;
}

static int greet(struct guest_client *c, const struct guest_hello *hello)
{
    struct guest_frame frame = {.type = GUEST_HELLO, .hello = *hello};
    int r = send_frame(c, &frame);

    if (r == 0)
        r = await(c, GUEST_WELCOME, 0, &frame);
    if (r < 0)
        return r;
    if (frame.welcome.version != GUEST_PROTOCOL_VERSION)
        return fail(c, -EPROTO, "the server chose version %u", frame.welcome.version);
    if (frame.welcome.features & ~hello->features)
        return fail(c, -EPROTO, "the server granted features that were not requested");
    c->features = frame.welcome.features;
    return 0;
}

int guest_client_open(const char *path, const struct guest_hello *hello, unsigned timeout_ms,
                      struct guest_client **client, char error[static GUEST_ERROR_MAX])
{
    struct guest_client *c = malloc(sizeof(*c));
    int r;

    if (!c) {
        snprintf(error, GUEST_ERROR_MAX, "out of memory");
        return -ENOMEM;
    }
    c->fd = -1;
    c->timeout_ms = timeout_ms;
    c->features = c->last_id = 0;
    c->error[0] = '\0';
    c->n_waiting = c->in_start = c->in_end = 0;
    c->lookout = (struct lookout){0};
    r = connect_to(c, path);
    if (r == 0)
        r = greet(c, hello);
    if (r < 0) {
        snprintf(error, GUEST_ERROR_MAX, "%s", c->error);
        guest_client_close(c);
        return r;
    }
    *client = c;
    return 0;
}

void guest_client_close(struct guest_client *client)
{
    if (client && client->fd >= 0)
        close(client->fd);
    free(client);
}

uint32_t guest_client_features(const struct guest_client *client)
{
    return client->features;
}

int guest_client_fd(const struct guest_client *client)
{
    return client->fd;
}

const char *guest_client_error(const struct guest_client *client)
{
    return client->error;
}

int guest_client_execute(struct guest_client *client, const struct guest_insn *insn,
                         struct guest_insn_reply *reply)
{
    struct guest_frame request = {.type = GUEST_INSN, .insn = *insn}, answer;
    const char *why;
    int r = ask(client, &request, GUEST_INSN_REPLY, &answer);

    if (r < 0)
        return r;
    r = guest_reply_check(insn, &answer.insn_reply, &why);
    if (r < 0)
        return fail(client, r, "the server sent an invalid reply: %s", why);
    *reply = answer.insn_reply;
    return 0;
}

int guest_client_servc(struct guest_client *client, uint32_t command, uint16_t *response)
{
    struct guest_frame request = {.type = GUEST_SERVC, .servc = {command}}, answer;
    int r = ask(client, &request, GUEST_SERVC_REPLY, &answer);

    if (r == 0)
        *response = answer.servc_reply.response;
    return r;
}

int guest_client_reset(struct guest_client *client)
{
    struct guest_frame request = {.type = GUEST_RESET}, answer;

    return ask(client, &request, GUEST_RESET_REPLY, &answer);
}

/* Waits for input until `deadline` (ms of the monotonic clock): 0, -EAGAIN or a lost connection. */
static int wait_input(struct guest_client *c, int64_t deadline)
{
    struct pollfd p = {c->fd, POLLIN, 0};

    for (;;) {
        struct timespec now;
        int64_t left;
        int n;

        clock_gettime(CLOCK_MONOTONIC, &now);
        left = deadline - (now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000);
        n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return fill(c, 0);
        if (n == 0)
            return -EAGAIN;
        if (errno != EINTR)
            return fail_errno(c, "poll");
    }
}

int guest_client_notify(struct guest_client *client, unsigned wait_ms, struct guest_notify *notify)
{
    struct guest_frame frame;
    struct timespec now;
    int64_t deadline;

    clock_gettime(CLOCK_MONOTONIC, &now);
    deadline = now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000 + wait_ms;
    while (!client->n_waiting) {
        int r = client->fd < 0 ? -ENOTCONN : take_buffered(client, &frame);

        if (r == 0)
            r = handle_other(client, &frame);
        else if (r == -EAGAIN)
            r = wait_input(client, deadline);
        if (r < 0)
            return r;
    }
    *notify = client->waiting[0];
    memmove(client->waiting, client->waiting + 1, --client->n_waiting * sizeof(*notify));
    return 0;
}
