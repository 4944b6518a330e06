/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/state.h"

/* Requests to adapters: AP instructions, jobs, and notification of replies. */

#define LPAR_FEATURES (GUEST_AP | GUEST_APFT | GUEST_APQCI | GUEST_APQI)

int core_insn(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    struct core_guest *g;
    struct ap_hw hw;

    if (cmd->insn.guest == CORE_LPAR) {
        hw = machine_hw(c->machine);
        ap_execute(&hw, LPAR_FEATURES, &cmd->insn.insn, &reply->insn);
        return 0;
    }
    g = guest_at(c, cmd->insn.guest);
    if (!g)
        return -ENOENT;
    hw = guest_hw(&g->v.hw);
    ap_execute(&hw, g->v.hw.features, &cmd->insn.insn, &reply->insn);
    return 0;
}

static const struct vfio_ap_guest *guest_of(const struct core *c, ap_qn qn)
{
    const struct mdev *m = vfio_ap_owner(c->vfio_ap, qn);

    return m ? mdev_guest(m) : NULL;
}

const struct vfio_ap_guest *guest_using(const struct core *c, ap_qn qn)
{
    const struct vfio_ap_guest *g = guest_of(c, qn);

    return g && apcb_has(&g->hw.apcb, qn) ? g : NULL;
}

void jobs_announce(struct core *c, struct effects *fx)
{
    uint64_t id;

    fx->tree = CORE_HOST_TREE;
    while (machine_job_next(c->machine, &id))
        effects_add(fx, EFFECT_JOB)->node = id;
}

int core_job_get(const struct core *c, uint64_t id, struct core_job *out)
{
    const struct vfio_ap_guest *g;
    struct machine_job job;
    int rc = machine_job_get(c->machine, id, &job);

    if (rc < 0)
        return rc;
    g = guest_of(c, job.qn);
    *out = (struct core_job){.id = id,
                             .qn = job.qn,
                             .source = g ? g->number + 1 : 0,
                             .key_generation = job.zeroize_count,
                             .card = machine_adapter_config(c->machine, AP_QN_APID(job.qn)),
                             .domains = mask256_count(&machine_config(c->machine)->usage),
                             .request = job.request,
                             .len = job.len};
    return 0;
}

int core_zcrypt_send(struct core *c, const struct command *cmd, struct effects *fx,
                     struct reply *reply)
{
    struct zcrypt *z = zcrypt_of(c, cmd->zcrypt.tree);
    bool taken = cmd->zcrypt.tree == CORE_HOST_TREE
                     ? c->lpar_connected
                     : z && guest_at(c, cmd->zcrypt.tree - 1)->connected;
    int rc;

    if (!z || taken) /* a connected client owns the queues and fetches all replies */
        return -ENODEV;
    fx->tree = (uint16_t)cmd->zcrypt.tree;
    rc = zcrypt_send(z, &cmd->zcrypt.request, fx);
    if (rc == -EINPROGRESS && !c->requests_watched) {
        c->requests_watched = true;
        effects_timer(fx, TIMER_REQUESTS, fx->now + AP_QUEUE_TIMEOUT_NS);
    }
    return rc;
}

void requests_overdue(struct core *c, struct effects *fx)
{
    uint64_t first = 0;

    for (unsigned tree = 0; tree <= c->guest_slots; tree++) {
        struct ap_bus *bus = bus_of(c, tree);
        uint64_t next;

        if (!bus)
            continue;
        fx->tree = (uint16_t)tree;
        next = ap_bus_check_timeouts(bus, fx);
        if (next && (!first || next < first))
            first = next;
    }
    fx->tree = CORE_HOST_TREE;
    c->requests_watched = first != 0;
    if (first)
        effects_timer(fx, TIMER_REQUESTS, first);
}

/* A connected client is notified once of each reply if interruptions are enabled for the queue. A
 * reply that arrived while they were disabled is not reported later. */
static void replies_tell(struct core *c, unsigned id, ap_qn qn, struct effects *fx)
{
    unsigned came = machine_replies_came(c->machine, qn);

    while (machine_queue_aqic(c->machine, qn).enable && came--)
        effects_guest_notify(fx, id, NEWS_REPLY)->node = qn;
}

void lpar_reply(struct core *c, ap_qn qn, struct effects *fx)
{
    if (c->lpar_connected)
        replies_tell(c, CORE_LPAR, qn, fx);
    else
        machine_replies_came(c->machine, qn);
}

void guest_reply(struct core *c, const struct vfio_ap_guest *g, ap_qn qn, struct effects *fx)
{
    struct ap_bus *bus = bus_of(c, g->number + 1);

    if (bus && !guest_at(c, g->number)->connected) {
        fx->tree = (uint16_t)(g->number + 1);
        ap_queue_poll(bus, qn, fx);
    }
    replies_tell(c, g->number, qn, fx);
}

/* The reply is in the queue. Our own bus fetches it unless a client owns the queue; a client is
 * notified if it enabled interruptions, otherwise it polls. */
int core_job_done(struct core *c, const struct command *cmd, struct effects *fx,
                  struct reply *reply)
{
    const struct vfio_ap_guest *g;
    ap_qn qn;
    int rc = machine_job_done(c->machine, cmd->job.id, cmd->job.data, cmd->job.len, &qn);

    if (rc < 0)
        return rc;
    if (!c->lpar_connected)
        ap_queue_poll(c->bus, qn, fx);
    g = guest_using(c, qn);
    if (g)
        guest_reply(c, g, qn, fx);
    else
        lpar_reply(c, qn, fx);
    return 0;
}

int core_cancel(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    vfio_ap_cancel(c->vfio_ap, cmd->token, fx);
    zcrypt_cancel(c->tokens, cmd->token);
    return 0;
}
