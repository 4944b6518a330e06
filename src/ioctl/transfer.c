/* SPDX-License-Identifier: MIT */
#include "ioctl/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "ioctl/caller.h"

static struct transfer *transfer_of(struct copy *copy)
{
    return (struct transfer *)((char *)copy - offsetof(struct transfer, copy));
}

/* The duplicate is valid as long as the thread uses it. Callers that still wait for a thread have
 * none, because there may be more callers than descriptors. */
static void on_begin(struct copy *copy)
{
    struct transfer *t = transfer_of(copy);

    t->copy_line = fcntl(t->line, F_DUPFD_CLOEXEC, 0);
}

static void on_work(struct copy *copy)
{
    struct transfer *t = transfer_of(copy);

    if (!atomic_load(&t->abandoned))
        t->result = t->copy_line < 0 ? -ENOMEM : t->work(t, t->copy_line);
}

static void on_done(struct copy *copy)
{
    struct transfer *t = transfer_of(copy);

    if (copy->given_up && t->trusted)
        on_work(copy);
    else if (copy->given_up)
        t->result = -ENOMEM;
    if (t->copy_line >= 0)
        close(t->copy_line);
    t->busy = false;
    t->done(t, t->result);
}

bool transfer_start(struct copier *c, struct transfer *t)
{
    t->copy_line = -1;
    t->busy = true;
    t->copy.uid = t->uid;
    t->copy.process = caller_process(t->thread);
    t->copy.begin = on_begin;
    t->copy.work = on_work;
    t->copy.done = on_done;
    t->copy.trusted = t->trusted;
    if (copier_submit(c, &t->copy))
        return true;
    on_begin(&t->copy);
    on_work(&t->copy);
    on_done(&t->copy);
    return false;
}

bool transfer_stop(struct copier *c, struct transfer *t)
{
    if (!copier_cancel(c, &t->copy)) {
        atomic_store(&t->abandoned, true);
        return false;
    }
    t->busy = false;
    return true;
}
