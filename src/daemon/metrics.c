/* SPDX-License-Identifier: MIT */
/* The metrics over HTTP, and what of them outlives the daemon. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/internal.h"
#include "socket/listen.h"
#include "socket/loopback.h"
#include "store/counts.h"

const char *daemon_metrics_path(const struct daemon_options *o)
{
    return o->metrics && strchr(o->metrics, '/') ? o->metrics : NULL;
}

static void keep(void *data)
{
    struct daemon *d = data;
    int rc = counts_write(d->state, d->door.core);

    if (rc < 0 && !d->counts_lost)
        daemon_log(d, LOG_LEVEL_WARNING, "counters cannot be kept in %s: %s", d->options->state,
                   error_text(-rc));
    d->counts_lost = rc < 0;
}

int daemon_metrics_open(struct daemon *d, struct text *why)
{
    const struct daemon_options *o = d->options;
    const char *path = daemon_metrics_path(o);
    int fd, rc;

    if (!o->metrics)
        return 0;
    fd = path ? socket_listen(path, "--metrics", &d->metrics_place, why)
              : socket_loopback_listen(o->metrics, "--metrics", why);
    if (fd < 0)
        return fd;
    d->metrics_ops = (struct metrics_ops){.data = d, .shown = d->state ? keep : NULL};
    rc = metrics_server_new(d->event, &d->door, &d->metrics_ops, fd, &d->metrics, why);
    if (rc != -ELIBACC || !o->metrics_if_possible)
        return rc;
    daemon_log(d, LOG_LEVEL_WARNING, "%s", why->data);
    text_clear(why);
    daemon_metrics_close(d);
    return 0;
}

void daemon_metrics_close(struct daemon *d)
{
    metrics_server_free(d->metrics);
    d->metrics = NULL;
    socket_unlink(&d->metrics_place);
}

void daemon_counts_restore(struct daemon *d)
{
    text_auto why = {0};

    counts_read(d->state, d->door.core, &why);
    if (why.len)
        daemon_log(d, LOG_LEVEL_WARNING, "%s", why.data);
}

void daemon_counts_keep(struct daemon *d)
{
    if (d->state && d->started)
        keep(d);
}
