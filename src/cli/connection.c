/* SPDX-License-Identifier: MIT */
#include "cli/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/field.h"
#include "control/error.h"
#include "socket/fds.h"

/* So long a daemon may be stopped, as for a look at its memory. */
#define STOPPED_SECONDS 3

struct connection {
    int fd;
    struct text in;
    size_t start;    /* of the unread rest of in */
    json_t *events;  /* array of events that arrived before a reply */
    double deadline; /* seconds after from; 0: none */
    struct timespec from;
};

static bool is_socket(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 || S_ISSOCK(st.st_mode);
}

static int refuse_connect(int err, const char *path)
{
    switch (err) {
    case ENOENT:
        cli_error_as(CLI_NO_MACHINE, err, "there is no socket at %s; is the machine running?",
                     path);
        break;
    case ECONNREFUSED:
        cli_error_as(CLI_NO_MACHINE, err,
                     is_socket(path) ? "no daemon is listening at %s; it has ended"
                                     : "%s is not a socket; expected the path in $APUS_SOCKET of "
                                       "'apus run' or of --socket of 'apus daemon'",
                     path);
        break;
    case EACCES:
    case EPERM:
        cli_error_as(CLI_NO_MACHINE, err,
                     "no permission to use the socket %s; it belongs to the user who started the "
                     "machine",
                     path);
        break;
    case ENAMETOOLONG:
        cli_error_as(CLI_NO_MACHINE, err, "the path of the socket is longer than 107 bytes: %s",
                     path);
        break;
    default:
        cli_error_as(CLI_NO_MACHINE, err, "cannot connect to %s: %s", path, strerror(err));
    }
    return -err;
}

int connection_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int err = errno;

        close(fd);
        return -err;
    }
    return fd;
}

static int connect_to(const char *path)
{
    int fd = connection_socket(path);

    return fd < 0 ? refuse_connect(-fd, path) : fd;
}

static double seconds_left(const struct connection *c)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return c->deadline - (double)(now.tv_sec - c->from.tv_sec) -
           (double)(now.tv_nsec - c->from.tv_nsec) / 1e9;
}

/* The process that listens there; 0: it is not to be seen from here. */
static pid_t daemon_of(const struct connection *c)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

/* Whether somebody has stopped it (SIGSTOP). One that a debugger holds goes on by itself. */
static bool is_stopped(pid_t process)
{
    char path[64], line[128], state = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    f = fopen(path, "re");
    while (f && !state && fgets(line, sizeof line, f))
        sscanf(line, "State: %c", &state);
    if (f)
        fclose(f);
    return state == 'T';
}

/* 0; -EAGAIN: the deadline has passed; -EHOSTDOWN: what should answer has been stopped. */
static int wait_readable(const struct connection *c, bool answers)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    int stopped = 0;

    while (stopped < STOPPED_SECONDS) {
        double left = c->deadline ? seconds_left(c) : 1;

        if (left <= 0)
            return -EAGAIN;
        if (poll(&p, 1, left < 1 ? (int)(left * 1000) + 1 : 1000) > 0)
            return 0;
        stopped = answers && is_stopped(daemon_of(c)) ? stopped + 1 : 0;
    }
    return -EHOSTDOWN;
}

/* Reads one line as a JSON object. 0; -EPIPE at the end; -errno; -EPROTO for anything else. answers
 * is whether it is due at once. */
