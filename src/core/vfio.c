/* SPDX-License-Identifier: MIT */
/*
 * Mediated devices that processes open through VFIO, as QEMU does [vfio-process]. A process is a
 * guest: the one whose CPUs it runs (CMD_CPU_CONNECT), or else one without CPUs, which begins with
 * the device and ends with it:
 *
 *   no guest ---- open ----> device ------------- close --------> no guest
 *                             |  ^                                   ^
 *              CPUs connect   v  | CPUs disconnect                   | CPUs disconnect
 *                            device and CPUs ---- close ----> CPUs --+
 */
#include <errno.h>

#include "core/state.h"

static struct core_guest *guest_of_process(const struct core *c, uint32_t process)
{
    for (unsigned i = 0; i < c->guest_slots; i++)
        if (c->guests[i] && c->guests[i]->process == process)
            return c->guests[i];
    return NULL;
}

/* The guest of the process, if it still has this device. */
static struct core_guest *guest_with(const struct core *c, const struct command *cmd)
{
    struct core_guest *g = cmd->guest.process ? guest_of_process(c, cmd->guest.process) : NULL;

    return g && g->v.mdev && uuid_equal(mdev_uuid(g->v.mdev), &cmd->guest.mdev) ? g : NULL;
}

static int in_use(const struct mdev *m, struct reply *reply)
{
    text_addf(&reply->why, "the mediated device is used by guest %s", mdev_guest(m)->name);
    return -EBUSY;
}

/* A guest without CPUs. If its name is taken it is called after its device. */
static int start(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    struct command start = *cmd;
    char uuid[UUID_TEXT];
    struct core_guest *g;
    int rc;

    uuid_format(&cmd->guest.mdev, uuid);
    if (guest_by_name(c, cmd->guest.name))
        start.guest.name = uuid;
    start.guest.features = GUEST_FEATURES_ALL;
    start.guest.with_connection = true;
    rc = core_guest_start(c, &start, fx, reply);
    if (rc < 0)
        return rc;
    g = guest_at(c, (unsigned)reply->value);
    g->process = cmd->guest.process;
    g->by_device = true;
    g->opened = true;
    return 0;
}

/* Another guest's group cannot even be opened, whatever else this process has. */
int core_vfio_open(struct core *c, const struct command *cmd, struct effects *fx,
                   struct reply *reply)
{
    const struct mdev *m = vfio_ap_find(c->vfio_ap, &cmd->guest.mdev);
    struct core_guest *g = guest_of_process(c, cmd->guest.process);
    int rc;

    if (!cmd->guest.process)
        return -EINVAL;
    if (m && mdev_guest(m))
        return in_use(m, reply);
    if (!g)
        return start(c, cmd, fx, reply);
    reply->value = g->v.number;
    rc = guest_attach(c, g, &cmd->guest.mdev, fx, reply);
    g->opened |= rc == 0;
    return rc;
}

int core_vfio_close(struct core *c, const struct command *cmd, struct effects *fx,
                    struct reply *reply)
{
    struct core_guest *g = guest_with(c, cmd);

    if (!g)
        return 0;
    if (g->by_device && !g->connected)
        guest_stop(c, g, fx);
    else
        guest_detach(c, g, fx);
    return 0;
}

int core_vfio_reset(struct core *c, const struct command *cmd, struct effects *fx,
                    struct reply *reply)
{
    struct core_guest *g = guest_with(c, cmd);

    return g ? vfio_ap_reset(c->vfio_ap, &g->v) : 0;
}
