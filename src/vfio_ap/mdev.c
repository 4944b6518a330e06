/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vfio_ap/internal.h"

/*
 * The life of a mediated device [matrix-remove] [matrix-unbind]:
 *
 *   create --> BOUND --- remove, no guest ---------------------------------> gone
 *               | | |                                                         ^  ^
 *               | | +--- unbind, no guest ---> UNGROUPED ------ remove -------+  |
 *               | |                             ^                                |
 *               | +----- unbind, a guest ---> UNBOUND, the guest lets go         |
 *               |                               | remove                         |
 *               |                               v                                |
 *               +------- remove, a guest ---> REMOVING, the guest lets go -------+
 *
 * A write that has to wait for the guest is refused with -EBUSY where !remove_waits, or if its
 * writer cannot wait. Otherwise the guest's APCB is cleared, and the guest is asked to release the
 * device, now and every 10 seconds (TIMER_ASK). A writer that is interrupted no longer waits
 * (vfio_ap_cancel). Meanwhile another write to remove gets -ENODEV, and attaching -EBUSY.
 */

#define ASK_INTERVAL_NS UINT64_C(10000000000)

/* A group's device node is announced with numbers as the kernel assigns them. */
static void announce_group(const struct mdev *m, const char *action, struct effects *fx)
{
    char path[64], major[24], minor[24], name[32];

    snprintf(path, sizeof path, "devices/virtual/vfio/%u", m->slot);
    snprintf(major, sizeof major, "MAJOR=%d", VFIO_MAJOR);
    snprintf(minor, sizeof minor, "MINOR=%u", m->slot);
    snprintf(name, sizeof name, "DEVNAME=vfio/%u", m->slot);
    effects_uevent(fx, action, path, "vfio", major, minor, name, NULL);
}

static void announce_vfio_dev(const struct mdev *m, const char *action, struct effects *fx)
{
    char uuid[UUID_TEXT], path[96];

    uuid_format(&m->uuid, uuid);
    snprintf(path, sizeof path, "devices/vfio_ap/matrix/%s/vfio-dev/vfio%u", uuid, m->slot);
    effects_uevent(fx, action, path, "vfio-dev", NULL);
}

/* driver: a variable, or NULL. */
static void announce_device(const struct mdev *m, const char *action, const char *driver,
                            struct effects *fx)
{
    char uuid[UUID_TEXT], path[64];

    uuid_format(&m->uuid, uuid);
    snprintf(path, sizeof path, "devices/vfio_ap/matrix/%s", uuid);
    effects_uevent(fx, action, path, "mdev", driver, NULL);
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
    v->group_count++;
    effects_changed(fx, STATE_MDEV, m->slot);
    announce_device(m, "add", NULL, fx);
    announce_group(m, "add", fx);
    announce_vfio_dev(m, "add", fx);
    announce_device(m, "bind", "DRIVER=vfio_ap_mdev", fx);
    nodes(m, VFIO_NODES_ALL, fx);
    return 0;
}

static void gone(struct vfio_ap *v, enum sysfs_kind parent, uint32_t object, const char *name,
                 struct effects *fx)
{
    effects_gone(fx, sysfs_dir_ino(v->tree, (struct sysfs_dir){parent, object}), name);
}

/* The attributes with that condition go, and their directory stays. */
static void attrs_gone(struct vfio_ap *v, const struct mdev *m,
                       bool (*visible)(void *ctx, uint32_t slot), struct effects *fx)
{
    for (const struct sysfs_attr *a = v->tree->ops[SYSFS_MDEV]->attrs; a->name; a++)
        if (a->visible == visible)
            gone(v, SYSFS_MDEV, m->slot, a->name, fx);
}

/* First what the driver has added vanishes, whether a guest uses the device or not. */
static void unbind(struct mdev *m, struct effects *fx)
{
    m->unbound = true;
    announce_vfio_dev(m, "remove", fx);
    nodes(m, VFIO_NODES_GROUP, fx);
}

/* devices/virtual/vfio goes with the last group. */
static void groups_gone(struct vfio_ap *v, struct effects *fx)
{
    if (v->tree->keeps_dirs)
        return;
    if (++v->groups_generation == 0)
        v->groups_generation = 1;
    effects_gone(fx, sysfs_dir_ino(v->tree, sysfs_static_dir("devices/virtual")), "vfio");
}

