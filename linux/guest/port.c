/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

#define PORTS "/sys/class/virtio-ports"

enum { OPEN_TRIES = 100, PART = 32768 };

/* Whether the port ENTRY has this name. */
static bool is_port(const char *entry, const char *name)
{
    char path[320], text[80];

    snprintf(path, sizeof(path), PORTS "/%s/name", entry);
    return file_read(path, text, sizeof(text)) && strcmp(text, name) == 0;
}

static int open_device(const char *entry)
{
    char path[320];

    snprintf(path, sizeof(path), "/dev/%s", entry);
    return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int try_open(const char *name)
{
    DIR *ports = opendir(PORTS);
    const struct dirent *e;
    int fd = -1;

    while (ports && fd < 0 && (e = readdir(ports)))
        if (*e->d_name != '.' && is_port(e->d_name, name))
            fd = open_device(e->d_name);
    if (ports)
        closedir(ports);
    return fd;
}

bool port_open(struct port *p, const char *name)
{
    *p = (struct port){.fd = -1};
    for (int i = 0; i < OPEN_TRIES; i++) {
        p->fd = try_open(name);
        if (p->fd >= 0)
            break;
        usleep(10000);
    }
    if (p->fd < 0)
        return false;
    /* A client that comes or goes is a SIGIO. */
    fcntl(p->fd, F_SETOWN, getpid());
    fcntl(p->fd, F_SETFL, O_NONBLOCK | O_ASYNC);
    return true;
}

static void make_room(struct port *p)
{
    char *more;

    if (p->start)
        memmove(p->data, p->data + p->start, p->len);
    p->start = 0;
    if (p->size - p->len >= PART)
        return;
    more = realloc(p->data, p->len + PART);
    if (!more)
        return;
    p->data = more;
    p->size = p->len + PART;
}

void port_fill(struct port *p)
{
    ssize_t n;

    make_room(p);
    if (p->size == p->len)
        return;
    n = read(p->fd, p->data + p->len, p->size - p->len);
    p->away = n == 0;
    p->len += n > 0 ? (size_t)n : 0;
}

void port_skip(struct port *p, size_t len)
{
    if (len > p->len)
        len = p->len;
    p->start += len;
    p->len -= len;
}

const char *port_line(struct port *p)
{
    char *line = p->data + p->start;
    char *end = p->len ? memchr(line, '\n', p->len) : NULL;

    if (!end)
        return NULL;
    *end = '\0';
    port_skip(p, (size_t)(end - line) + 1);
    return line;
}

bool port_begins(const struct port *p, const char *text)
{
    size_t len = strlen(text);

    return p->len >= len && memcmp(p->data + p->start, text, len) == 0;
}

size_t port_write(struct port *p, const char *data, size_t len)
{
    ssize_t n = write(p->fd, data, len);

    return n > 0 ? (size_t)n : 0;
}
