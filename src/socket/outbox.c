/* SPDX-License-Identifier: MIT */
#include "socket/outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Never moves more than has been sent since the last time, so a byte is moved once on average; and
 * there are never more sent bytes than waiting ones. */
static void drop_sent(struct outbox *o)
{
    if (!o->sent || outbox_waiting(o) > o->sent)
        return;
    explicit_bzero(o->text.data, o->sent); /* it can have been a key */
    memmove(o->text.data, o->text.data + o->sent, outbox_waiting(o));
    explicit_bzero(o->text.data + outbox_waiting(o), o->sent);
    o->text.len -= o->sent;
    o->sent = 0;
    text_shrink(&o->text);
}

int outbox_flush(struct outbox *o, int fd)
{
    int rc = 0;

    while (outbox_waiting(o)) {
        ssize_t n =
            send(fd, o->text.data + o->sent, outbox_waiting(o), MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = errno == EAGAIN ? 0 : -errno;
            break;
        }
        o->sent += (size_t)n;
    }
    drop_sent(o);
    return rc;
}

void outbox_done(struct outbox *o)
{
    text_done_private(&o->text);
    o->sent = 0;
}
