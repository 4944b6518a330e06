/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio_ap/internal.h"

/* The table of mediated devices: slots, a hash by UUID, and the list of devices with deferred
 * work. */

struct mdev *mdev_at(const struct vfio_ap *v, uint32_t slot)
{
    return slots_at(&v->mdevs, slot);
}

bool mdev_is_bound(void *ctx, uint32_t slot)
{
    return !mdev_at(ctx, slot)->unbound;
}

bool mdev_is_there(void *ctx, uint32_t slot)
{
    return !mdev_at(ctx, slot)->removing;
}

struct mdev *mdev_owner(const struct vfio_ap *v, ap_qn qn)
{
    return v->owner[qn] == MDEV_NONE ? NULL : mdev_at(v, v->owner[qn]);
}

static uint32_t *bucket_of(const struct vfio_ap *v, const struct uuid *uuid)
{
    return &v->buckets[uuid_hash(uuid) & (v->bucket_count - 1)];
}

struct mdev *vfio_ap_find(const struct vfio_ap *v, const struct uuid *uuid)
{
    if (!v->bucket_count)
        return NULL;
    for (struct mdev *m = mdev_at(v, *bucket_of(v, uuid)); m; m = mdev_at(v, m->next_in_bucket))
        if (uuid_equal(&m->uuid, uuid))
            return m;
    return NULL;
}

static void bucket_insert(struct vfio_ap *v, struct mdev *m)
{
    uint32_t *bucket = bucket_of(v, &m->uuid);

    m->next_in_bucket = *bucket;
    *bucket = m->slot;
}

static void bucket_remove(struct vfio_ap *v, struct mdev *m)
{
    uint32_t *link = bucket_of(v, &m->uuid);

    while (*link != m->slot)
        link = &mdev_at(v, *link)->next_in_bucket;
    *link = m->next_in_bucket;
}

static void buckets_grow(struct vfio_ap *v)
{
    struct mdev *m;

    if (v->mdevs.count < v->bucket_count)
        return;
    v->bucket_count = v->bucket_count ? v->bucket_count * 2 : 16;
    v->buckets = xrealloc(v->buckets, v->bucket_count * sizeof *v->buckets);
    memset(v->buckets, 0xff, v->bucket_count * sizeof *v->buckets);
    slots_foreach (&v->mdevs, m)
        bucket_insert(v, m);
}

void mdev_enter(struct vfio_ap *v, struct mdev *m)
{
    buckets_grow(v);
    m->id = slots_add(&v->mdevs, m);
    m->slot = (uint32_t)m->id;
    bucket_insert(v, m);
}

void mdev_enter_at(struct vfio_ap *v, struct mdev *m, uint32_t slot)
{
    buckets_grow(v);
    m->id = slots_add_at(&v->mdevs, slot, m);
    m->slot = slot;
    bucket_insert(v, m);
}

/* A device that is destroyed must not stay on the list of deferred work. */
static void unmark(struct vfio_ap *v, struct mdev *m)
{
    uint32_t *link = &v->pending;

    if (!m->pending)
        return;
    while (*link != m->slot)
        link = &mdev_at(v, *link)->next_pending;
    *link = m->next_pending;
}

void mdev_leave(struct vfio_ap *v, struct mdev *m)
{
    unmark(v, m);
    bucket_remove(v, m);
    slots_remove(&v->mdevs, m->id);
}

void mdev_mark(struct vfio_ap *v, struct mdev *m)
{
    if (m->pending)
        return;
    m->next_pending = v->pending;
    v->pending = m->slot;
    m->pending = true;
}

int mdev_refuse(const struct mdev *m, const char *file, int err, const char *why,
                struct effects *fx)
{
    char uuid[UUID_TEXT];

    uuid_format(&m->uuid, uuid);
    return effects_refuse_at(fx, err, why, "%s: %s", uuid, file);
}
