/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "vfio/internal.h"

/*
 * The conversation with a program in an ioctl:
 *
 *   READING: the argument's memory -> execute, on the event loop -> WRITING -> answered
 *
 * Memory is copied at once where that cannot take time, else by the copier, so that no caller
 * holds up another one.
 */

static struct caller caller_of(const struct vfio_call *c, int line)
{
    return (struct caller){
        c->caller.thread, c->v->way.waits, line, c->caller.id, !caller_trusted(c->caller.uid),
        c->caller.line};
}

static bool resident(struct vfio_call *c, const struct caller_piece *pieces, unsigned count)
{
    return caller_resident(c->v->seen, c->caller.thread, ++c->v->serial, pieces, count);
}

/* quick: -EAGAIN instead of waiting. Memory that cannot be read is what the answer is about. */
static int call_read(struct vfio_call *c, int line, bool quick)
{
    const struct caller caller = caller_of(c, line);
    uint8_t bytes[VFIO_PAGE];
    struct vfio_piece next;
    int rc = 0;

    while (rc == 0 && vfio_abi_wants(&c->args, &next)) {
        struct caller_piece piece = {next.address, next.len, bytes};

        if (quick && !resident(c, &piece, 1))
            return -EAGAIN;
        rc = caller_read(&caller, &piece, 1);
        if (rc == 0)
            vfio_abi_take(&c->args, &next, bytes);
        c->args.fault = rc == -EFAULT;
        rc = rc == -EFAULT ? 0 : rc;
    }
    return rc;
}

static int call_write(struct vfio_call *c, int line, bool quick)
{
    const struct caller caller = caller_of(c, line);
    struct caller_piece pieces[2];
    unsigned count = 0;

    if (c->answer.has_other)
        pieces[count++] =
            (struct caller_piece){c->answer.other_address, sizeof c->answer.other, c->answer.other};
    if (c->answer.len)
        pieces[count++] = (struct caller_piece){c->args.argument, c->answer.len, c->answer.bytes};
    if (quick && !resident(c, pieces, count))
        return -EAGAIN;
    return caller_write(&caller, pieces, count);
}

static void call_finish(struct vfio_call *c, int64_t result)
{
    LIST_REMOVE(c, link);
    if (!c->answered)
        c->v->way.answer(c->v->way.data, &c->caller, result);
    free(c);
}

static void call_transfer(struct vfio_call *c);

static void call_reply(struct vfio_call *c)
{
    bool writes = c->answer.len || c->answer.has_other;
    int rc = writes ? -EAGAIN : 0;

    if (writes && caller_trusted(c->caller.uid))
        rc = call_write(c, c->caller.line, true);
    c->writing = true;
    if (rc == -EAGAIN)
        call_transfer(c);
    else
        call_finish(c, rc < 0 ? rc : c->answer.result);
}

static void look_for_file(struct vfio_call *c)
{
    struct iommu_map map;

    if (c->args.number == IOMMU_IOAS_MAP_FILE && vfio_abi_struct(&c->args, &map, sizeof map))
        c->args.no_file = !vfio_has_file(c, map.fd);
}

static struct vfio_answer call_execute(struct vfio_call *c)
{
    struct vfio_file *f;
    int rc;

    vfio_files_sweep(c->v);
    if (c->target.node && c->target.kind == VFIO_CDEV)
        return vfio_cdev_ioctl(c);
    f = vfio_call_file(c, &rc);
    if (!f)
        return vfio_result(rc);
    switch (f->kind) {
    case VFIO_CONTAINER:
        return container_ioctl(f->container, &c->args);
    case VFIO_IOMMUFD:
        look_for_file(c);
        return iommufd_ioctl(f->iommufd, &c->args);
    case VFIO_GROUP:
        return vfio_group_ioctl(c, f);
    default:
        return vfio_device_ioctl(c, f);
    }
}

static void call_run(struct vfio_call *c)
{
    c->answer = call_execute(c);
    call_reply(c);
}

static int transfer_work(struct transfer *t, int line)
{
    struct vfio_call *c = (struct vfio_call *)t;

    return c->writing ? call_write(c, line, false) : call_read(c, line, false);
}

/* Who has died in its ioctl gets nothing done. */
static void transfer_done(struct transfer *t, int result)
{
    struct vfio_call *c = (struct vfio_call *)t;

    if (atomic_load(&t->abandoned)) {
        free(c); /* it is answered: the daemon is about to end */
        return;
    }
    if (result < 0 || !c->v->way.waits(c->caller.line, c->caller.id))
        call_finish(c, result < 0 ? result : -EINTR);
    else if (c->writing)
        call_finish(c, c->answer.result);
    else
        call_run(c);
}

static void call_transfer(struct vfio_call *c)
{
    c->transfer.thread = c->caller.thread;
    c->transfer.uid = c->caller.uid;
    c->transfer.trusted = caller_trusted(c->caller.uid);
    c->transfer.line = c->caller.line;
    c->transfer.work = transfer_work;
    c->transfer.done = transfer_done;
    transfer_start(c->v->copier, &c->transfer);
}

void vfio_ioctl(struct vfio *v, const struct vfio_caller *caller, const struct vfio_target *target,
                uint32_t number, uint64_t argument)
{
    struct vfio_call *c = xcalloc(1, sizeof *c);
    int rc = -EAGAIN;

    c->v = v;
    c->caller = *caller;
    c->target = *target;
    c->args.kind = target->kind;
    c->args.number = number;
    c->args.argument = argument;
    LIST_INSERT_HEAD(&v->calls, c, link);
    if (caller_trusted(c->caller.uid))
        rc = call_read(c, caller->line, true);
    if (rc == -EAGAIN)
        call_transfer(c);
    else if (rc < 0)
        call_finish(c, rc);
    else
        call_run(c);
}

bool vfio_find(const struct vfio *v, uint64_t device, uint64_t ino, struct vfio_target *out)
{
    const struct vfio_file *f = vfio_file_find(v, device, ino);

    if (f)
        *out = (struct vfio_target){.known = true, .kind = f->kind, .device = device, .ino = ino};
    return f;
}

struct vfio *vfio_new(struct door *door, sd_event *event, struct copier *copier,
                      const struct vfio_way *way)
{
    struct vfio *v = xcalloc(1, sizeof *v);

    v->door = door;
    v->event = event;
    v->copier = copier;
    v->way = *way;
    v->ends = -1;
    return v;
}

void vfio_free(struct vfio *v)
{
    if (!v)
        return;
    for (struct vfio_call *c = LIST_FIRST(&v->calls); c; c = LIST_FIRST(&v->calls)) {
        LIST_REMOVE(c, link);
        if (!c->answered)
            v->way.answer(v->way.data, &c->caller, -ENODEV);
        if (transfer_stop(v->copier, &c->transfer))
            free(c); /* while a thread is at work on it, transfer_done does that */
    }
    while (!LIST_EMPTY(&v->files))
        vfio_file_drop(LIST_FIRST(&v->files));
    sd_event_source_disable_unref(v->closed);
    if (v->ends >= 0)
        close(v->ends);
    while (!LIST_EMPTY(&v->devices)) {
        struct vfio_device *d = LIST_FIRST(&v->devices);

        LIST_REMOVE(d, link);
        for (unsigned i = 0; i < VFIO_IRQS; i++)
            eventfd_close(&d->irqs[i]);
        free(d);
    }
    free(v);
}
