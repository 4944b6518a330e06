/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/state.h"

/*
 * The LPAR is reset and its Linux starts anew. The hardware stays as it is, with what was done at
 * the Support Element and with injected faults. Of Linux nothing stays: the kernel begins with the
 * masks of its command line.
 */

static void stop_guests(struct core *c, struct effects *fx)
{
    for (unsigned i = 0; i < c->guest_slots; i++)
        if (c->guests[i])
            guest_stop(c, c->guests[i], fx);
}

/* Modes and owners are those of new files. */
static void forget_owners(struct core *c, struct effects *fx)
{
    struct sysfs_owner owner;
    uint32_t cursor = 0, number;
    sysfs_ino ino;

    while (sysfs_owner_next(&c->tree, &cursor, &number))
        if (sysfs_owner_at(&c->tree, number, &ino, &owner))
            effects_add(fx, EFFECT_OWNER)->node = ino;
    sysfs_owners_forget(&c->tree);
}

int core_boot(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    const struct machine_config *config = machine_config(c->machine);
    struct ap_bus_params params = {.abi = c->abi,
                                   .apmask = config->apmask,
                                   .aqmask = config->aqmask,
                                   .domain = config->default_domain};
    struct command reset = {.kind = CMD_CPU_RESET, .cpu = {.guest = CORE_LPAR}};

    if (c->lpar_connected) {
        text_adds(&reply->why, "a real Linux is the LPAR (apus linux host); reboot it from inside");
        return -EBUSY;
    }
    stop_guests(c, fx);
    vfio_ap_boot(c->vfio_ap, fx);
    zcrypt_boot(c->zcrypt, fx);
    core_cpu_reset(c, &reset, fx, reply);
    ap_bus_boot(c->bus, &params, fx);
    forget_owners(c, fx);
    effects_log(fx, LOG_LEVEL_INFO, "Linux has started anew");
    return 0;
}
