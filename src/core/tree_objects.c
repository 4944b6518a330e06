/* SPDX-License-Identifier: MIT */
#include "core/state.h"

/* The objects of a tree that outlive the daemon (core/saved.h). */

static void visit(const struct visit *v, enum state_kind kind, unsigned tree, uint32_t id)
{
    v->each(v->data, &(struct change){.kind = (uint8_t)kind, .tree = (uint16_t)tree, .id = id});
}

void tree_objects(const struct sysfs_tree *t, const struct ap_bus *b, const struct zcrypt *z,
                  unsigned tree, const struct visit *v)
{
    uint32_t owned = 0, number;
    unsigned cursor = 0;
    ap_qn qn;

    visit(v, STATE_BUS, tree, 0);
    while (b && ap_bus_override_next(b, &cursor, &qn))
        visit(v, STATE_OVERRIDE, tree, qn);
    for (unsigned apid = 0; b && apid < AP_IDS; apid++)
        if (ap_bus_card(b, apid))
            visit(v, STATE_CARD, tree, apid);
    for (unsigned minor = 0; z && minor < ZCRYPT_NODES; minor++)
        if (zcrypt_node_at(z, minor))
            visit(v, STATE_NODE, tree, minor);
    while (sysfs_owner_next(t, &owned, &number))
        visit(v, STATE_OWNER, tree, number);
}

static void note(void *data, const struct change *of)
{
    effects_changed(data, (enum state_kind)of->kind, of->id);
}

void tree_changed(const struct sysfs_tree *t, const struct ap_bus *b, const struct zcrypt *z,
                  unsigned tree, struct effects *fx)
{
    struct visit v = {note, fx};

    fx->tree = (uint16_t)tree;
    tree_objects(t, b, z, tree, &v);
    fx->tree = CORE_HOST_TREE;
}
