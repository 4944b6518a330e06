/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "core/query.h"
#include "daemon/internal.h"

void daemon_spread(struct daemon *d)
{
    const struct effects *effects = &d->effects;
    text_auto why = {0};

    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->v[i];

        if (e->kind == EFFECT_TIMER)
            clock_set_timer(&d->clock, e->id, (uint64_t)e->value);
        else if (e->kind == EFFECT_LOG)
            daemon_print(d, e->level, effect_text(effects, e));
    }
    if (d->adapters)
        adapters_effects(d->adapters, effects);
    if (d->hub)
        fuse_hub_effects(d->hub, effects);
    if (d->seccomp)
        seccomp_effects(d->seccomp, effects);
    if (d->cuse)
        cuse_effects(d->cuse, effects);
    if (d->control)
        control_server_effects(d->control, effects);
    if (d->guests)
        guest_server_effects(d->guests, effects);
    /* Devices that exist from the start are not announced, like those that the kernel finds during
     * boot: udevadm trigger replays their events. */
    if (d->uevents && d->executing && uevent_sender_effects(d->uevents, effects, &why) < 0)
        daemon_log(d, LOG_LEVEL_WARNING, "%s", why.data);
}

/* The tree of the guest that the command would stop; else CORE_HOST_TREE. */
static unsigned stopping(struct daemon *d, const struct command *command)
{
    struct guest_info guest;

    if (command->kind != CMD_GUEST_STOP ||
        core_guest_find(d->door.core, command->guest.name, &guest) < 0)
        return CORE_HOST_TREE;
    return guest.number + 1;
}

static bool wants_uevents(const struct daemon *d)
{
    if (d->record)
        return true;
    return d->uevents || (d->control && control_server_wants_uevents(d->control));
}

static void record(struct daemon *d, const struct command *command, const struct reply *reply)
{
    text_auto why = {0};
    int rc;

    if (reply)
        rc = record_outcome(d->record, d->door.core, reply, &d->effects, &why);
    else
        rc = record_command(d->record, d->door.core, command, &why);
    if (rc < 0)
        daemon_log(d, LOG_LEVEL_ERROR, "%s", why.data);
}

void daemon_execute(struct door *door, struct command *command, struct reply *reply)
{
    struct daemon *d = (struct daemon *)door;
    unsigned tree;

    /* A front end that executes a command while it handles effects would reorder them. */
    if (d->executing)
        abort();
    if (command->kind == CMD_STORE && d->seccomp)
        seccomp_release_closed(d->seccomp);
    if (!daemon_state_admit(d, command, reply))
        return;
    tree = stopping(d, command);
    d->executing = true;
    command->now = clock_now(&d->clock);
    effects_clear(&d->effects);
    d->effects.want_uevents = wants_uevents(d);
    d->effects.want_changes = d->state || (d->control && control_server_wants_changes(d->control));
    record(d, command, NULL);
    core_execute(d->door.core, command, &d->effects, reply);
    record(d, command, reply);
    daemon_state_write(d, command);
    daemon_dev_nodes(d, command);
    daemon_spread(d);
    if (d->effects.is_private)
        effects_clear(&d->effects);
    d->executing = false;
    /* At once: the next guest may get the same number and must not show up in the old mount. */
    if (tree && reply->result == 0)
        daemon_mount_drop(d, tree);
}
