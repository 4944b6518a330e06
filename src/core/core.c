/* SPDX-License-Identifier: MIT */
#include "core/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "core/state.h"

/* The next scan by timer; a changed config_time counts from now. */
static void scan_timer(const struct core *c, struct effects *fx)
{
    effects_timer(fx, TIMER_SCAN,
                  fx->now + (uint64_t)ap_bus_config_time(c->bus) * UINT64_C(1000000000));
}

struct core *core_new(const struct machine_config *config, struct effects *effects)
{
    struct core *c = xcalloc(1, sizeof *c);
    struct ap_bus_params params = {.abi = abi_get(config->abi),
                                   .apmask = config->apmask,
                                   .aqmask = config->aqmask,
                                   .domain = config->default_domain};

    c->abi = params.abi;
    c->machine = machine_new(config);
    c->tokens = zcrypt_tokens_new();
    sysfs_tree_init(&c->tree);
    c->vfio_ap = vfio_ap_new(c->abi, &c->tree);
    c->bus = ap_bus_new(&params, machine_hw(c->machine), &c->tree);
    c->zcrypt = zcrypt_new(c->abi, &c->tree, c->bus, c->tokens);
    vfio_ap_register(c->vfio_ap, c->bus, machine_hw(c->machine));
    effects->tree = CORE_HOST_TREE;
    ap_bus_scan(c->bus, effects);
    effects_uevent(effects, "change", "devices/vfio_ap/matrix", "matrix", "MDEV_STATE=registered",
                   "DRIVER=vfio_ap", NULL);
    scan_timer(c, effects);
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
    free(c);
}

const struct sysfs_tree *core_tree(const struct core *c, unsigned tree)
{
    const struct core_guest *g;

    if (tree == CORE_HOST_TREE)
        return &c->tree;
    g = guest_at(c, tree - 1);
    return g && g->linux_system ? &g->linux_system->tree : NULL;
}

/* The machine changed: it presents an event, and the host's bus looks at once [bus-scan]. */
static bool host_rescan(struct core *c, struct effects *fx)
{
    struct mask256 changed;

    if (c->machine_seen == machine_changes(c->machine))
        return false;
    c->machine_seen = machine_changes(c->machine);
    changed = machine_take_changed(c->machine);
    fx->tree = CORE_HOST_TREE;
    ap_bus_scan_adapters(c->bus, &changed, fx);
    if (c->lpar_connected)
        effects_guest_notify(fx, CORE_LPAR, NEWS_CONFIG);
    return true;
}

static int execute_store(struct core *c, const struct command *cmd, struct effects *fx)
{
    const struct sysfs_tree *tree = core_tree(c, cmd->store.tree);
    int config_time = ap_bus_config_time(c->bus), rc;

    if (!tree)
        return -ENODEV;
    if (cmd->store.tree != CORE_HOST_TREE && guest_at(c, cmd->store.tree - 1)->connected)
        return effects_refuse(fx, -EBUSY, "a write", "a real system has the guest's queues");
    fx->tree = (uint16_t)cmd->store.tree;
    if (fx->tree != CORE_HOST_TREE)
        fx->guest = core_guest_name(c, fx->tree - 1u);
    rc = sysfs_store(tree, cmd->store.ino, cmd->store.data, cmd->store.len, fx);
    fx->guest = NULL;
    if (ap_bus_config_time(c->bus) != config_time)
        scan_timer(c, fx);
    return rc;
}

static int execute_timer(struct core *c, const struct command *cmd, struct effects *fx)
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
        return 0; /* each command handles the alarms that are due */
    case TIMER_REQUESTS:
        requests_overdue(c, fx);
        return 0;
    }
    return -EINVAL;
}

