/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "vfio/internal.h"

/* Descriptors of ours in programs. */

struct vfio_file *vfio_file_find(const struct vfio *v, uint64_t device, uint64_t ino)
{
    struct vfio_file *f;

    LIST_FOREACH (f, &v->files, link)
        if (f->ino == ino && f->device == device)
            return f;
    return NULL;
}

/*
 * The program gets a listening socket, on which read(2) fails with EINVAL as on the real thing;
 * ours is a connection to it that nobody accepts. When the last copy is closed, the kernel resets
 * it.
 */
static int make_pair(int *ours, int *theirs)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    int rc = 0;

    *ours = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *theirs = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*ours < 0 || *theirs < 0 ||
        bind(*theirs, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
        listen(*theirs, 0) < 0 || getsockname(*theirs, (struct sockaddr *)&address, &len) < 0 ||
        connect(*ours, (struct sockaddr *)&address, len) < 0)
        rc = -errno;
    if (rc < 0 && *ours >= 0)
        close(*ours);
    if (rc < 0 && *theirs >= 0)
        close(*theirs);
    return rc;
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
    int ours, rc = v->file_count < VFIO_FILES_MAX ? make_pair(&ours, theirs) : -ENFILE;

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
        vfio_leave_ioas(f);
        if (f->devid)
            iommufd_unbind(f->iommufd, f->devid);
        vfio_device_close(f->v, f->of);
    } else if (f->kind == VFIO_GROUP) {
        f->of->group_open = false;
        /* The group lives on as long as its device is open. */
        if (!f->of->opened)
            vfio_group_unset(f->of);
    }
    forget(f);
}

void vfio_file_drop(struct vfio_file *f)
{
    if (f->kind == VFIO_DEVICE)
        f->of->opened = 0;
    if (f->of)
        vfio_group_unset(f->of);
    forget(f);
}
