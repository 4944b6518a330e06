/* SPDX-License-Identifier: MIT */
#include "core/saved.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/state.h"

/* What outlives the daemon: the table of objects, and reading them. */

#define SAVED(n, t, m)                                                                             \
    .name = n, .type = t, .at = offsetof(struct saved, m), .size = sizeof((struct saved *)0)->m
#define MORE(m) .more = offsetof(struct saved, m)

static const char *const no_yes[] = {"no", "yes", NULL};

static const struct field machine_fields[] = {{SAVED("machine", FIELD_MACHINE, machine)}, {0}};

static const struct field bus_fields[] = {
    {SAVED("apmask", FIELD_LIST, bus.masks.apmask)},
    {SAVED("aqmask", FIELD_LIST, bus.masks.aqmask)},
    {SAVED("domain", FIELD_INT, bus.domain), .max = AP_IDS},
    {SAVED("config_time", FIELD_INT, bus.config_time), .max = 120},
    {SAVED("poll_thread", FIELD_BOOL, bus.poll_thread), .words = no_yes, .optional = true},
    {SAVED("autoprobe", FIELD_BOOL, bus.autoprobe), .words = no_yes},
    {SAVED("poll_timeout", FIELD_INT, bus.poll_timeout), .max = INT64_MAX, .optional = true},
    {0},
};

static const struct field override_fields[] = {
    {SAVED("driver", FIELD_BYTES, override.name), MORE(override.len)}, {0}};

static const struct field card_fields[] = {
    {SAVED("bound", FIELD_BOOL, card.bindings.card), .words = no_yes},
    {SAVED("zcrypt", FIELD_LIST, card.bindings.by_default), .optional = true},
    {SAVED("vfio_ap", FIELD_LIST, card.bindings.by_other), .optional = true},
    {SAVED("offline", FIELD_BOOL, card.offline), .words = no_yes, .optional = true},
    {SAVED("queues_offline", FIELD_LIST, card.queues_offline), .optional = true},
    {0},
};

static const struct field node_fields[] = {
    {SAVED("name", FIELD_BYTES, node.name), MORE(node.len)},
    {SAVED("ioctlmask", FIELD_LIST, node.ioctlmask), .optional = true},
    {SAVED("apmask", FIELD_LIST, node.apmask), .optional = true},
    {SAVED("aqmask", FIELD_LIST, node.aqmask), .optional = true},
    {SAVED("admask", FIELD_LIST, node.admask), .optional = true},
    {0},
};

static const struct field owner_fields[] = {
    {SAVED("path", FIELD_BYTES, owner.path), MORE(owner.len)},
    {SAVED("mode", FIELD_INT, owner.to.mode), .max = 07777},
    {SAVED("uid", FIELD_INT, owner.to.uid)},
    {SAVED("gid", FIELD_INT, owner.to.gid)},
    {0},
};

static const struct field mdev_fields[] = {
    {SAVED("uuid", FIELD_UUID, mdev.uuid), MORE(mdev.has_uuid)},
    {SAVED("autostart", FIELD_BOOL, mdev.autostart), .words = no_yes, .optional = true},
    {SAVED("adapters", FIELD_LIST, mdev.assigned.apm), .optional = true},
    {SAVED("domains", FIELD_LIST, mdev.assigned.aqm), .optional = true},
    {SAVED("control_domains", FIELD_LIST, mdev.assigned.adm), .optional = true},
    {SAVED("guest_adapters", FIELD_LIST, mdev.effective.apm), .optional = true},
    {SAVED("guest_domains", FIELD_LIST, mdev.effective.aqm), .optional = true},
    {SAVED("guest_control_domains", FIELD_LIST, mdev.effective.adm), .optional = true},
    {SAVED("unbound", FIELD_BOOL, mdev.unbound), .words = no_yes, .optional = true},
    {0},
};