static int execute(struct core *c, const struct command *cmd, struct effects *fx,
                   struct reply *reply)
{
    switch (cmd->kind) {
    case CMD_STORE:
        return execute_store(c, cmd, fx);
    case CMD_SE_ADAPTER:
        return core_se_adapter(c, cmd, fx, reply);
    case CMD_SE_LPAR:
        return core_se_lpar(c, cmd, fx, reply);
    case CMD_SCLP:
        return core_sclp(c, cmd, fx, reply);
    case CMD_CHECKSTOP:
        return core_checkstop(c, cmd, fx, reply);
    case CMD_FAULT_ADD:
        return core_fault_add(c, cmd, fx, reply);
    case CMD_FAULT_REMOVE:
        return core_fault_remove(c, cmd, fx, reply);
    case CMD_MACHINE_SET:
        return core_machine_set(c, cmd, fx, reply);
    case CMD_GUEST_START:
        return core_guest_start(c, cmd, fx, reply);
    case CMD_GUEST_STOP:
        return core_guest_stop(c, cmd, fx, reply);
    case CMD_GUEST_ATTACH:
        return core_guest_attach(c, cmd, fx, reply);
    case CMD_GUEST_DETACH:
        return core_guest_detach(c, cmd, fx, reply);
    case CMD_GUEST_MIGRATE:
        return core_guest_migrate(c, cmd, fx, reply);
    case CMD_GUEST_LOOK:
        return core_guest_look(c, cmd);
    case CMD_CPU_CONNECT:
        return core_cpu_connect(c, cmd, fx, reply);
    case CMD_CPU_RESET:
        return core_cpu_reset(c, cmd);
    case CMD_TIMER:
        return execute_timer(c, cmd, fx);
    case CMD_INSN:
        return core_insn(c, cmd, reply);
    case CMD_ZCRYPT:
        return core_zcrypt_send(c, cmd, fx);
    case CMD_JOB_DONE:
        return core_job_done(c, cmd, fx);
    case CMD_CANCEL:
        vfio_ap_cancel(c->vfio_ap, cmd->token, fx);
        zcrypt_cancel(c->tokens, cmd->token);
        return 0;
    }
    return -EINVAL;
}

/* What administrators asked for and did not get. Who writes to attributes leaves words of his own.
 */
static void log_refusal(const struct command *cmd, const struct reply *reply, struct effects *fx)
{
    static const char *const names[] = {
        [CMD_SE_ADAPTER] = "se adapter",     [CMD_SE_LPAR] = "se lpar",
        [CMD_CHECKSTOP] = "checkstop",       [CMD_FAULT_ADD] = "fault add",
        [CMD_FAULT_REMOVE] = "fault remove", [CMD_GUEST_START] = "guest start",
        [CMD_GUEST_STOP] = "guest stop",     [CMD_GUEST_ATTACH] = "guest attach",
        [CMD_GUEST_DETACH] = "guest detach", [CMD_GUEST_MIGRATE] = "guest migrate",
    };
    bool named = cmd->kind < sizeof names / sizeof *names && names[cmd->kind];

    if (named && reply->result < 0 && reply->why.len)
        effects_log(fx, LOG_LEVEL_WARNING, "%s refused (%s): %s", names[cmd->kind],
                    strerrorname_np(-reply->result), reply->why.data);
}

void core_execute(struct core *c, const struct command *cmd, struct effects *fx,
                  struct reply *reply)
{
    size_t from = fx->count;

    c->stopped[0] = '\0';

    *reply = (struct reply){0};
    fx->tree = CORE_HOST_TREE;
    fx->now = cmd->now;
    fx->token = cmd->token;
    if (cmd->kind == CMD_TIMER && cmd->timer.id == TIMER_ALARM)
        c->alarm_set = 0;
    alarms_handle(c, fx);
    reply->result = execute(c, cmd, fx, reply);
    log_refusal(cmd, reply, fx);
    alarms_handle(c, fx);
    guests_rescan(c, fx, from, host_rescan(c, fx));
    alarms_arm(c, fx);
    jobs_announce(c, fx);
}

void core_set_firmware(struct core *c, const struct machine_firmware *firmware)
{
    machine_set_firmware(c->machine, firmware);
}

const struct zcrypt *core_zcrypt(const struct core *c, unsigned tree)
{
    return zcrypt_of(c, tree);
}

int core_open(const struct core *c, unsigned tree, sysfs_ino ino, uint32_t *node)
{
    const struct sysfs_tree *t = core_tree(c, tree);
    struct sysfs_entry entry;
    int rc = t ? sysfs_stat(t, ino, &entry) : -ENODEV;

    if (rc < 0)
        return rc;
    if (!entry.device)
        return -ENODEV;
    *node = zcrypt_node_handle(zcrypt_of(c, tree), sysfs_dir_of(ino).object);
    return 0;
}