/* Nobody uses the device: the group goes, and what was assigned. */
static void ungroup(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    struct apcb nothing = {0};
    char group[16];

    mdev_publish(v, m, nothing, fx);
    assign_commit(v, m, &nothing, fx);
    snprintf(group, sizeof group, "%u", m->slot);
    gone(v, SYSFS_IOMMU_GROUPS, 0, group, fx);
    gone(v, SYSFS_VFIO_PARENT, 0, group, fx);
    m->ungrouped = true;
    if (--v->group_count == 0)
        groups_gone(v, fx);
    announce_group(m, "remove", fx);
    announce_device(m, "unbind", NULL, fx);
    nodes(m, VFIO_NODES_NONE, fx);
    effects_changed(fx, STATE_MDEV, m->slot);
}

static void destroy(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    char name[UUID_TEXT];

    if (!m->unbound)
        unbind(m, fx);
    if (!m->ungrouped)
        ungroup(v, m, fx);
    uuid_format(&m->uuid, name);
    gone(v, SYSFS_MATRIX, 0, name, fx);
    announce_device(m, "remove", NULL, fx);
    mdev_leave(v, m);
    if (m->remove_token)
        effects_reply(fx, m->remove_token, 0);
    free(m);
}

void mdev_released(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    if (!m->unbound)
        return;
    ungroup(v, m, fx);
    if (m->unbind_token)
        effects_reply(fx, m->unbind_token, 0);
    m->unbind_token = 0;
    if (m->removing)
        destroy(v, m, fx);
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

/* A write to remove or unbind meets a guest. *token is set if the writer may wait for it. */
static int wait_for_guest(struct vfio_ap *v, struct mdev *m, const char *file, uint64_t *token,
                          struct effects *fx)
{
    char uuid[UUID_TEXT], what[UUID_TEXT + 16];

    uuid_format(&m->uuid, uuid);
    snprintf(what, sizeof what, "%s: %s", uuid, file);
    if (!v->abi->remove_waits || !fx->token)
        return effects_refuse(fx, -EBUSY, what,
                              "guest %s is using it; stop or detach the guest first",
                              m->guest->name);
    effects_log(fx, LOG_LEVEL_INFO, "%s is waiting for guest %s to release it", what,
                m->guest->name);
    *token = fx->token;
    if (!m->unbound) {
        attrs_gone(v, m, mdev_is_bound, fx);
        unbind(m, fx);
    }
    return -EINPROGRESS;
}

int mdev_remove(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    int rc;

    if (m->removing)
        return mdev_refuse(m, "remove", -ENODEV, "it is already being removed", fx);
    if (!m->guest) {
        destroy(v, m, fx);
        return 0;
    }
    rc = wait_for_guest(v, m, "remove", &m->remove_token, fx);
    if (rc != -EINPROGRESS)
        return rc;
    attrs_gone(v, m, mdev_is_there, fx);
    m->removing = true;
    ask_release(v, m, fx);
    return rc;
}

int mdev_unbind(struct vfio_ap *v, struct mdev *m, struct effects *fx)
{
    int rc;

    if (!m->guest) {
        attrs_gone(v, m, mdev_is_bound, fx);
        unbind(m, fx);
        ungroup(v, m, fx);
        return 0;
    }
    rc = wait_for_guest(v, m, "unbind", &m->unbind_token, fx);
    if (rc == -EINPROGRESS)
        ask_release(v, m, fx);
    return rc;
}

void vfio_ap_ask_again(struct vfio_ap *v, struct effects *fx)
{
    struct mdev *m;

    slots_foreach (&v->mdevs, m)
        if (m->unbound && m->guest)
            ask_release(v, m, fx);
}

/* The writer was interrupted. As in the kernel the device still goes; only nobody waits for it any
 * more. */
void vfio_ap_cancel(struct vfio_ap *v, uint64_t token, struct effects *fx)
{
    struct mdev *m;

    slots_foreach (&v->mdevs, m) {
        if (m->remove_token == token)
            m->remove_token = 0;
        if (m->unbind_token == token)
            m->unbind_token = 0;
    }
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
    const struct mdev *m = mdev_at(v, group);

    return m && !m->ungrouped ? m : NULL;
}

bool mdev_removing(const struct mdev *m)
{
    return m->unbound;
}

bool mdev_ungrouped(const struct mdev *m)
{
    return m->ungrouped;
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

void vfio_ap_boot(struct vfio_ap *v, struct effects *fx)
{
    uint32_t cursor = 0;

    for (struct mdev *m; (m = (struct mdev *)vfio_ap_next(v, &cursor));)
        destroy(v, m, fx);
    effects_uevent(fx, "change", "devices/vfio_ap/matrix", "matrix", "MDEV_STATE=registered",
                   "DRIVER=vfio_ap", NULL);
}