static int read_message(struct connection *c, bool answers, json_t **out)
{
    char buffer[65536];
    char *end;

    while (!c->in.data || !(end = memchr(c->in.data + c->start, '\n', c->in.len - c->start))) {
        ssize_t n;
        int rc = wait_readable(c, answers);

        if (rc < 0)
            return rc;
        n = read(c->fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EPIPE;
        text_add(&c->in, buffer, (size_t)n);
    }
    *out = json_loadb(c->in.data + c->start, (size_t)(end - c->in.data) - c->start, 0, NULL);
    c->start = (size_t)(end - c->in.data) + 1;
    if (c->start == c->in.len) {
        text_clear(&c->in);
        c->start = 0;
    }
    return json_is_object(*out) ? 0 : -EPROTO;
}

static int refuse_transport(const struct connection *c, int ret)
{
    if (ret == -EHOSTDOWN)
        cli_error_as(CLI_LOST, -ret,
                     "the daemon, process %d, is stopped and does not answer; 'kill -CONT %d' lets "
                     "it go on",
                     (int)daemon_of(c), (int)daemon_of(c));
    else if (ret == -EAGAIN)
        cli_error_as(CLI_TIMED_OUT, ETIMEDOUT, "nothing came within the time of --timeout");
    else if (ret == -EPIPE || ret == -ECONNRESET)
        cli_error_as(CLI_LOST, -ret, "the daemon has closed the connection");
    else if (ret == -EPROTO)
        cli_error_as(CLI_LOST, -ret,
                     "the daemon sent an invalid reply; is it another version of apus?");
    else
        cli_error_as(CLI_LOST, -ret, "the connection to the daemon failed: %s", strerror(-ret));
    return ret;
}

/* What no machine would do was not said as it has to be said. */
static bool is_wrong_usage(const json_t *error)
{
    const char *class = field_string(error, "class", "");

    return strcmp(class, CONTROL_ARGUMENT) == 0 || strcmp(class, CONTROL_UNKNOWN) == 0;
}

/* Prints the error of a reply. */
static void report(const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    const char *sentence = json_string_value(json_object_get(error, "desc"));

    if (is_wrong_usage(error))
        cli_fails_as(CLI_WRONG_USAGE);
    if (cli_json()) {
        json_dumpf(answer, stderr, JSON_COMPACT);
        fputc('\n', stderr);
        return;
    }
    /* With --json the errno of the daemon is printed above. */
    cli_error(EIO, "%s", sentence ? sentence : "the daemon refused without giving a reason");
}

int connection_open(const char *path, struct connection **out)
{
    struct connection *c;
    json_t *greeting = NULL;
    int ret = connect_to(path);

    if (ret < 0)
        return ret;
    c = xcalloc(1, sizeof(*c));
    c->fd = ret;
    c->events = json_array();
    ret = read_message(c, true, &greeting);
    if (ret == 0 && json_object_get(greeting, "error")) {
        report(greeting);
        ret = -EBUSY;
    } else if (ret == 0 && !json_object_get(greeting, "apus")) {
        ret = refuse_transport(c, -EPROTO);
    } else if (ret < 0) {
        refuse_transport(c, ret);
    }
    json_decref(greeting);
    if (ret < 0) {
        connection_close(c);
        return ret;
    }
    *out = c;
    return 0;
}

void connection_close(struct connection *c)
{
    if (!c)
        return;
    close(c->fd);
    text_done(&c->in);
    json_decref(c->events);
    free(c);
}

void connection_cleanup(struct connection **c)
{
    connection_close(*c);
}

/* Sends all bytes, and the descriptor with the first of them. 0 or -errno. */
static int send_all(int socket, const char *data, size_t len, int fd)
{
    while (len) {
        ssize_t n = fds_send(socket, data, len, fd);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        fd = -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int send_request(struct connection *c, const char *command, json_t *arguments, int fd)
{
    json_t *request = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
    char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
    struct text bytes = {0};
    int ret;

    json_decref(request);
    if (!line)
        return -EINVAL;
    text_addf(&bytes, "%s\n", line);
    free(line);
    ret = send_all(c->fd, bytes.data, bytes.len, fd);
    text_done(&bytes);
    return ret;
}

int connection_request(struct connection *c, const char *command, json_t *arguments, int fd,
                       json_t **answer)
{
    json_t *message = NULL;
    int ret = send_request(c, command, arguments, fd);

    /* The daemon may have sent a reason before it closed the connection. */
    if (ret == -EPIPE)
        ret = 0;
    while (ret == 0) {
        ret = read_message(c, true, &message);
        if (ret < 0)
            break;
        if (json_object_get(message, "return") || json_object_get(message, "error")) {
            *answer = message;
            return 0;
        }
        json_array_append_new(c->events, message);
        message = NULL;
    }
    json_decref(message);
    return refuse_transport(c, ret);
}

json_t *connection_call(struct connection *c, const char *command, json_t *arguments, int fd)
{
    json_t *answer, *returned;

    if (connection_request(c, command, arguments, fd, &answer) < 0)
        return NULL;
    returned = json_incref(json_object_get(answer, "return"));
    if (!returned)
        report(answer);
    json_decref(answer);
    return returned;
}

void connection_timeout(struct connection *c, double seconds)
{
    c->deadline = seconds;
    clock_gettime(CLOCK_MONOTONIC, &c->from);
}

void connection_forget_events(struct connection *c)
{
    json_array_clear(c->events);
}

json_t *connection_event(struct connection *c)
{
    json_t *event = json_incref(json_array_get(c->events, 0));
    int ret;

    if (event) {
        json_array_remove(c->events, 0);
        return event;
    }
    ret = read_message(c, false, &event);
    if (ret == 0)
        return event;
    json_decref(event);
    refuse_transport(c, ret);
    return NULL;
}
