/* SPDX-License-Identifier: MIT */
#include "socket/outbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void drop_sent(struct outbox *o, size_t keep)
{
    if (!o->sent || (outbox_waiting(o) && o->sent <= keep))
        return;
    memmove(o->text.data, o->text.data + o->sent, outbox_waiting(o));
    o->text.len -= o->sent;
    o->sent = 0;
    /* Gives back the memory of a burst. */
    if (!o->text.len && o->text.capacity > keep)
        text_done(&o->text);
}

int outbox_flush(struct outbox *o, int fd, size_t keep)
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
    drop_sent(o, keep);
    return rc;
}

void outbox_done(struct outbox *o)
{
    text_done(&o->text);
    o->sent = 0;
}