static const struct field guest_fields[] = {
    {SAVED("name", FIELD_TEXT, guest.name)},
    {SAVED("features", FIELD_INT, guest.features)},
    {SAVED("with_connection", FIELD_BOOL, guest.with_connection), .words = no_yes,
     .optional = true},
    {SAVED("mdev", FIELD_INT, guest.mdev)},
    {0},
};

static const struct field adapter_fields[] = {
    {SAVED("checkstopped", FIELD_BOOL, adapter.checkstopped), .words = no_yes, .optional = true},
    {SAVED("zeroized", FIELD_TEXT, adapter.zeroized)},
    {SAVED("zeroize_due", FIELD_LIST, adapter.zeroize_due), .optional = true},
    {SAVED("resetting", FIELD_LIST, adapter.resets.unreset), .optional = true},
    {SAVED("reset_again", FIELD_LIST, adapter.resets.again), .optional = true},
    {0},
};

static const struct field faults_fields[] = {
    {SAVED("rules", FIELD_BYTES, faults.rules), MORE(faults.len), .optional = true},
    {SAVED("last", FIELD_INT, faults.last)},
    {0},
};

static const struct field fault_fields[] = {
    {SAVED("left", FIELD_INT, fault.left)},
    {SAVED("rule", FIELD_TEXT, fault.rule)},
    {0},
};

const struct saved_row saved_rows[STATE_KINDS] = {
    [STATE_MACHINE] = {"machine", false, false, 1, machine_fields},
    [STATE_BUS] = {"bus", true, false, 1, bus_fields},
    [STATE_OVERRIDE] = {"override", true, true, AP_APQNS, override_fields},
    [STATE_CARD] = {"card", true, true, AP_IDS, card_fields},
    [STATE_NODE] = {"node", true, true, ZCRYPT_NODES, node_fields},
    [STATE_OWNER] = {"owner", true, true, UINT32_MAX, owner_fields},
    [STATE_MDEV] = {"mdev", false, true, UINT32_MAX, mdev_fields},
    [STATE_GUEST] = {"guest", false, true, UINT16_MAX, guest_fields},
    [STATE_ADAPTER] = {"adapter", false, true, AP_IDS, adapter_fields},
    [STATE_FAULTS] = {"faults", false, false, 1, faults_fields},
    [STATE_FAULT] = {"fault", false, true, UINT32_MAX, fault_fields},
};

/* The host's bus before the devices that take its queues, these before their guests, these before
 * their systems; then what all that has changed on the way: zeroized queues, hits of faults; last
 * the owners of what is there. */
static unsigned stage(const struct change *of)
{
    switch (of->kind) {
    case STATE_MACHINE:
        return 0;
    case STATE_MDEV:
        return 2;
    case STATE_GUEST:
        return 3;
    case STATE_ADAPTER:
    case STATE_FAULTS:
    case STATE_FAULT:
        return 5;
    case STATE_OWNER:
        return 6;
    default:
        return of->tree == CORE_HOST_TREE ? 1 : 4;
    }
}

