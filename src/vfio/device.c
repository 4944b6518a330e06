/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "core/query.h"
#include "vfio/internal.h"

/* Devices: opened and closed, and what their descriptors answer [vfio-device]. */

#define FEATURE_GET    0x10000u
#define FEATURE_SET    0x20000u
#define FEATURE_PROBE  0x40000u
#define FEATURE_FLAGS  0x7ffffu
#define FEATURE_NUMBER 0xffffu
#define FEATURE_OF_PCI 12u

#define ATTACH_PASID 1u

static struct vfio_device *device_new(struct vfio *v, uint32_t group, const struct uuid *uuid)
{
    struct vfio_device *d = xcalloc(1, sizeof *d);

    d->group = group;
    d->uuid = *uuid;
    for (unsigned i = 0; i < VFIO_IRQS; i++)
        d->irqs[i].fd = -1;
    LIST_INSERT_HEAD(&v->devices, d, link);
    return d;
}

struct vfio_device *vfio_device_get(struct vfio *v, uint32_t group)
{
    struct vfio_device *d;
    struct uuid uuid;
    bool removing;

    LIST_FOREACH (d, &v->devices, link)
        if (d->group == group && !d->gone)
            return d;
    if (core_group_mdev(v->door->core, group, &uuid, &removing) < 0)
        return NULL;
    return device_new(v, group, &uuid);
}

bool vfio_device_removed(const struct vfio *v, const struct vfio_device *d)
{
    struct uuid uuid;
    bool removing;

    return d->gone || core_group_mdev(v->door->core, d->group, &uuid, &removing) < 0 || removing;
}

/* What stays is what a new device of that number would have, too. */
static void discard_unused(struct vfio_device *d)
{
    if (d->files || !d->gone)
        return;
    LIST_REMOVE(d, link);
    for (unsigned i = 0; i < VFIO_IRQS; i++)
        eventfd_close(&d->irqs[i]);
    free(d);
}

void vfio_device_name(struct vfio_device *d, struct vfio_file *f)
{
    f->of = d;
    d->files++;
}

void vfio_device_unname(struct vfio *v, struct vfio_file *f)
{
    f->of->files--;
    discard_unused(f->of);
    f->of = NULL;
}

static int execute(struct vfio *v, struct command *cmd, int64_t *value)
{
    struct reply reply = {0};
    int rc;

    v->door->execute(v->door, cmd, &reply);
    rc = reply.result;
    if (value)
        *value = reply.value;
    reply_done(&reply);
    return rc;
}

/* "qemu-system-s39-4711": a guest's name has letters, digits and a few signs. */
static void guest_name(pid_t process, char out[CORE_GUEST_NAME])
{
    char path[64], name[20] = "";
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)process);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, name, sizeof name - 1);
    if (fd >= 0)
        close(fd);
    name[n < 0 ? 0 : n] = '\0';
    name[strcspn(name, "\n")] = '\0';
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            *c = '_';
    snprintf(out, CORE_GUEST_NAME, "%s%s-%d", strchr("-.", *name) ? "process" : "", name,
             (int)process);
}

static int attach(struct vfio *v, struct vfio_device *d, const struct vfio_caller *c)
{
    pid_t process = caller_process(c->thread);
    char name[CORE_GUEST_NAME];
    struct command cmd = {
        .kind = CMD_VFIO_OPEN,
        .guest = {.name = name, .process = (uint32_t)process, .has_mdev = true, .mdev = d->uuid}};
    int64_t guest;
    int rc;

    guest_name(process, name);
    rc = execute(v, &cmd, &guest);
    if (rc < 0)
        return rc;
    d->process = (uint32_t)process;
    d->guest = (uint32_t)guest;
    d->opened = 1;
    /* An eventfd of the last user learns that the guest has got its matrix. */
    eventfd_signal(v, &d->irqs[VFIO_IRQ_CONFIG], process);
    return 0;
}

static int access_begin(struct vfio_device *d, struct iommufd *iommufd)
{
    d->access.id = iommufd_bind(iommufd);
    if (!d->access.id)
        return -ENOMEM;
    d->access.iommufd = iommufd;
    iommufd->users++;
    return 0;
}

