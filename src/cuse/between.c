/* SPDX-License-Identifier: MIT */
/* Calls between two rounds. */
#include "cuse/internal.h"

static struct cuse_calls *bucket_of(struct cuse *c, const struct cuse_file *file, size_t name)
{
    return &c->buckets[((uintptr_t)file / sizeof *file + name) % BETWEEN_BUCKETS];
}

static struct cuse_call *find(struct cuse *c, const struct cuse_file *file, size_t name)
{
    struct cuse_call *call;

    LIST_FOREACH (call, bucket_of(c, file, name), bucket)
        if (call->file == file && call->round.out_len == name)
            return call;
    return NULL;
}

static size_t *cost_of(struct cuse *c, const struct cuse_call *call)
{
    return &c->cost_of[call->call.uid % BETWEEN_USERS];
}

static void take_out(struct cuse *c, struct cuse_call *call)
{
    LIST_REMOVE(call, bucket);
    TAILQ_REMOVE(&c->between, call, age);
    c->between_cost -= call->cost;
    *cost_of(c, call) -= call->cost;
}

struct cuse_call *between_take(struct cuse *c, const struct cuse_file *file, size_t name)
{
    struct cuse_call *call = find(c, file, name);

    if (call)
        take_out(c, call);
    return call;
}

void between_drop(struct cuse *c, struct cuse_call *call)
{
    take_out(c, call);
    LIST_REMOVE(call, link);
    ioctl_call_drop(&call->call);
}

/* Of the user who has left most: it must not be at the cost of others. */
static struct cuse_call *oldest(struct cuse *c)
{
    const size_t *most = c->cost_of;
    struct cuse_call *call;

    for (unsigned i = 1; i < BETWEEN_USERS; i++)
        if (c->cost_of[i] > *most)
            most = &c->cost_of[i];
    TAILQ_FOREACH (call, &c->between, age)
        if (cost_of(c, call) == most)
            break;
    return call;
}

static void make_space(struct cuse *c, const struct cuse_call *call)
{
    while (c->between_cost + call->cost > BETWEEN_BYTES && !TAILQ_EMPTY(&c->between))
        between_drop(c, oldest(c));
}

bool between_add(struct cuse *c, struct cuse_call *call)
{
    struct cuse_file *f = call->file;
    size_t room = call->round.out_len;

    call->cost = sizeof *call + (call->call.data ? call->call.data_len : 0);
    make_space(c, call);
    for (unsigned i = 0; i < ROUND_NAMES; i++) {
        size_t name = room + 1 + f->last_name++ % ROUND_NAMES;

        if (find(c, f, name))
            continue;
        if (!round_name(&call->round, name, call->call.address))
            return false;
        LIST_INSERT_HEAD(bucket_of(c, f, name), call, bucket);
        TAILQ_INSERT_TAIL(&c->between, call, age);
        c->between_cost += call->cost;
        *cost_of(c, call) += call->cost;
        return true;
    }
    return false;
}
