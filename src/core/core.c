/* SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "core/saved.h"
#include "core/state.h"

struct core *core_new(const struct machine_config *config, struct effects *effects)
{
    struct ap_masks masks = {config->apmask, config->aqmask};

    return core_new_masked(config, &masks, effects);
}

struct core *core_new_masked(const struct machine_config *config, const struct ap_masks *masks,
                             struct effects *effects)
{
    struct core *c = xcalloc(1, sizeof *c);
    struct ap_bus_params params = {.abi = abi_get(config->abi),
                                   .apmask = masks->apmask,
                                   .aqmask = masks->aqmask,
                                   .domain = config->default_domain};

    c->abi = params.abi;
    c->machine = machine_new(config);
    c->tokens = zcrypt_tokens_new();
    sysfs_tree_init(&c->tree);
    proc_register(c);
    c->vfio_ap = vfio_ap_new(c->abi, &c->tree);
    c->bus = ap_bus_new(&params, machine_hw(c->machine), &c->tree);
    c->zcrypt = zcrypt_new(c->abi, &c->tree, c->bus, c->tokens);
    vfio_ap_register(c->vfio_ap, c->bus, machine_hw(c->machine));
    effects->tree = CORE_HOST_TREE;
    ap_bus_scan(c->bus, effects);
    effects_uevent(effects, "change", "devices/vfio_ap/matrix", "matrix", "MDEV_STATE=registered",
                   "DRIVER=vfio_ap", NULL);
    scan_timer(c, effects);
    news_forget(c);
    return c;
}

void core_free(struct core *c)
{
    if (!c)
        return;
    guests_free(c);
    zcrypt_free(c->zcrypt);
    ap_bus_free(c->bus);
    vfio_ap_free(c->vfio_ap);
    machine_free(c->machine);
    zcrypt_tokens_free(c->tokens);
    sysfs_tree_done(&c->tree);
    free(c);
}

/* A change of the machine presents an event, on which the host's bus scans at once [bus-scan]. An
 * event that is withheld is not made up for: the next scan finds the change. */
static bool host_rescan(struct core *c, bool silent, struct effects *fx)
{
    struct mask256 changed;

    if (c->machine_seen == machine_changes(c->machine))
        return false;
    c->machine_seen = machine_changes(c->machine);
    if (silent)
        return false;
    changed = machine_take_changed(c->machine);
    fx->tree = CORE_HOST_TREE;
    ap_bus_scan_adapters(c->bus, &changed, fx);
    if (c->lpar_connected)
        effects_guest_notify(fx, CORE_LPAR, NEWS_CONFIG);
    return true;
}

/* For whoever wants to know what would have been accepted. */
static void note_refusal(const struct command *cmd, struct effects *fx)
{
    if (cmd->kind == CMD_SE_LPAR)
        core_se_command(cmd, &fx->refused_command);
}

/* "se adapter refused (EBUSY): ..." */
static void log_refusal(const struct command *cmd, const struct reply *reply, struct effects *fx)
{
    const struct command_row *row = &command_rows[cmd->kind];
    char name[32] = "";

    if (!row->logged || reply->result >= 0 || !reply->why.len)
        return;
    for (unsigned i = 0; i < sizeof name - 1 && row->name[i]; i++)
        name[i] = row->name[i] == '-' ? ' ' : row->name[i];
    effects_log(fx, LOG_LEVEL_WARNING, "%s refused (%s): %s", name, strerrorname_np(-reply->result),
                reply->why.data);
    note_refusal(cmd, fx);
}

static bool has_gone(const struct effects *fx, size_t from)
{
    while (from < fx->count && fx->v[from].kind != EFFECT_GONE)
        from++;
    return from < fx->count;
}

void core_execute(struct core *c, const struct command *cmd, struct effects *fx,
                  struct reply *reply)
{
    const struct command_row *row = &command_rows[cmd->kind];
    size_t from = fx->count;

    c->stopped[0] = '\0';
    *reply = (struct reply){0};
    fx->tree = CORE_HOST_TREE;
    fx->now = cmd->now;
    fx->token = cmd->token;
    if (cmd->kind == CMD_TIMER && cmd->timer.id == TIMER_ALARM)
        c->alarm_set = 0;
    alarms_handle(c, fx);
    reply->result = row->execute(c, cmd, fx, reply);
    log_refusal(cmd, reply, fx);
    alarms_handle(c, fx);
    guests_rescan(c, fx, from, host_rescan(c, cmd->silent, fx));
    alarms_arm(c, fx);
    jobs_announce(c, fx);
    machine_changed(c, fx);
    owners_changed(c, has_gone(fx, from), fx);
    news_tell(c, fx);
}

void core_set_firmware(struct core *c, const struct machine_firmware *firmware)
{
    machine_set_firmware(c->machine, firmware);
}