int saved_compare(const struct change *a, const struct change *b)
{
    if (stage(a) != stage(b))
        return stage(a) < stage(b) ? -1 : 1;
    if (a->tree != b->tree)
        return a->tree < b->tree ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool get_machine(const struct core *c, struct saved *out)
{
    out->machine = machine_config(c->machine);
    return true;
}

static bool get_bus(const struct core *c, struct saved *out)
{
    const struct ap_bus *b = bus_of(c, out->of.tree);
    struct ap_bus_settings s = {.domain = -1};

    if (b)
        ap_bus_settings_get(b, &s);
    else if (!core_tree(c, out->of.tree)) /* a guest without AP has a tree without a bus */
        return false;
    out->bus.masks = s.masks;
    out->bus.domain = s.domain < 0 ? AP_IDS : (uint32_t)s.domain;
    out->bus.config_time = (uint32_t)s.config_time;
    out->bus.poll_thread = s.poll_thread;
    out->bus.autoprobe = s.autoprobe;
    out->bus.poll_timeout = s.poll_timeout;
    return true;
}

static bool get_override(const struct core *c, struct saved *out)
{
    const struct ap_bus *b = bus_of(c, out->of.tree);

    out->override.name = b ? ap_bus_override(b, (ap_qn)out->of.id) : NULL;
    if (!out->override.name)
        return false;
    out->override.len = strlen(out->override.name);
    return true;
}

static bool get_card(const struct core *c, struct saved *out)
{
    const struct ap_bus *b = bus_of(c, out->of.tree);
    bool bound, offline;

    if (!b || !ap_bus_card(b, out->of.id))
        return false;
    bound = ap_bus_bindings_get(b, out->of.id, &out->card.bindings);
    offline = zcrypt_offline_get(zcrypt_of(c, out->of.tree), out->of.id, &out->card.offline,
                                 &out->card.queues_offline);
    return bound || offline;
}

bool saved_get_card(const struct core *c, unsigned tree, unsigned apid, struct saved *out)
{
    const struct ap_bus *b = bus_of(c, tree);

    *out = (struct saved){.of = {.kind = STATE_CARD, .tree = (uint16_t)tree, .id = apid}};
    get_card(c, out);
    return b && ap_bus_card(b, apid);
}

static bool get_node(const struct core *c, struct saved *out)
{
    const struct zcrypt *z = zcrypt_of(c, out->of.tree);
    const struct zcrypt_node *node = z ? zcrypt_node_at(z, out->of.id) : NULL;

    if (!node)
        return false;
    out->node.name = node->name;
    out->node.len = strlen(node->name);
    out->node.ioctlmask = node->ioctlmask;
    out->node.apmask = node->apmask;
    out->node.aqmask = node->aqmask;
    out->node.admask = node->admask;
    return true;
}

static bool get_mdev(const struct core *c, struct saved *out)
{
    const struct mdev *m = vfio_ap_at(c->vfio_ap, out->of.id);

    if (!m)
        return false;
    out->mdev.uuid = *mdev_uuid(m);
    out->mdev.has_uuid = true;
    out->mdev.unbound = mdev_ungrouped(m);
    out->mdev.assigned = *mdev_assigned(m);
    out->mdev.effective = *mdev_effective(m);
    out->mdev.autostart = mdev_autostart(m);
    out->mdev.follows = vfio_ap_follows(c->vfio_ap, m);
    return true;
}

static bool get_guest(const struct core *c, struct saved *out)
{
    const struct core_guest *g = guest_at(c, out->of.id);

    if (!g)
        return false;
    out->guest.name = g->name;
    out->guest.features = g->v.hw.features;
    out->guest.with_connection = g->with_connection;
    out->guest.mdev = g->v.mdev ? mdev_slot(g->v.mdev) : SAVED_NO_MDEV;
    return true;
}

/* How many of them are equal to the first. */
static unsigned run_length(const uint32_t *v, unsigned count)
{
    unsigned n = 1;

    while (n + 8 <= count && memcmp(&v[n], &v[n - 1], 8 * sizeof *v) == 0)
        n += 8;
    while (n < count && v[n] == v[0])
        n++;
    return n;
}

static void format_counts(const uint32_t counts[AP_IDS], struct text *out)
{
    for (unsigned i = 0, n; i < AP_IDS; i += n) {
        n = run_length(&counts[i], AP_IDS - i);
        if (i)
            text_add(out, ",", 1);
        text_add_number(out, counts[i]);
        if (n > 1) {
            text_add(out, "*", 1);
            text_add_number(out, n);
        }
    }
}

static bool get_adapter(const struct core *c, struct saved *out)
{
    struct adapter_row row;

    if (!machine_row_get(c->machine, out->of.id, &row))
        return false;
    format_counts(row.zeroized, &out->text);
    out->adapter.checkstopped = row.checkstopped;
    out->adapter.zeroized = out->text.data;
    out->adapter.zeroize_due = row.zeroize_due;
    vfio_ap_resets_get(c->vfio_ap, out->of.id, &out->adapter.resets);
    return true;
}

static bool get_faults(const struct core *c, struct saved *out)
{
    out->faults.last = machine_faults(c->machine)->last_number;
    return out->faults.last != 0;
}

static bool get_fault(const struct core *c, struct saved *out)
{
    const struct fault_list *list = machine_faults(c->machine);
    const struct fault_entry *entry = fault_list_find(list, out->of.id);
    struct fault rule;

    if (!entry)
        return false;
    rule = fault_rest(list, entry, &out->fault.left);
    fault_format(&rule, &out->text);
    out->fault.rule = out->text.data;
    return true;
}

static bool get_owner(const struct core *c, struct saved *out)
{
    const struct sysfs_tree *t = core_tree(c, out->of.tree);
    struct sysfs_entry entry;
    sysfs_ino ino;

    if (!t || !sysfs_owner_at(t, out->of.id, &ino, &out->owner.to) ||
        sysfs_stat(t, ino, &entry) < 0)
        return false;
    text_adds(&out->text, "");
    sysfs_path(t, ino, &out->text);
    out->owner.path = out->text.data;
    out->owner.len = out->text.len;
    return true;
}

bool saved_get(const struct core *c, const struct change *of, struct saved *out)
{
    static bool (*const get[])(const struct core *c, struct saved *out) = {
        [STATE_MACHINE] = get_machine, [STATE_BUS] = get_bus,     [STATE_OVERRIDE] = get_override,
        [STATE_CARD] = get_card,       [STATE_NODE] = get_node,   [STATE_OWNER] = get_owner,
        [STATE_MDEV] = get_mdev,       [STATE_GUEST] = get_guest, [STATE_ADAPTER] = get_adapter,
        [STATE_FAULTS] = get_faults,   [STATE_FAULT] = get_fault,
    };

    *out = (struct saved){.of = *of};
    return get[of->kind](c, out);
}

void saved_done(struct saved *s)
{
    text_done(&s->text);
}

static void visit(const struct visit *v, enum state_kind kind, uint32_t id)
{
    v->each(v->data, &(struct change){.kind = (uint8_t)kind, .id = id});
}

static void visit_tree(const struct core *c, unsigned tree, const struct visit *v)
{
    if (core_tree(c, tree))
        tree_objects(core_tree(c, tree), bus_of(c, tree), zcrypt_of(c, tree), tree, v);
}

void saved_each(const struct core *c, void (*each)(void *data, const struct change *of), void *data)
{
    struct visit v = {each, data};
    const struct mdev *m;
    uint32_t cursor = 0;

    visit(&v, STATE_MACHINE, 0);
    visit_tree(c, CORE_HOST_TREE, &v);
    while ((m = vfio_ap_next(c->vfio_ap, &cursor)))
        visit(&v, STATE_MDEV, mdev_slot(m));
    for (unsigned i = 0; i < c->guest_slots; i++)
        if (c->guests[i])
            visit(&v, STATE_GUEST, i);
    for (unsigned i = 0; i < c->guest_slots; i++)
        visit_tree(c, i + 1, &v);
    for (unsigned apid = 0; apid < AP_IDS; apid++)
        visit(&v, STATE_ADAPTER, apid);
    visit(&v, STATE_FAULTS, 0);
    for (unsigned i = 0; i < machine_faults(c->machine)->count; i++)
        visit(&v, STATE_FAULT, machine_faults(c->machine)->v[i].number);
}

void machine_changed(struct core *c, struct effects *fx)
{
    struct machine_touched touched = machine_take_touched(c->machine);
    struct mask256 adapters = mask256_or(touched.adapters, vfio_ap_take_resets(c->vfio_ap));
    unsigned cursor = 0;
    uint32_t fault;

    if (touched.config)
        effects_changed(fx, STATE_MACHINE, 0);
    mask256_for_each (apid, &adapters)
        effects_changed(fx, STATE_ADAPTER, apid);
    while (machine_take_fault(c->machine, &cursor, &fault))
        effects_changed(fx, STATE_FAULT, fault);
}