void vfio_access_end(struct vfio_device *d)
{
    struct iommufd *iommufd = d->access.iommufd;

    if (!iommufd)
        return;
    iommufd_detach(iommufd, d->access.ioas);
    iommufd_unbind(iommufd, d->access.id);
    d->access = (struct vfio_access){0};
    if (--iommufd->users == 0)
        iommufd_put(iommufd);
}

bool vfio_group_held(const struct vfio_device *d)
{
    return d->opened && !d->access.iommufd;
}

/* Who has the group may have any number of descriptors of the device. */
int vfio_device_open(struct vfio *v, struct vfio_device *d, const struct vfio_caller *c,
                     struct iommufd *iommufd)
{
    int rc;

    if (vfio_device_removed(v, d))
        return -ENODEV;
    if (d->opened) {
        d->opened++;
        return 0;
    }
    rc = attach(v, d, c);
    if (rc == 0 && iommufd)
        rc = access_begin(d, iommufd);
    if (rc < 0 && d->opened)
        vfio_device_close(v, d);
    return rc;
}

void vfio_group_unset(struct vfio_device *d)
{
    if (d->container) {
        container_leave(d->container);
        container_put(d->container);
    }
    if (d->iommufd && --d->iommufd->users == 0)
        iommufd_put(d->iommufd);
    d->container = NULL;
    d->iommufd = NULL;
}

void vfio_device_close(struct vfio *v, struct vfio_device *d)
{
    struct command cmd = {.kind = CMD_VFIO_CLOSE,
                          .guest = {.process = d->process, .has_mdev = true, .mdev = d->uuid}};

    if (--d->opened)
        return;
    vfio_access_end(d);
    d->by_cdev = false;
    if (!d->group_open)
        vfio_group_unset(d);
    /* One that is gone has no guest, and another of its UUID may be the same process's by now. */
    if (!d->gone)
        execute(v, &cmd, NULL);
}

static struct vfio_answer get_info(const struct vfio_args *a)
{
    struct vfio_device_info info;

    if (!vfio_abi_struct(a, &info, sizeof info))
        return vfio_result(-EFAULT);
    if (info.argsz < sizeof info)
        return vfio_result(-EINVAL);
    info.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_AP;
    info.regions = 0;
    info.irqs = VFIO_IRQS;
    return vfio_give(&info, sizeof info);
}

static struct vfio_answer get_irq_info(const struct vfio_args *a)
{
    struct vfio_irq_info info;

    if (!vfio_abi_struct(a, &info, sizeof info))
        return vfio_result(-EFAULT);
    if (info.argsz < sizeof info || info.index >= VFIO_IRQS)
        return vfio_result(-EINVAL);
    info.flags = VFIO_IRQ_EVENTFD;
    info.count = 1;
    return vfio_give(&info, sizeof info);
}

static struct vfio_answer set_irqs(struct vfio_call *c, struct vfio_device *d)
{
    struct vfio_irq_set set = {0};

    if (!vfio_abi_struct(&c->args, &set, VFIO_IRQ_SET_HEADER))
        return vfio_result(-EFAULT);
    if (!vfio_irq_set_valid(&set))
        return vfio_result(-EINVAL);
    if (!vfio_abi_struct(&c->args, &set, sizeof set))
        return vfio_result(-EFAULT);
    if (set.fd < -1)
        return vfio_result(-EINVAL);
    if (set.fd >= 0)
        return vfio_result(eventfd_take(&d->irqs[set.index], &c->caller, set.fd));
    eventfd_close(&d->irqs[set.index]);
    return vfio_result(0);
}

static struct vfio_answer reset(struct vfio *v, const struct vfio_device *d)
{
    struct command cmd = {.kind = CMD_VFIO_RESET,
                          .guest = {.process = d->process, .has_mdev = true, .mdev = d->uuid}};

    return vfio_result(execute(v, &cmd, NULL));
}

/* There is none, but who asks badly hears that first. */
static struct vfio_answer feature(const struct vfio_args *a)
{
    struct vfio_feature f;
    bool both;

    if (!vfio_abi_struct(a, &f, sizeof f))
        return vfio_result(-EFAULT);
    both = f.flags & FEATURE_GET && f.flags & FEATURE_SET && !(f.flags & FEATURE_PROBE);
    if (f.argsz < sizeof f || f.flags & ~FEATURE_FLAGS || both ||
        (f.flags & FEATURE_NUMBER) == FEATURE_OF_PCI)
        return vfio_result(-EINVAL);
    return vfio_result(-ENOTTY);
}

