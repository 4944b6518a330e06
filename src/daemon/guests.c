/* SPDX-License-Identifier: MIT */
/* The socket of the guest protocol. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/internal.h"
#include "socket/listen.h"

#define HELLO_MS 10000

static void host_log(void *data, enum log_level level, const char *message)
{
    daemon_log(data, level, "%s", message);
}

static int serve(struct daemon *d, int fd, struct text *why)
{
    int rc;

    d->guest_ops = (struct guest_server_ops){
        .data = d, .log = host_log, .sync = daemon_state_sync, .hello_ms = HELLO_MS};
    rc = guest_server_new(d->event, &d->door, &d->guest_ops, fd, &d->guests);
    if (rc < 0)
        text_addf(why, "the event loop cannot take the guest socket: %s", error_text(-rc));
    return rc;
}

bool daemon_guest_path(const struct daemon_options *o, struct text *out)
{
    if (!o->guest_socket && !o->socket)
        return false;
    text_addf(out, "%s%s", o->guest_socket ? o->guest_socket : o->socket,
              o->guest_socket ? "" : ".guest");
    return true;
}

int daemon_guests_open(struct daemon *d, struct text *why)
{
    const struct daemon_options *o = d->options;
    text_auto path = {0};
    int fd;

    if (d->sockets.guest >= 0)
        return serve(d, d->sockets.guest, why);
    if (!daemon_guest_path(o, &path))
        return 0;
    fd = socket_listen(path.data, "--guest-socket", &d->guest_place, why);
    if (fd == -ENAMETOOLONG && !o->guest_socket) {
        daemon_log(d, LOG_LEVEL_WARNING, "no guest socket: %s", why->data);
        text_clear(why);
        return 0;
    }
    if (fd < 0)
        return fd;
    d->control_ops.guest_socket = d->guest_place.path;
    return serve(d, fd, why);
}

void daemon_guests_close(struct daemon *d)
{
    guest_server_free(d->guests);
    d->guests = NULL;
    socket_unlink(&d->guest_place);
}
