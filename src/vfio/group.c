/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vfio/internal.h"

/* What the descriptor of a group answers [vfio-group]. */

#define BIT(kind) (1u << (kind))

static bool has_container(const struct vfio_device *d)
{
    return d->container || d->iommufd;
}

static struct vfio_answer get_status(struct vfio_call *c, const struct vfio_device *d)
{
    struct vfio_group_status status;

    if (!vfio_abi_struct(&c->args, &status, sizeof status))
        return vfio_result(-EFAULT);
    if (status.argsz < sizeof status)
        return vfio_result(-EINVAL);
    if (d->gone)
        return vfio_result(-ENODEV);
    status.flags = VFIO_GROUP_VIABLE | (has_container(d) ? VFIO_GROUP_CONTAINER : 0);
    return vfio_give(&status, sizeof status);
}

static struct vfio_answer set_container(struct vfio_call *c, struct vfio_device *d)
{
    struct vfio_file *f;
    int32_t fd;
    int rc;

    if (!vfio_abi_struct(&c->args, &fd, sizeof fd))
        return vfio_result(-EFAULT);
    rc = vfio_other_file(c, fd, BIT(VFIO_CONTAINER) | BIT(VFIO_IOMMUFD), &f);
    if (rc == -EBADF)
        return vfio_result(rc);
    if (has_container(d))
        return vfio_result(-EINVAL);
    if (d->gone)
        return vfio_result(-ENODEV);
    if (rc < 0)
        return vfio_result(rc);
    if (f->kind == VFIO_CONTAINER) {
        d->container = f->container;
        container_join(f->container);
        return vfio_result(0);
    }
    rc = iommufd_use_as_container(f->iommufd);
    if (rc == 0) {
        d->iommufd = f->iommufd;
        d->iommufd->users++;
    }
    return vfio_result(rc);
}

static struct vfio_answer unset_container(struct vfio_device *d)
{
    if (!has_container(d))
        return vfio_result(-EINVAL);
    if (d->container && vfio_group_held(d))
        return vfio_result(-EBUSY);
    vfio_group_unset(d);
    return vfio_result(0);
}

/* The name is the UUID as sysfs shows it. */
static int check_name(const struct vfio_args *a, const struct vfio_device *d)
{
    char uuid[UUID_TEXT];
    const char *name;
    int rc = vfio_abi_name(a, &name);

    if (rc < 0)
        return rc;
    uuid_format(&d->uuid, uuid);
    if (d->gone || strcmp(name, uuid) != 0)
        return -ENODEV;
    return d->iommufd || (d->container && d->container->type) ? 0 : -EINVAL;
}

/* An iommufd in place of a container has an IOAS, which the device is attached to. */
static int attach_compat(struct vfio *v, struct vfio_device *d)
{
    struct iommufd *iommufd = d->access.iommufd;
    int rc = iommufd ? iommufd_attach_compat(iommufd, &d->access.ioas) : 0;

    if (rc < 0)
        vfio_device_close(v, d);
    return rc;
}

static int open_device(struct vfio_call *c, struct vfio_device *d)
{
    int rc = vfio_device_open(c->v, d, &c->caller, d->iommufd);

    return rc == 0 && d->opened == 1 ? attach_compat(c->v, d) : rc;
}

/* The descriptor is the answer. */
static struct vfio_answer get_device_fd(struct vfio_call *c, struct vfio_device *d)
{
    struct vfio_file *f;
    int theirs, rc = check_name(&c->args, d);

    if (rc == 0)
        rc = vfio_file_new(c->v, VFIO_DEVICE, &f, &theirs);
    if (rc < 0)
        return vfio_result(rc);
    vfio_device_name(d, f);
    rc = open_device(c, d);
    if (rc < 0) {
        f->kind = VFIO_KINDS; /* nothing has been opened by it */
        vfio_file_release(f);
        close(theirs);
        return vfio_result(rc);
    }
    rc = c->v->way.give(c->v->way.data, &c->caller, theirs, -1);
    close(theirs);
    if (rc < 0) {
        vfio_file_release(f);
        return vfio_result(rc);
    }
    c->answered = true;
    return vfio_result(0);
}

struct vfio_answer vfio_group_ioctl(struct vfio_call *c, struct vfio_file *f)
{
    switch (c->args.number) {
    case VFIO_GROUP_GET_STATUS:
        return get_status(c, f->of);
    case VFIO_GROUP_SET_CONTAINER:
        return set_container(c, f->of);
    case VFIO_GROUP_UNSET_CONTAINER:
        return unset_container(f->of);
    case VFIO_GROUP_GET_DEVICE_FD:
        return get_device_fd(c, f->of);
    default:
        return vfio_result(-ENOTTY);
    }
}
