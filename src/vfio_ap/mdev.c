/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vfio_ap/internal.h"

/*
 * The life of a mediated device. Removal [matrix-remove]:
 *
 *   write to remove, no guest uses it --------------------------> DESTROYED
 *
 *   write to remove, a guest uses it
 *     +-- !remove_waits, or a writer that cannot wait: -EBUSY, nothing changes
 *     +-- else REMOVING: the guest's APCB is cleared; the guest is asked to release the device,
 *           |            now and every 10 seconds (TIMER_ASK)
 *           +-- another write to remove: -ENODEV; attach: -EBUSY
 *           +-- the writer is interrupted: the removal goes on, no reply (vfio_ap_cancel)
 *           +-- the guest detaches or stops -----------------------> DESTROYED, write returns 0
 */

#define ASK_INTERVAL_NS UINT64_C(10000000000)

/* A group's device node is announced with numbers as the kernel assigns them. */
static void announce_group(const struct mdev *m, const char *action, struct effects *fx)
{
    char path[64], minor[24], name[32];

    snprintf(path, sizeof path, "devices/virtual/vfio/%u", m->slot);
    snprintf(minor, sizeof minor, "MINOR=%u", m->slot);
    snprintf(name, sizeof name, "DEVNAME=vfio/%u", m->slot);
    effects_uevent(fx, action, path, "vfio", "MAJOR=254", minor, name, NULL);
}

/* The uevents of the device and its children, in the order of the kernel. */
static void announce(const struct mdev *m, bool added, struct effects *fx)
{
    char uuid[UUID_TEXT], device[96], vfio_dev[160];

    if (!fx->want_uevents)
        return;
    uuid_format(&m->uuid, uuid);
    snprintf(device, sizeof device, "devices/vfio_ap/matrix/%s", uuid);
    snprintf(vfio_dev, sizeof vfio_dev, "%s/vfio-dev/vfio%u", device, m->slot);
    if (added) {
        effects_uevent(fx, "add", device, "mdev", NULL);
        announce_group(m, "add", fx);
        effects_uevent(fx, "add", vfio_dev, "vfio-dev", NULL);
        effects_uevent(fx, "bind", device, "mdev", "DRIVER=vfio_ap_mdev", NULL);
    } else {
        effects_uevent(fx, "remove", vfio_dev, "vfio-dev", NULL);
        announce_group(m, "remove", fx);
        effects_uevent(fx, "unbind", device, "mdev", NULL);
        effects_uevent(fx, "remove", device, "mdev", NULL);
    }
}

static void nodes(const struct mdev *m, enum vfio_nodes which, struct effects *fx)
{
    struct effect *e = effects_add(fx, EFFECT_VFIO_NODES);

    e->id = m->slot;
    e->value = which;
}

int mdev_create(struct vfio_ap *v, const struct uuid *uuid, struct effects *fx)
{
    char name[UUID_TEXT];
    struct mdev *m;

    if (vfio_ap_find(v, uuid)) {
        uuid_format(uuid, name);
        return effects_refuse(fx, -EEXIST, "create", "mediated device %s already exists", name);
    }
    if (v->mdevs.count == MDEV_MAX)
        return effects_refuse(fx, -v->abi->instances_errno, "create", "all %u instances exist",
                              MDEV_MAX);
    m = xcalloc(1, sizeof *m);
    m->uuid = *uuid;
    mdev_enter(v, m);
    effects_changed(fx, STATE_MDEV, m->slot);
    announce(m, true, fx);
    nodes(m, VFIO_NODES_ALL, fx);
    return 0;
}

static void gone(struct vfio_ap *v, const struct mdev *m, struct effects *fx)
{
    struct sysfs_dir matrix = {SYSFS_MATRIX, 0}, groups = {SYSFS_IOMMU_GROUPS, 0};
    char name[UUID_TEXT];

    uuid_format(&m->uuid, name);
    effects_gone(fx, sysfs_dir_ino(v->tree, matrix), name);
    snprintf(name, sizeof name, "%u", m->slot);
    effects_gone(fx, sysfs_dir_ino(v->tree, groups), name);
}

void mdev_destroy(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    struct apcb nothing = {0};

    mdev_publish(v, m, nothing, fx);
    assign_commit(v, m, &nothing, fx);
    gone(v, m, fx);
    announce(m, false, fx);
    nodes(m, VFIO_NODES_NONE, fx);
    mdev_leave(v, m);
    if (m->remove_token)
        effects_reply(fx, m->remove_token, 0);
    free(m);
}

static void ask_release(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    /* The guest loses its queues at once; the device's effective masks stay until it releases the
     * device [matrix-remove]. */
    m->guest->hw.apcb = (struct apcb){0};
    m->guest->release_requests++;
    effects_add(fx, EFFECT_APCB)->id = m->guest->number;
    effects_guest_notify(fx, m->guest->number, NEWS_CONFIG);
    effects_guest_notify(fx, m->guest->number, NEWS_RELEASE);
    effects_timer(fx, TIMER_ASK, fx->now + ASK_INTERVAL_NS);
}

int mdev_remove(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    char uuid[UUID_TEXT], what[UUID_TEXT + 16];

    uuid_format(&m->uuid, uuid);
    snprintf(what, sizeof what, "%s: remove", uuid);
    if (m->removing)
        return effects_refuse(fx, -ENODEV, what, "it is already being removed");
    if (!m->guest) {
        mdev_destroy(v, m, fx);
        return 0;
    }
    if (!v->abi->remove_waits || !fx->token)
        return effects_refuse(fx, -EBUSY, what,
                              "guest %s is using it; stop or detach the guest first",
                              m->guest->name);
    effects_log(fx, LOG_LEVEL_INFO, "%s is waiting for guest %s to release it", what,
                m->guest->name);
    m->removing = true;
    nodes(m, VFIO_NODES_GROUP, fx);
    m->remove_token = fx->token;
    ask_release(v, m, fx);
    return -EINPROGRESS;
}

void vfio_ap_ask_again(struct vfio_ap *v, struct effects *fx)
{
    struct mdev *m;

    slots_foreach (&v->mdevs, m)
        if (m->removing && m->guest)
            ask_release(v, m, fx);
}

/* The writer was interrupted. As in the kernel the removal continues; only nobody waits for it any
 * more. */
void vfio_ap_cancel(struct vfio_ap *v, uint64_t token, struct effects *fx)
{
    struct mdev *m;

    slots_foreach (&v->mdevs, m)
        if (m->remove_token == token)
            m->remove_token = 0;
}

unsigned vfio_ap_count(const struct vfio_ap *v)
{
    return v->mdevs.count;
}

const struct mdev *vfio_ap_next(const struct vfio_ap *v, uint32_t *cursor)
{
    return slots_next(&v->mdevs, cursor);
}

const struct mdev *vfio_ap_owner(const struct vfio_ap *v, ap_qn qn)
{
    return mdev_owner(v, qn);
}

const struct mdev *vfio_ap_group(const struct vfio_ap *v, uint32_t group)
{
    return mdev_at(v, group);
}

bool mdev_removing(const struct mdev *m)
{
    return m->removing;
}

const struct uuid *mdev_uuid(const struct mdev *m)
{
    return &m->uuid;
}

const struct apcb *mdev_assigned(const struct mdev *m)
{
    return &m->assigned;
}

const struct apcb *mdev_effective(const struct mdev *m)
{
    return &m->effective;
}

const struct vfio_ap_guest *mdev_guest(const struct mdev *m)
{
    return m->guest;
}
