/* SPDX-License-Identifier: MIT */
#include <errno.h>
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
    vfio_files_sweep(data);
    return 0;
}

/* With the first descriptor: one for all our ends, which is ready while one of them has hung up. */
static int watch(struct vfio *v)
{
    int rc;

    if (v->ends >= 0)
        return 0;
    v->ends = epoll_create1(EPOLL_CLOEXEC);
    rc = v->ends < 0 ? -errno
                     : sd_event_add_io(v->event, &v->closed, v->ends, EPOLLIN, on_closed, v);
    if (rc < 0 && v->ends >= 0) {
        close(v->ends);
        v->ends = -1;
    }
    return rc < 0 ? rc : 0;
}

static int watch_end(struct vfio_file *f)
{
    struct epoll_event hangup = {.data.ptr = f};
    int rc = watch(f->v);

    return rc == 0 && epoll_ctl(f->v->ends, EPOLL_CTL_ADD, f->ours, &hangup) < 0 ? -errno : rc;
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
    rc = fstat(*theirs, &st) < 0 ? -errno : watch_end(f);
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

void vfio_files_sweep(struct vfio *v)
{
    struct epoll_event gone[16];
    int count;

    do {
        count = v->file_count ? epoll_wait(v->ends, gone, 16, 0) : 0;
        for (int i = 0; i < count; i++)
            vfio_file_release(gone[i].data.ptr);
    } while (count == 16);
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
