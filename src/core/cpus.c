/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/state.h"

/* Clients that are the CPUs of a guest or of the LPAR. */

/* A client that connects must find its queues empty, without the messages of our own system. A
 * queue that is too busy to be reset is zeroized before it answers again. */
static void lpar_clear(struct core *c)
{
    struct ap_hw hw = machine_hw(c->machine);
    struct ap_qci qci = {0};

    hw.ops->qci(hw.ctx, &qci);
    mask256_for_each (apid, &qci.apm) {
        mask256_for_each (apqi, &qci.aqm) {
            if (apqsw_rc(hw.ops->rapq(hw.ctx, AP_QN(apid, apqi))) == AP_RC_BUSY)
                hw.ops->zapq(hw.ctx, AP_QN(apid, apqi));
        }
    }
}

static int lpar_connect(struct core *c, bool on, struct effects *fx, struct reply *reply)
{
    bool guests = false;

    for (unsigned i = 0; i < c->guest_slots; i++)
        guests |= c->guests[i] != NULL;
    if (on && (c->lpar_connected || guests)) {
        text_adds(&reply->why, guests ? "guests are running; stop them before a Linux becomes the "
                                        "LPAR"
                                      : "another client is already connected as the LPAR");
        return -EBUSY;
    }
    if (on) {
        zcrypt_end(c, CORE_HOST_TREE, fx);
        lpar_clear(c);
    }
    c->lpar_connected = on;
    if (!on)
        ap_bus_restart(c->bus);
    return 0;
}

/* A client that disconnects loses its queue state: its queues are zeroized. */
int core_cpu_connect(struct core *c, const struct command *cmd, struct effects *fx,
                     struct reply *reply)
{
    struct core_guest *g;
    int rc = cmd->cpu.on ? 0 : core_cpu_reset(c, cmd, fx, reply);

    if (rc < 0)
        return rc;
    if (cmd->cpu.guest == CORE_LPAR)
        return lpar_connect(c, cmd->cpu.on, fx, reply);
    g = guest_at(c, cmd->cpu.guest);
    if (!g)
        return -ENOENT;
    if (cmd->cpu.on && g->connected) {
        text_addf(&reply->why, "guest %s is already connected to another client", g->name);
        return -EBUSY;
    }
    if (cmd->cpu.on) {
        zcrypt_end(c, g->v.number + 1, fx);
        vfio_ap_reset(c->vfio_ap, &g->v);
    }
    g->connected = cmd->cpu.on;
    if (cmd->cpu.on && cmd->cpu.process)
        g->process = cmd->cpu.process;
    if (!cmd->cpu.on && g->by_device && !g->v.mdev) {
        guest_stop(c, g, fx);
        return 0;
    }
    if (!cmd->cpu.on && !g->by_device)
        g->process = 0;
    guest_rescan(g, fx);
    if (!cmd->cpu.on && g->linux_system && g->linux_system->bus)
        ap_bus_restart(g->linux_system->bus);
    return 0;
}

int core_cpu_reset(struct core *c, const struct command *cmd, struct effects *fx,
                   struct reply *reply)
{
    struct core_guest *g = guest_at(c, cmd->cpu.guest);
    struct ap_hw hw = machine_hw(c->machine);
    struct ap_qci qci = {0};

    if (cmd->cpu.guest != CORE_LPAR) {
        if (!g)
            return -ENOENT;
        vfio_ap_reset(c->vfio_ap, &g->v);
        return 0;
    }
    hw.ops->qci(hw.ctx, &qci);
    mask256_for_each (apid, &qci.apm) {
        mask256_for_each (apqi, &qci.aqm)
            hw.ops->zapq(hw.ctx, AP_QN(apid, apqi));
    }
    return 0;
}
