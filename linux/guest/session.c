/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    ID_MAX = 32,
    LINE = ID_MAX + 32,
    PART = 32768,
    TICK_MS = 20, /* while the end of the client or of its input is in doubt */
    /* A client that is followed by the next one is seen to leave late, so only what lasts counts:
     * ticks and not time, which passes also while an emulated CPU does not run. */
    HANGUP_TICKS = 25,
    QUIET_MS = 1000,
};

/* Output or errors of the command, on their way to a port. */
struct stream {
    struct port *port;
    int pipe; /* -1: no longer read */
    int rest; /* bytes in the pipe when the command ended, which are the last; -1: it runs */
    bool marked;
    size_t start, len;
    char data[PART];
};

/* The other way. Nothing is read ahead of the command beyond what the port holds. */
struct input {
    int pipe; /* -1: there is none, or it is closed */
    unsigned ends;
};

struct session {
    struct agent *agent;
    char id[ID_MAX + 1], mark[LINE];
    bool with_input, told; /* told: the client has the status */
    unsigned away;         /* ticks for which the client has been away */
    long long tick;        /* when the last of them was, in ms */
    struct stream out, err;
    struct input in;
};

static long long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static bool has_hung_up(struct session *s)
{
    long long now = now_ms();

    if (!s->agent->control.away) {
        s->away = 0;
    } else if (now - s->tick >= TICK_MS) {
        s->away++;
        s->tick = now;
    }
    return s->away > HANGUP_TICKS;
}

static bool says_bye(const struct session *s, const char *line)
{
    return strncmp(line, "bye ", 4) == 0 && strcmp(line + 4, s->id) == 0;
}

/* Whether the client said goodbye, hung up, or was followed by the next one, whose request stays
 * where it is. */
static bool has_left(struct session *s)
{
    struct agent *a = s->agent;
    const char *line;

    port_fill(&a->control);
    while (!port_begins(&a->control, "exec ") && (line = port_line(&a->control)))
        if (says_bye(s, line))
            return true;
    if (port_begins(&a->control, "exec "))
        return true;
    return has_hung_up(s);
}

/* What has_left needs to be asked again in time. */
static int patience(const struct session *s)
{
    return s->agent->control.away || s->in.ends ? TICK_MS : QUIET_MS;
}

static void wait_for(struct session *s, int fd, short events)
{
    struct pollfd fds[] = {{fd, events, 0}, {s->agent->control.fd, POLLIN, 0}};

    agent_wait(s->agent, fds, 2, patience(s));
}

/* Writes the line "WORD ID" and what follows it. False: the client left before it took it. */
static bool say(struct session *s, struct port *port, const char *word, const char *more)
{
    char line[LINE];
    size_t len, at = 0;

    len = (size_t)snprintf(line, sizeof(line), "\n%s %s%s\n", word, s->id, more);
    while ((at += port_write(port, line + at, len - at)) < len) {
        if (has_left(s))
            return false;
        wait_for(s, port->fd, POLLOUT);
    }
    return true;
}

/* Waits for the client at a data port, and marks the end of what was sent for earlier ones. Since
 * the port takes that only with a client, an end of file is this client's from then on. */
static bool meet(struct session *s, struct port *port)
{
    char wanted[LINE];
    const char *line;

    snprintf(wanted, sizeof(wanted), "ready %s", s->id);
    for (;;) {
        port_fill(port);
        while ((line = port_line(port)))
            if (strcmp(line, wanted) == 0)
                return say(s, port, "begin", "");
        if (has_left(s))
            return false;
        wait_for(s, port->fd, POLLIN);
    }
}

/* Fills an empty buffer: with output of the command, and after the last of it with the end mark. */
static void stream_read(struct session *s, struct stream *st)
{
    size_t most = st->rest >= 0 && st->rest < PART ? (size_t)st->rest : PART;
    ssize_t n = st->pipe >= 0 && most ? read(st->pipe, st->data, most) : 0;

    if (n > 0) {
        st->start = 0;
        st->len = (size_t)n;
        st->rest -= st->rest > 0 ? (int)n : 0;
    } else if (st->rest >= 0) {
        st->start = 0;
        st->len = (size_t)snprintf(st->data, sizeof(st->data), "\036end %s\n", s->id);
        st->marked = true;
    } else if (n == 0) {
        /* All have closed it. */
        close(st->pipe);
        st->pipe = -1;
    }
}

/* True: something moved. */
static bool stream_move(struct session *s, struct stream *st)
{
    size_t n;

    if (!st->len && !st->marked && (st->pipe >= 0 || st->rest >= 0))
        stream_read(s, st);
    if (!st->len)
        return false;
    n = port_write(st->port, st->data + st->start, st->len);
    st->start += n;
    st->len -= n;
    return n;
}

/* The command has ended. What is in the pipe is its own; what processes that it leaves behind write
 * later is not. */
static void stream_end(struct stream *st)
{
    if (st->pipe < 0 || ioctl(st->pipe, FIONREAD, &st->rest) < 0)
        st->rest = 0;
}

static struct pollfd stream_wish(const struct stream *st)
{
    if (st->len)
        return (struct pollfd){st->port->fd, POLLOUT, 0};
    return (struct pollfd){st->marked ? -1 : st->pipe, POLLIN, 0};
}

static void input_close(struct input *in)
{
    if (in->pipe >= 0)
        close(in->pipe);
    in->pipe = -1;
}

