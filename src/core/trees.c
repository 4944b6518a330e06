/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "core/major.h"
#include "core/query.h"
#include "core/state.h"
#include "zcrypt/major.h"

/* The trees of the host and of guests: lookup, opening device nodes, writing attributes. */

struct sysfs_tree *tree_of(struct core *c, unsigned tree)
{
    struct core_guest *g;

    if (tree == CORE_HOST_TREE)
        return &c->tree;
    g = guest_at(c, tree - 1);
    return g && g->linux_system ? &g->linux_system->tree : NULL;
}

const struct sysfs_tree *core_tree(const struct core *c, unsigned tree)
{
    return tree_of((struct core *)c, tree);
}

void core_set_nodes_major(struct core *c, unsigned major)
{
    zcrypt_set_major(c->zcrypt, major);
}

void core_set_vfio_number(struct core *c, unsigned major, unsigned minor)
{
    vfio_ap_set_number(c->vfio_ap, major, minor);
}

void core_keep_dirs(struct core *c)
{
    c->tree.keeps_dirs = true;
}

void core_show_vfio_nodes(struct core *c)
{
    c->tree.has_vfio_nodes = true;
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
    if (sysfs_dir_of(ino).kind != SYSFS_DEV_NODE)
        return -ENODEV;
    *node = zcrypt_node_handle(zcrypt_of(c, tree), sysfs_dir_of(ino).object);
    return 0;
}

#define VALUE_MAX 207u /* the three masks of ap_config */

/* What was written, for whoever wants to know what would have been accepted. */
static void note_refusal(const struct sysfs_tree *tree, const struct command *cmd,
                         struct effects *fx)
{
    bool told = fx->count && fx->v[fx->count - 1].kind == EFFECT_LOG;

    if (!told || cmd->store.tree != CORE_HOST_TREE || cmd->store.len > VALUE_MAX ||
        memchr(cmd->store.data, '\0', cmd->store.len))
        return;
    sysfs_path(tree, cmd->store.ino, &fx->refused_path);
    text_add(&fx->refused_value, cmd->store.data, cmd->store.len);
}

int core_store(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    const struct sysfs_tree *tree = core_tree(c, cmd->store.tree);
    int config_time = ap_bus_config_time(c->bus), rc;

    if (!tree)
        return -ENODEV;
    if (cmd->store.tree != CORE_HOST_TREE && guest_at(c, cmd->store.tree - 1)->connected)
        return effects_refuse(fx, -EBUSY, "a write", "a connected client owns the guest's queues");
    fx->tree = (uint16_t)cmd->store.tree;
    if (fx->tree != CORE_HOST_TREE)
        fx->guest = core_guest_name(c, fx->tree - 1u);
    rc = sysfs_store(tree, cmd->store.ino, cmd->store.data, cmd->store.len, fx);
    fx->guest = NULL;
    if (rc < 0 && rc != -EINPROGRESS)
        note_refusal(tree, cmd, fx);
    if (ap_bus_config_time(c->bus) != config_time)
        scan_timer(c, fx);
    return rc;
}

int core_owner(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)
{
    struct sysfs_tree *tree = tree_of(c, cmd->owner.tree);
    int rc = tree ? sysfs_set_owner(tree, cmd->owner.ino, &cmd->owner.to) : -ENODEV;

    fx->tree = (uint16_t)cmd->owner.tree;
    if (rc == 0)
        effects_add(fx, EFFECT_OWNER)->node = cmd->owner.ino;
    return rc;
}

static void owners_of(struct core *c, unsigned tree, bool gone, struct effects *fx)
{
    struct sysfs_tree *t = tree_of(c, tree);
    uint32_t number;

    if (t && gone)
        sysfs_owners_sweep(t);
    fx->tree = (uint16_t)tree;
    while (t && sysfs_owner_touched(t, &number))
        effects_changed(fx, STATE_OWNER, number);
    fx->tree = CORE_HOST_TREE;
}

void owners_changed(struct core *c, bool gone, struct effects *fx)
{
    owners_of(c, CORE_HOST_TREE, gone, fx);
    for (unsigned i = 0; i < c->guest_slots; i++)
        if (c->guests[i] && c->guests[i]->linux_system)
            owners_of(c, i + 1, gone, fx);
}
