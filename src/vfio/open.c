/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "base/text.h"
#include "vfio/internal.h"

/* From a node that a program has opened to a descriptor of ours [vfio-descriptors]. */

/* What a descriptor stands for from its first ioctl on. d: the device of a group. */
static void equip(struct vfio_file *f, struct vfio_device *d)
{
    if (f->kind == VFIO_CONTAINER) {
        f->container = xcalloc(1, sizeof *f->container);
        f->container->users = 1;
    } else if (f->kind == VFIO_IOMMUFD) {
        f->iommufd = xcalloc(1, sizeof *f->iommufd);
        f->iommufd->users = 1;
    } else if (d) {
        vfio_device_name(d, f);
        d->group_open = true;
    }
}

static bool group_is_open(const struct vfio_device *d)
{
    return d->group_open || vfio_group_held(d);
}

static struct vfio_file *replace(struct vfio_call *c, const struct vfio_target *node, int fd,
                                 int *rc)
{
    struct vfio_device *d = NULL;
    struct vfio_file *f;
    int theirs;

    *rc = 0;
    if (node->kind == VFIO_GROUP) {
        d = vfio_device_get(c->v, node->group);
        /* A group is opened once, and not while its device is open by the cdev. */
        *rc = !d ? -ENODEV : group_is_open(d) || d->by_cdev ? -EBUSY : 0;
    }
    if (*rc == 0)
        *rc = vfio_file_new(c->v, node->kind, &f, &theirs);
    if (*rc < 0)
        return NULL;
    equip(f, d);
    *rc = c->v->way.give(c->v->way.data, &c->caller, theirs, fd);
    close(theirs);
    if (*rc == 0)
        return f;
    vfio_file_release(f);
    return NULL;
}

/* Memory may have been read for a while: the descriptor is another one now, or none. */
static struct vfio_file *find(struct vfio_call *c, const struct vfio_target *t, int fd, int *rc)
{
    struct vfio_file *f;

    if (t->node)
        return replace(c, t, fd, rc);
    f = vfio_file_find(c->v, t->device, t->ino);
    *rc = f ? 0 : -EBADF;
    return f;
}

struct vfio_file *vfio_call_file(struct vfio_call *c, int *rc)
{
    struct vfio_target now;

    /* Another thread may have made the first ioctl meanwhile. */
    if (c->target.node && c->v->way.look(c->v->way.data, &c->caller, c->caller.fd, &now) == 0 &&
        now.known)
        c->target = now;
    return find(c, &c->target, c->caller.fd, rc);
}

int vfio_other_file(struct vfio_call *c, int fd, unsigned kinds, struct vfio_file **out)
{
    struct vfio_target target;
    int rc = fd < 0 ? -EBADF : c->v->way.look(c->v->way.data, &c->caller, fd, &target);

    if (rc < 0)
        return rc;
    if (!target.known || !(kinds & 1u << target.kind))
        return -EBADFD;
    *out = find(c, &target, fd, &rc);
    return rc;
}

bool vfio_has_file(const struct vfio_call *c, int fd)
{
    struct vfio_target target;

    return fd >= 0 && c->v->way.look(c->v->way.data, &c->caller, fd, &target) != -EBADF;
}

static int check_bind(struct vfio_call *c, struct vfio_bind *bind, struct vfio_device **d)
{
    int rc = vfio_abi_bind(&c->args, bind);

    if (rc < 0)
        return rc;
    if (bind->flags & ~VFIO_BIND_TOKEN || bind->iommufd < 0)
        return -EINVAL;
    *d = vfio_device_get(c->v, c->target.group);
    if (*d && group_is_open(*d))
        return -EBUSY;
    return bind->flags ? -EINVAL : 0;
}

/* Opens the device by a descriptor of ours in place of the cdev's. */
static int bind_device(struct vfio_call *c, struct vfio_device *d, struct iommufd *iommufd,
                       uint32_t *devid)
{
    struct vfio_file *f;
    int theirs, rc = vfio_file_new(c->v, VFIO_DEVICE, &f, &theirs);

    if (rc < 0)
        return rc;
    vfio_device_name(d, f);
    rc = vfio_device_open(c->v, d, &c->caller, iommufd);
    if (rc < 0)
        f->kind = VFIO_KINDS; /* nothing has been opened by it */
    d->by_cdev = rc == 0;
    *devid = d->access.id;
    if (rc == 0)
        rc = c->v->way.give(c->v->way.data, &c->caller, theirs, c->caller.fd);
    close(theirs);
    if (rc < 0)
        vfio_file_release(f);
    return rc;
}

static struct vfio_answer bind_iommufd(struct vfio_call *c)
{
    struct vfio_bind bind;
    struct vfio_device *d;
    struct vfio_file *iommu;
    int rc = check_bind(c, &bind, &d);

    if (rc == 0)
        rc = vfio_other_file(c, bind.iommufd, 1u << VFIO_IOMMUFD, &iommu);
    /* Only the group gives more than one descriptor of a device. */
    if (rc == 0 && (!d || vfio_device_removed(c->v, d) || d->opened))
        rc = -EINVAL;
    if (rc == 0)
        rc = bind_device(c, d, iommu->iommufd, &bind.devid);
    return rc < 0 ? vfio_result(rc) : vfio_give(&bind, sizeof bind);
}

struct vfio_answer vfio_cdev_ioctl(struct vfio_call *c)
{
    return c->args.number == VFIO_DEVICE_BIND_IOMMUFD ? bind_iommufd(c) : vfio_result(-EINVAL);
}