/* True: something moved. */
static bool input_move(struct session *s)
{
    struct port *port = &s->agent->in;
    ssize_t n;

    if (s->in.pipe < 0)
        return false;
    if (!port->len) {
        port_fill(port);
        s->in.ends = port->away ? s->in.ends + 1 : 0;
    }
    /* Data that arrives together with the end can be missed by the first read that finds the end.
     */
    if (!port->len && s->in.ends > 1)
        input_close(&s->in);
    if (!port->len)
        return port->away && s->in.ends == 1;
    n = write(s->in.pipe, port->data + port->start, port->len);
    if (n < 0 && errno == EPIPE)
        input_close(&s->in);
    port_skip(port, n > 0 ? (size_t)n : 0);
    return n > 0;
}

static struct pollfd input_wish(const struct session *s)
{
    if (s->in.pipe < 0)
        return (struct pollfd){-1, 0, 0};
    if (s->agent->in.len)
        return (struct pollfd){s->in.pipe, POLLOUT, 0};
    return (struct pollfd){s->agent->in.fd, POLLIN, 0};
}

static void wait_for_any(struct session *s)
{
    struct pollfd fds[] = {stream_wish(&s->out),
                           stream_wish(&s->err),
                           input_wish(s),
                           {s->agent->control.fd, POLLIN, 0}};

    agent_wait(s->agent, fds, sizeof(fds) / sizeof(*fds), patience(s));
}

/* Tells how the command ended. False: the client has left before. */
static bool tell_end(struct session *s)
{
    char status[16];

    input_close(&s->in);
    stream_end(&s->out);
    stream_end(&s->err);
    s->told = true;
    snprintf(status, sizeof(status), " %d", s->agent->status);
    return say(s, &s->agent->control, "done", status);
}

/* Until the client leaves, which it does after all output, or to have the command killed. */
static void flow(struct session *s)
{
    while (!has_left(s)) {
        bool moved = stream_move(s, &s->out);

        moved |= stream_move(s, &s->err);
        moved |= input_move(s);
        if (s->agent->command < 0 && !s->told)
            moved |= tell_end(s);
        if (!moved)
            wait_for_any(s);
    }
}

/* A pipe whose end number `ours` is our own, and never blocks us. */
static bool make_pipe(int fds[static 2], int ours)
{
    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    fcntl(fds[ours], F_SETFL, O_NONBLOCK);
    return true;
}

static pid_t spawn(const int fds[static 3], const char *command)
{
    char *argv[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t how;
    sigset_t none, usual;
    pid_t pid = 0;

    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_init(&how);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &usual);
    posix_spawnattr_setflags(&how,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, fds[i], i);
    posix_spawn_file_actions_addchdir_np(&actions, "/");
    if (posix_spawn(&pid, "/bin/sh", &actions, &how, argv, environ))
        pid = 0;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&how);
    return pid;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* Starts the command with pipes; what could not be started has ended with 126. */
static void start(struct session *s, const char *command)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
    bool made = make_pipe(out, 0) && make_pipe(err, 0);

    if (made && s->with_input)
        made = make_pipe(in, 1);
    else if (made)
        in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    s->agent->command = made ? spawn((int[]){in[0], out[1], err[1]}, command) : 0;
    if (!s->agent->command) {
        s->agent->command = -1;
        s->agent->status = 126;
    }
    close_all((int[]){in[0], out[1], err[1]}, 3);
    s->in.pipe = in[1];
    s->out.pipe = out[0];
    s->err.pipe = err[0];
}

/* Kills the command if it still runs. */
static void finish(struct session *s)
{
    struct pollfd nothing = {-1, 0, 0};
    struct agent *a = s->agent;

    if (a->command > 0)
        kill(-a->command, SIGKILL);
    while (a->command > 0)
        agent_wait(a, &nothing, 1, QUIET_MS);
    a->command = 0;
    input_close(&s->in);
    close_all((int[]){s->out.pipe, s->err.pipe}, 2);
}

/* Reads what is left of the input, until its client has closed the port: the next one's begins with
 * nothing of it. */
static void drain(struct session *s)
{
    struct port *port = &s->agent->in;
    unsigned ends = 0;

    while (ends < 2) {
        struct pollfd readable = {port->fd, POLLIN, 0};

        port_skip(port, port->len);
        port_fill(port);
        ends = port->away ? ends + 1 : 0;
        if (!port->len && !port->away)
            agent_wait(s->agent, &readable, 1, QUIET_MS);
    }
}

static bool parse(const char *request, struct session *s, const char **command)
{
    int with_input, at = 0;

    if (sscanf(request, "exec %32s %d %n", s->id, &with_input, &at) < 2 || !at)
        return false;
    s->with_input = with_input;
    *command = request + at;
    return true;
}

void session_serve(struct agent *a, const char *request)
{
    static struct session s;
    const char *rest;
    char *command;

    s = (struct session){.agent = a,
                         .out = {.port = &a->out, .pipe = -1, .rest = -1},
                         .err = {.port = &a->err, .pipe = -1, .rest = -1},
                         .in = {.pipe = -1}};
    if (!parse(request, &s, &rest))
        return;
    command = strdup(rest);
    if (command && say(&s, &a->control, "go", "") && meet(&s, &a->out) && meet(&s, &a->err) &&
        (!s.with_input || meet(&s, &a->in))) {
        start(&s, command);
        flow(&s);
        finish(&s);
    }
    if (s.with_input)
        drain(&s);
    free(command);
}
