/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "daemon/internal.h"

static void mount_free(struct daemon_mount *m)
{
    fuse_mount_free(m->fuse);
    free(m);
}

static void on_ended(void *data)
{
    struct daemon_mount *m = data;

    m->ended = true;
    sd_event_source_set_enabled(m->daemon->sweeper, SD_EVENT_ONESHOT);
}

int daemon_mount_new(struct daemon *d, unsigned tree, const char *mountpoint, int fd,
                     struct text *why)
{
    struct daemon_mount *m = xcalloc(1, sizeof(*m));
    int rc;

    *m = (struct daemon_mount){.daemon = d, .tree = tree};
    rc = fuse_mount_new(d->hub, tree, mountpoint, fd, on_ended, m, why, &m->fuse);
    if (rc < 0) {
        free(m);
        return rc;
    }
    m->next = d->mounts;
    d->mounts = m;
    return 0;
}

void daemon_mount_drop(struct daemon *d, unsigned tree)
{
    struct daemon_mount **at = &d->mounts;

    while (*at) {
        struct daemon_mount *m = *at;

        if (m->tree != tree) {
            at = &m->next;
            continue;
        }
        *at = m->next;
        mount_free(m);
    }
}

int daemon_mount_sweep(sd_event_source *source, void *data)
{
    struct daemon *d = data;
    struct daemon_mount **at = &d->mounts;

    while (*at) {
        struct daemon_mount *m = *at;

        if (!m->ended) {
            at = &m->next;
            continue;
        }
        if (m->tree == CORE_HOST_TREE)
            sd_event_exit(d->event, 0);
        *at = m->next;
        mount_free(m);
        at = &d->mounts;
    }
    return 0;
}
