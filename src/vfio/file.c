/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "socket/watched.h"
#include "vfio/internal.h"

/* Descriptors of ours in programs: their ends of pairs of sockets (socket/watched.h). */

struct vfio_file *vfio_file_find(const struct vfio *v, uint64_t device, uint64_t ino)
{
    struct vfio_file *f;

    LIST_FOREACH (f, &v->files, link)
        if (f->ino == ino && f->device == device)
            return f;
    return NULL;
}

static int on_closed(sd_event_source *source, int fd, uint32_t events, void *data)
{
    vfio_file_release(data);
    return 0;
}

int vfio_file_new(struct vfio *v, enum vfio_kind kind, struct vfio_file **out, int *theirs)
{
    struct vfio_file *f;
    struct stat st;
    int ours, rc = v->file_count < VFIO_FILES_MAX ? watched_pair(&ours, theirs) : -ENFILE;

    if (rc < 0)
        return rc;
    f = xcalloc(1, sizeof *f);
    f->v = v;
    f->kind = kind;
    f->ours = ours;
    rc = fstat(*theirs, &st) < 0
             ? -errno
             : sd_event_add_io(v->event, &f->closed, ours, EPOLLHUP, on_closed, f);
    if (rc < 0) {
        close(ours);
        close(*theirs);
        free(f);
        return rc;
    }
    f->device = st.st_dev;
    f->ino = st.st_ino;
    LIST_INSERT_HEAD(&v->files, f, link);
    v->file_count++;
    *out = f;
    return 0;
}

static void forget(struct vfio_file *f)
{
    LIST_REMOVE(f, link);
    f->v->file_count--;
    sd_event_source_disable_unref(f->closed);
    close(f->ours);
    if (f->container && --f->container->users == 0)
        container_put(f->container);
    if (f->iommufd && --f->iommufd->users == 0)
        iommufd_put(f->iommufd);
    if (f->of)
        vfio_device_unname(f->v, f);
    free(f);
}

void vfio_file_release(struct vfio_file *f)
{
    if (f->kind == VFIO_DEVICE) {
        vfio_device_close(f->v, f->of);
    } else if (f->kind == VFIO_GROUP) {
        f->of->group_open = false;
        if (!vfio_group_held(f->of))
            vfio_group_unset(f->of);
    }
    forget(f);
}

bool vfio_files_sweep(struct vfio *v)
{
    struct vfio_file *f = LIST_FIRST(&v->files), *next;
    bool any = false;

    for (; f; f = next) {
        struct pollfd closed = {.fd = f->ours};

        next = LIST_NEXT(f, link);
        if (poll(&closed, 1, 0) != 1 || !(closed.revents & POLLHUP))
            continue;
        vfio_file_release(f);
        any = true;
    }
    return any;
}

void vfio_file_drop(struct vfio_file *f)
{
    if (f->kind == VFIO_DEVICE) {
        f->of->opened = 0;
        vfio_access_end(f->of);
    }
    if (f->of)
        vfio_group_unset(f->of);
    forget(f);
}
