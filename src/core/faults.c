/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/query.h"
#include "core/state.h"

/* Fault rules, and the queues that change later because of them. */

int core_fault_add(struct core *c, const struct command *cmd, struct effects *fx,
                   struct reply *reply)
{
    text_auto line = {0};
    struct fault rule;
    uint32_t number;
    int rc = fault_parse(cmd->fault.text, cmd->fault.len, &rule, &reply->why);

    if (rc < 0)
        return rc;
    rc = machine_fault_add(c->machine, &rule, &number);
    if (rc < 0) {
        text_addf(&reply->why,
                  "the limit of %u faults is reached; remove some first: apus "
                  "fault remove N or all",
                  FAULTS_MAX);
        return rc;
    }
    fault_format(&rule, &line);
    effects_log(fx, LOG_LEVEL_INFO, "fault %u: %s", number, line.data);
    effects_changed(fx, STATE_FAULTS, 0);
    reply->value = number;
    return 0;
}

/* 0 or -ENOENT. */
static int remove_one(struct core *c, uint32_t number, struct effects *fx)
{
    int rc = machine_fault_remove(c->machine, number);

    if (rc == 0)
        effects_changed(fx, STATE_FAULT, number);
    return rc;
}

int core_fault_remove(struct core *c, const struct command *cmd, struct effects *fx,
                      struct reply *reply)
{
    const struct fault_list *faults = machine_faults(c->machine);
    int rc;

    if (cmd->fault.number) {
        rc = remove_one(c, cmd->fault.number, fx);
        if (rc < 0)
            text_addf(&reply->why,
                      "there is no fault %u; 'apus fault list' lists the existing ones",
                      cmd->fault.number);
        return rc;
    }
    while (faults->count)
        remove_one(c, faults->v[faults->count - 1].number, fx);
    return 0;
}

const struct fault_list *core_faults(const struct core *c)
{
    return machine_faults(c->machine);
}

/* A connected client's system looks at its queues by itself. */
static void queue_look(struct core *c, ap_qn qn, struct effects *fx)
{
    const struct vfio_ap_guest *g = guest_using(c, qn);
    struct core_guest *guest = g ? guest_at(c, g->number) : NULL;

    fx->tree = CORE_HOST_TREE;
    if (!c->lpar_connected)
        ap_queue_look(c->bus, qn, fx);
    if (!guest) {
        lpar_reply(c, qn, fx);
        return;
    }
    if (!guest->connected && guest->linux_system && guest->linux_system->bus) {
        fx->tree = (uint16_t)(g->number + 1);
        ap_queue_look(guest->linux_system->bus, qn, fx);
    }
    guest_reply(c, g, qn, fx);
}

void alarms_handle(struct core *c, struct effects *fx)
{
    bool any = false;
    ap_qn qn;

    while (machine_alarm_take(c->machine, fx->now, &qn)) {
        queue_look(c, qn, fx);
        any = true;
    }
    fx->tree = CORE_HOST_TREE;
    if (any)
        ap_bus_settle(c->bus, fx);
}

void alarms_arm(struct core *c, struct effects *fx)
{
    uint64_t next = machine_alarm_next(c->machine);

    if (next == c->alarm_set)
        return;
    c->alarm_set = next;
    effects_timer(fx, TIMER_ALARM, next);
}
