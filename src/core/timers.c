/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/state.h"

/* Timers that have expired. */

void scan_timer(const struct core *c, struct effects *fx)
{
    effects_timer(fx, TIMER_SCAN,
                  fx->now + (uint64_t)ap_bus_config_time(c->bus) * UINT64_C(1000000000));
}

int core_timer(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    switch (cmd->timer.id) {
    case TIMER_ASK:
        vfio_ap_ask_again(c->vfio_ap, fx);
        return 0;
    case TIMER_SCAN:
        ap_bus_scan(c->bus, fx);
        scan_timer(c, fx);
        return 0;
    case TIMER_ALARM:
        return 0; /* each command takes the alarms that are due */
    case TIMER_REQUESTS:
        requests_overdue(c, fx);
        return 0;
    }
    return -EINVAL;
}
