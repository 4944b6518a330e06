/* SPDX-License-Identifier: MIT */
#include "control/client.h"

#include <errno.h>
#include <sys/epoll.h>

#include "socket/connection.h"

void control_client_read(struct control_client *c)
{
    char bytes[CONTROL_READ_MAX];
    ssize_t n = socket_receive(c->socket.fd, bytes, sizeof(bytes), &c->peer.fd, c->peer.closer);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            c->socket.dead = true;
        return;
    }
    if (n == 0)
        c->ended = true;
    line_buffer_add(&c->in, bytes, (size_t)n);
}

void control_client_flush(struct control_client *c)
{
    if (!c->corked && !c->socket.dead && outbox_flush(&c->out, c->socket.fd) < 0)
        c->socket.dead = true;
}

void control_client_watch(struct control_client *c)
{
    uint32_t events = 0;

    if (control_client_listens(c))
        events |= EPOLLIN;
    if (!c->corked && (outbox_waiting(&c->out) || (c->pending && !c->late)))
        events |= EPOLLOUT;
    peer_watch(&c->socket, events);
}