static struct vfio_answer attach_pt(struct vfio_device *d, const struct vfio_args *a)
{
    struct vfio_attach at;
    int rc;

    if (!vfio_abi_struct(a, &at, sizeof at))
        return vfio_result(-EFAULT);
    if (at.argsz < sizeof at || at.flags & ~ATTACH_PASID)
        return vfio_result(-EINVAL);
    if (at.flags)
        return vfio_result(-EOPNOTSUPP);
    rc = iommufd_attach(d->access.iommufd, d->access.ioas, at.pt_id);
    if (rc == 0)
        d->access.ioas = at.pt_id;
    return vfio_result(rc);
}

static struct vfio_answer detach_pt(struct vfio_device *d, const struct vfio_args *a)
{
    struct vfio_feature at; /* argsz and flags as well */

    if (!vfio_abi_struct(a, &at, sizeof at))
        return vfio_result(-EFAULT);
    if (at.argsz < sizeof at || at.flags & ~ATTACH_PASID)
        return vfio_result(-EINVAL);
    if (at.flags)
        return vfio_result(-EOPNOTSUPP);
    iommufd_detach(d->access.iommufd, d->access.ioas);
    d->access.ioas = 0;
    return vfio_result(0);
}

/* It is bound, or came by its group. */
static struct vfio_answer bind_again(const struct vfio_args *a)
{
    struct vfio_bind bind;
    int rc = vfio_abi_bind(a, &bind);

    return vfio_result(rc < 0 ? rc : -EINVAL);
}

struct vfio_answer vfio_device_ioctl(struct vfio_call *c, struct vfio_file *f)
{
    const struct vfio_args *a = &c->args;

    switch (a->number) {
    case VFIO_DEVICE_GET_INFO:
        return get_info(a);
    case VFIO_DEVICE_GET_REGION_INFO:
        return vfio_result(-EINVAL);
    case VFIO_DEVICE_GET_IRQ_INFO:
        return get_irq_info(a);
    case VFIO_DEVICE_SET_IRQS:
        return set_irqs(c, f->of);
    case VFIO_DEVICE_RESET:
        return reset(c->v, f->of);
    case VFIO_DEVICE_FEATURE:
        return feature(a);
    case VFIO_DEVICE_BIND_IOMMUFD:
        return bind_again(a);
    case VFIO_DEVICE_ATTACH_PT:
        return f->of->by_cdev ? attach_pt(f->of, a) : vfio_result(-EOPNOTSUPP);
    case VFIO_DEVICE_DETACH_PT:
        return f->of->by_cdev ? detach_pt(f->of, a) : vfio_result(-EOPNOTSUPP);
    default:
        return vfio_result(-EOPNOTSUPP);
    }
}

#define NO_GUEST UINT32_MAX

static struct vfio_device *device_of_guest(struct vfio *v, uint32_t guest)
{
    struct vfio_device *d;

    LIST_FOREACH (d, &v->devices, link)
        if (d->opened && d->guest == guest)
            return d;
    return NULL;
}

static void notify(struct vfio *v, const struct effect *e)
{
    struct vfio_device *d = device_of_guest(v, e->id);
    enum vfio_irq irq = e->value == NEWS_CONFIG ? VFIO_IRQ_CONFIG : VFIO_IRQ_REQUEST;

    if (d && e->value != NEWS_REPLY)
        eventfd_signal(v, &d->irqs[irq], (pid_t)d->process);
}

static void removed(struct vfio *v, uint32_t group)
{
    struct vfio_device *d;

    LIST_FOREACH (d, &v->devices, link)
        if (d->group == group && !d->gone) {
            d->gone = true;
            discard_unused(d);
            return;
        }
}

/* The number may be another guest's next. */
static void left(struct vfio *v, uint32_t guest)
{
    struct vfio_device *d = device_of_guest(v, guest);

    if (d)
        d->guest = NO_GUEST;
}

void vfio_effects(struct vfio *v, const struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->v[i];

        if (e->kind == EFFECT_GUEST_NOTIFY)
            notify(v, e);
        else if (e->kind == EFFECT_GUEST_STOPPED || e->kind == EFFECT_GUEST_DETACHED)
            left(v, e->id);
        else if (e->kind == EFFECT_VFIO_NODES && e->value == VFIO_NODES_NONE)
            removed(v, e->id);
    }
}
