/* SPDX-License-Identifier: MIT */
#ifndef APUS_CONTROL_H
#define APUS_CONTROL_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * A client of the control protocol, for programs that bring a JSON library of their own.
 * control-protocol.json, which is installed beside this, describes commands, results and events.
 * Lines are JSON objects, each ends with a newline, and a reply follows each request.
 */
#define APUS_CONTROL_PROTOCOL 2      /* of the greeting's member protocol */
#define APUS_CONTROL_LINE_MAX 262144 /* bytes of a request without its newline */

/* Classes of errors. */
#define APUS_CONTROL_SYNTAX   "SyntaxError"
#define APUS_CONTROL_TOO_LONG "LineTooLong"
#define APUS_CONTROL_UNKNOWN  "CommandNotFound"
#define APUS_CONTROL_ARGUMENT "InvalidArgument"
#define APUS_CONTROL_REFUSED  "Refused"
#define APUS_CONTROL_TOO_BUSY "TooManyClients"

struct apus_control {
    int fd;
    char *line; /* the last line that was read, without its newline */
    size_t len, capacity, used;
};

/*
 * Connects to the socket at path; NULL: to that in $APUS_SOCKET. 0, and apus_control_read returns
 * the greeting next; or -errno (-ENOENT: there is no path; -ENAMETOOLONG). To be closed with
 * apus_control_close.
 */
static inline int apus_control_open(struct apus_control *c, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int err;

    memset(c, 0, sizeof(*c));
    c->fd = -1;
    if (!path)
        path = getenv("APUS_SOCKET");
    if (!path || strlen(path) >= sizeof(address.sun_path))
        return path ? -ENAMETOOLONG : -ENOENT;
    strcpy(address.sun_path, path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return 0;
    err = errno;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    return -err;
}

static inline void apus_control_close(struct apus_control *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->line);
    memset(c, 0, sizeof(*c));
    c->fd = -1;
}

/* Sends bytes, which end with a newline: one or more requests. 0, or -errno. */
static inline int apus_control_send(struct apus_control *c, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* Room for more of the line that is being read. 0, or -ENOMEM. */
static inline int apus_control_grow(struct apus_control *c)
{
    size_t capacity = c->capacity ? 2 * c->capacity : 4096;
    char *bytes = c->used + 1 < c->capacity ? c->line : (char *)realloc(c->line, capacity);

    if (!bytes)
        return -ENOMEM;
    if (bytes != c->line || c->used + 1 >= c->capacity)
        c->capacity = capacity;
    c->line = bytes;
    return 0;
}

/* Reads the next line, c->line, which is valid until the next call. 0; -EPIPE: the daemon has
 * closed the connection; or -errno. */
static inline int apus_control_read(struct apus_control *c)
{
    size_t searched = 0;
    char *end;

    if (c->len) { /* the last line, and its newline */
        memmove(c->line, c->line + c->len + 1, c->used - c->len - 1);
        c->used -= c->len + 1;
        c->len = 0;
    }
    while (!c->used || !(end = (char *)memchr(c->line + searched, '\n', c->used - searched))) {
        ssize_t n;

        searched = c->used;
        if (apus_control_grow(c) < 0)
            return -ENOMEM;
        n = read(c->fd, c->line + c->used, c->capacity - c->used - 1);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -EPIPE;
        if (n > 0)
            c->used += (size_t)n;
    }
    *end = '\0';
    c->len = (size_t)(end - c->line);
    return 0;
}

/* Whether the line is an event; otherwise it is the greeting or a reply. */
static inline int apus_control_is_event(const struct apus_control *c)
{
    return strncmp(c->line, "{\"event\":", 9) == 0;
}

/* Sends a request, a line with its newline, and reads up to its reply; events before it are lost.
 * As apus_control_send and apus_control_read. */
static inline int apus_control_ask(struct apus_control *c, const char *request)
{
    int rc = apus_control_send(c, request, strlen(request));

    while (rc == 0 && (rc = apus_control_read(c)) == 0 && apus_control_is_event(c))
        ;
    return rc;
}

#endif
