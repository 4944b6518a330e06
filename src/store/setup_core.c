/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "store/setup_keys.h"

/* Making a core of a machine file. */

struct building {
    const struct setup *from;
    struct setup_object *v; /* a copy, to be sorted */
    struct core *core;
    struct text *why;
};

__attribute__((format(printf, 3, 4))) static int
refuse(const struct building *b, const struct setup_object *o, const char *format, ...)
{
    va_list args;

    text_addf(b->why, "%s:%u: ", b->from->name, o->line);
    va_start(args, format);
    text_addv(b->why, format, args);
    va_end(args);
    return -EINVAL;
}

static struct setup_object *find_name(const struct building *b, enum state_kind kind,
                                      const char *name)
{
    for (size_t i = 0; i < b->from->count; i++)
        if (b->v[i].s.of.kind == kind && b->v[i].name && strcmp(b->v[i].name, name) == 0)
            return &b->v[i];
    return NULL;
}

/* Which key gives an object of the kind its number. */
static unsigned number_key(enum state_kind kind)
{
    return kind == STATE_MDEV ? MDEV_GROUP : kind == STATE_GUEST ? GUEST_NUMBER : NODE_MINOR;
}

static bool same_place(const struct setup_object *a, const struct setup_object *b)
{
    if (a->s.of.kind != b->s.of.kind || !a->system != !b->system)
        return false;
    return !a->system || strcmp(a->system, b->system) == 0;
}

/* Objects without a number get the lowest ones that no other of the same place has, in the order of
 * the file. */
static void number_place(const struct building *b, const struct setup_object *first)
{
    unsigned key = number_key((enum state_kind)first->s.of.kind);
    bool *used = xcalloc(UINT16_MAX + 1, sizeof *used);
    uint32_t next = 0;

    for (size_t i = 0; i < b->from->count; i++)
        if (same_place(first, &b->v[i]) && setup_given(&b->v[i], key))
            used[b->v[i].s.of.id] = true;
    for (size_t i = 0; i < b->from->count; i++) {
        if (!same_place(first, &b->v[i]) || setup_given(&b->v[i], key))
            continue;
        while (next < UINT16_MAX && used[next])
            next++;
        b->v[i].s.of.id = next;
        next += next < UINT16_MAX;
    }
    free(used);
}

static bool is_first(const struct building *b, const struct setup_object *o)
{
    for (const struct setup_object *at = b->v; at < o; at++)
        if (same_place(at, o))
            return false;
    return true;
}

static void number_all(const struct building *b)
{
    for (size_t i = 0; i < b->from->count; i++) {
        unsigned kind = b->v[i].s.of.kind;

        if ((kind == STATE_MDEV || kind == STATE_GUEST || kind == STATE_NODE) &&
            is_first(b, &b->v[i]))
            number_place(b, &b->v[i]);
    }
}

/* Sections of guests get the tree of their guest. */
static int find_trees(const struct building *b)
{
    for (size_t i = 0; i < b->from->count; i++) {
        struct setup_object *o = &b->v[i];
        const struct setup_object *g = o->system ? find_name(b, STATE_GUEST, o->system) : NULL;

        if (o->system && !g) {
            text_auto name = {0};

            text_add_quoted(&name, o->system, strlen(o->system));
            return refuse(b, o, "there is no section of the guest %s; add one", name.data);
        }
        if (g)
            o->s.of.tree = (uint16_t)(g->s.of.id + 1);
    }
    return 0;
}

static int by_order(const void *a, const void *b)
{
    const struct setup_object *x = a, *y = b;
    int order = saved_compare(&x->s.of, &y->s.of);

    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static bool is_twin(const struct setup_object *before, const struct setup_object *o)
{
    return before && saved_compare(&before->s.of, &o->s.of) == 0;
}

/* Masks given for the host count from its start. */
static struct ap_masks host_masks(const struct building *b)
{
    struct ap_masks masks = {b->from->machine.apmask, b->from->machine.aqmask};

    for (size_t i = 0; i < b->from->count; i++) {
        const struct setup_object *o = &b->v[i];

        if (o->s.of.kind != STATE_BUS || o->system)
            continue;
        if (setup_given(o, BUS_APMASK))
            masks.apmask = o->s.bus.masks.apmask;
        if (setup_given(o, BUS_AQMASK))
            masks.aqmask = o->s.bus.masks.aqmask;
    }
    return masks;
}

/* Copies a member of s to now, if its key was given. */
#define TAKE(key, m)                                                                               \
    do {                                                                                           \
        if (setup_given(o, key))                                                                   \
            now->m = o->s.m;                                                                       \
    } while (0)

static void take_bus(const struct setup_object *o, struct saved *now)
{
    TAKE(BUS_APMASK, bus.masks.apmask);
    TAKE(BUS_AQMASK, bus.masks.aqmask);
    TAKE(BUS_DOMAIN, bus.domain);
    TAKE(BUS_CONFIG_TIME, bus.config_time);
    TAKE(BUS_POLL_THREAD, bus.poll_thread);
    TAKE(BUS_POLL_TIMEOUT, bus.poll_timeout);
    TAKE(BUS_AUTOPROBE, bus.autoprobe);
}

static int apply(const struct building *b, const struct setup_object *o, const struct saved *s)
{
    text_auto clause = {0};

    return core_restore(b->core, s, &clause) < 0 ? refuse(b, o, "%s", clause.data) : 0;
}

static int add_bus(const struct building *b, struct setup_object *o)
{
    struct saved now;
    int rc;

    if (!saved_get(b->core, &o->s.of, &now))
        return refuse(b, o, "there is no such bus");
    take_bus(o, &now);
    rc = apply(b, o, &now);
    saved_done(&now);
    return rc;
}

/* The first queue of the lists that is not there; AP_IDS: none. */
static unsigned missing(const struct building *b, const struct setup_object *o)
{
    struct mask256 all = mask256_or(mask256_or(o->unbound, o->zcrypt),
                                    mask256_or(o->vfio_ap, o->s.card.queues_offline));

    mask256_for_each (apqi, &all) {
        if (!core_has_queue(b->core, o->s.of.tree, AP_QN(o->s.of.id, apqi)))
            return apqi;
    }
    return AP_IDS;
}

static void rebind(const struct setup_object *o, struct ap_bindings *bound)
{
    struct mask256 by_hand = mask256_or(o->unbound, mask256_or(o->zcrypt, o->vfio_ap));

    bound->by_default = mask256_or(mask256_andnot(bound->by_default, by_hand), o->zcrypt);
    bound->by_other = mask256_or(mask256_andnot(bound->by_other, by_hand), o->vfio_ap);
}

static int add_card(const struct building *b, struct setup_object *o)
{
    unsigned apid = o->s.of.id, apqi = missing(b, o);
    struct saved state, *now = &state;

    if (!saved_get_card(b->core, o->s.of.tree, apid, now))
        return refuse(b, o, "there is no card%02x: the system has no adapter %u (0x%02x)", apid,
                      apid, apid);
    if (apqi < AP_IDS)
        return refuse(b, o, "there is no queue %02x.%04x; leave the domain out", apid, apqi);
    rebind(o, &now->card.bindings);
    if (o->s.card.offline && !setup_given(o, CARD_QUEUES_OFFLINE)) { /* as Linux does */
        o->s.card.queues_offline = now->card.bindings.by_default;
        o->given |= 1u << CARD_QUEUES_OFFLINE;
    }
    if (!mask256_subset(&o->s.card.queues_offline, &now->card.bindings.by_default))
        return refuse(b, o,
                      "queues-offline: zcrypt drives a queue that is offline, and does not "
                      "have all of these; leave the others out");
    TAKE(CARD_BOUND, card.bindings.card);
    TAKE(CARD_OFFLINE, card.offline);
    TAKE(CARD_QUEUES_OFFLINE, card.queues_offline);
    return apply(b, o, now);
}

static int add_override(const struct building *b, struct setup_object *o)
{
    struct ap_masks masks = host_masks(b);
    struct mask256 ones = mask256_ones();

    if (!o->name)
        return refuse(b, o, "the key driver-override is missing; it names the driver");
    if (!o->system && !(mask256_equal(&masks.apmask, &ones) && mask256_equal(&masks.aqmask, &ones)))
        return refuse(b, o, "an override excludes masks: apmask and aqmask must have all bits set");
    if (!core_has_queue(b->core, o->s.of.tree, (ap_qn)o->s.of.id))
        return refuse(b, o, "there is no such queue");
    o->s.override.name = o->name;
    o->s.override.len = strlen(o->name);
    return apply(b, o, &o->s);
}

static int add_node(const struct building *b, struct setup_object *o)
{
    o->s.node.name = o->name;
    o->s.node.len = strlen(o->name);
    return apply(b, o, &o->s);
}

static bool share(const struct apcb *a, const struct apcb *b, ap_qn *qn)
{
    struct mask256 adapters = mask256_and(a->apm, b->apm), domains = mask256_and(a->aqm, b->aqm);

    *qn = AP_QN(mask256_next(&adapters, 0) & 0xff, mask256_next(&domains, 0) & 0xff);
    return !mask256_empty(&adapters) && !mask256_empty(&domains);
}

/* Why the core does not take a device: another one stands in its way. */
static int refuse_mdev(const struct building *b, const struct setup_object *o)
{
    for (const struct setup_object *at = b->v; at < o; at++) {
        char uuid[UUID_TEXT], queue[AP_QN_TEXT];
        ap_qn qn;

        if (at->s.of.kind != STATE_MDEV)
            continue;
        uuid_format(&at->s.mdev.uuid, uuid);
        if (uuid_equal(&at->s.mdev.uuid, &o->s.mdev.uuid))
            return refuse(b, o, "[mdev %s] is given twice, first in line %u; keep one", uuid,
                          at->line);
        if (!share(&at->s.mdev.assigned, &o->s.mdev.assigned, &qn))
            continue;
        ap_qn_format(qn, queue);
        return refuse(b, o,
                      "APQN %s is assigned to %s, too, in line %u; an APQN can belong to one "
                      "device only",
                      queue, uuid, at->line);
    }
    return refuse(b, o, "there is no room for the device");
}

static int check_limit(const struct building *b, const struct setup_object *o, const char *key,
                       const struct mask256 *m, unsigned max)
{
    unsigned above = mask256_next(m, max + 1);

    if (above >= MASK256_BITS)
        return 0;
    return refuse(b, o,
                  "%s: %u (0x%02x) is above the machine's highest number, which is %u; leave "
                  "it out, or raise max-%s in [machine]",
                  key, above, above, max, *key == 'a' ? "adapter" : "domain");
}

/* As an assignment would be checked. */
static int check_mdev(const struct building *b, const struct setup_object *o)
{
    const struct apcb *a = &o->s.mdev.assigned;
    struct host_info host;
    int rc;

    core_host_info(b->core, &host);
    rc = check_limit(b, o, "adapters", &a->apm, host.max_adapter);
    if (rc == 0)
        rc = check_limit(b, o, "domains", &a->aqm, host.max_domain);
    if (rc == 0)
        rc = check_limit(b, o, "control-domains", &a->adm, host.max_domain);
    mask256_for_each (apid, &a->apm) {
        struct mask256 row = core_default_row(b->core, apid);

        row = mask256_and(row, a->aqm);
        if (rc == 0 && !mask256_empty(&row))
            rc = refuse(b, o,
                        "APQN %02x.%04x belongs to the zcrypt drivers, since its bits in "
                        "apmask and aqmask are set; clear one of them in [bus] or [machine]",
                        apid, mask256_next(&row, 0));
    }
    return rc;
}

/* What the device's guest got earlier is a part of what is assigned. */
static int check_effective(const struct building *b, const struct setup_object *o)
{
    const struct apcb *has = &o->s.mdev.effective, *of = &o->s.mdev.assigned;
    struct mask256 control = mask256_andnot(has->adm, of->adm);
    unsigned qn = core_mdev_misfit(b->core, of, has);
    char queue[AP_QN_TEXT];

    if (qn < AP_APQNS) {
        ap_qn_format((ap_qn)qn, queue);
        return refuse(b, o,
                      "guest-adapters, guest-domains: a guest cannot have APQN %s of this device, "
                      "since %s; leave it out",
                      queue,
                      apcb_has(of, (ap_qn)qn) ? "another driver than vfio_ap has it"
                                              : "it is not among adapters and domains");
    }
    if (!mask256_empty(&control))
        return refuse(b, o,
                      "guest-control-domains: %u (0x%02x) is not among control-domains; leave it "
                      "out",
                      mask256_next(&control, 0), mask256_next(&control, 0));
    return 0;
}

static int add_mdev(const struct building *b, struct setup_object *o)
{
    text_auto clause = {0};
    const uint32_t effective =
        1u << MDEV_GUEST_ADAPTERS | 1u << MDEV_GUEST_DOMAINS | 1u << MDEV_GUEST_CONTROL;
    int rc = o->unchecked ? 0 : check_mdev(b, o);

    if (rc < 0)
        return rc;
    o->s.mdev.follows = !(o->given & effective);
    rc = o->s.mdev.follows ? 0 : check_effective(b, o);
    if (rc < 0)
        return rc;
    if (o->s.mdev.unbound &&
        !(mask256_empty(&o->s.mdev.assigned.apm) && mask256_empty(&o->s.mdev.assigned.aqm) &&
          mask256_empty(&o->s.mdev.assigned.adm)))
        return refuse(b, o, "unbound: nothing can be assigned to a device without its driver");
    return core_restore(b->core, &o->s, &clause) < 0 ? refuse_mdev(b, o) : 0;
}

static const struct setup_object *find_mdev(const struct building *b, const struct uuid *uuid)
{
    for (size_t i = 0; i < b->from->count; i++)
        if (b->v[i].s.of.kind == STATE_MDEV && uuid_equal(&b->v[i].s.mdev.uuid, uuid))
            return &b->v[i];
    return NULL;
}

static int add_guest(const struct building *b, struct setup_object *o)
{
    const struct setup_object *m = find_mdev(b, &o->uuid);
    char uuid[UUID_TEXT];

    uuid_format(&o->uuid, uuid);
    if (setup_given(o, GUEST_MDEV) && !m)
        return refuse(b, o, "mdev: there is no [mdev %s]; add one", uuid);
    if (find_name(b, STATE_GUEST, o->name) < o)
        return refuse(b, o, "the guest is given twice, first in line %u; keep one",
                      find_name(b, STATE_GUEST, o->name)->line);
    if (setup_given(o, GUEST_MDEV) && !(o->features & GUEST_AP))
        return refuse(b, o, "features: a guest without ap cannot have a mediated device");
    o->s.guest.name = o->name;
    o->s.guest.features = (uint32_t)o->features;
    o->s.guest.mdev = setup_given(o, GUEST_MDEV) ? m->s.of.id : SAVED_NO_MDEV;
    return apply(b, o, &o->s);
}

static int add_fault(const struct building *b, struct setup_object *o)
{
    text_auto why = {0};
    struct fault rule;

    if (!o->name || fault_parse(o->name, strlen(o->name), &rule, &why) < 0)
        return refuse(b, o, "rule: %s", o->name ? why.data : "the key is missing");
    o->s.fault.rule = o->name;
    o->s.fault.left = setup_given(o, FAULT_LEFT) ? (uint32_t)o->left : rule.count;
    return apply(b, o, &o->s);
}

static int look(const struct building *b, const struct setup_object *o, struct effects *fx)
{
    struct command cmd = {
        .kind = CMD_GUEST_LOOK, .now = fx->now, .look = {.guest = o->s.of.tree - 1u}};
    struct reply reply = {0};

    core_execute(b->core, &cmd, fx, &reply);
    reply_done(&reply);
    return reply.result;
}

/* before: the object before it, or NULL. */
static int object_add(const struct building *b, const struct setup_object *before,
                      struct setup_object *o, struct effects *fx)
{
    static int (*const add[])(const struct building *, struct setup_object *) = {
        [STATE_BUS] = add_bus,    [STATE_OVERRIDE] = add_override, [STATE_CARD] = add_card,
        [STATE_NODE] = add_node,  [STATE_MDEV] = add_mdev,         [STATE_GUEST] = add_guest,
        [STATE_FAULT] = add_fault};

    if (is_twin(before, o))
        return refuse(b, o, "the same is described twice, first in line %u; keep one",
                      before->line);
    if (o->system && look(b, o, fx) < 0)
        return refuse(b, o, "the guest has no system");
    if (o->s.of.kind == STATE_ADAPTER)
        return apply(b, o, &o->s);
    return add[o->s.of.kind](b, o);
}

static int build(struct building *b, struct effects *fx)
{
    struct ap_masks masks = host_masks(b);
    struct setup_object *v = b->v;
    int rc;

    number_all(b);
    rc = find_trees(b);
    if (rc < 0)
        return rc;
    qsort(v, b->from->count, sizeof *v, by_order);
    b->core = core_new_masked(&b->from->machine, &masks, fx);
    for (size_t i = 0; rc == 0 && i < b->from->count; i++)
        rc = object_add(b, i ? &v[i - 1] : NULL, &v[i], fx);
    if (rc == 0 && b->from->count)
        core_restored(b->core, fx);
    return rc;
}

int setup_core(const struct setup *s, struct core **out, struct effects *fx, struct text *why)
{
    struct building b = {.from = s, .why = why};
    int rc;

    b.v = xcalloc(s->count + 1, sizeof *b.v);
    if (s->count)
        memcpy(b.v, s->v, s->count * sizeof *b.v);
    rc = build(&b, fx);
    free(b.v);
    if (rc < 0) {
        core_free(b.core);
        b.core = NULL;
    }
    *out = b.core;
    return rc;
}

int setup_load(const char *name, const char *data, size_t len, struct core **out, struct text *why)
{
    struct effects unheard = {0};
    setup_auto setup = {0};
    int rc = setup_parse(name, data, len, &setup, why);

    *out = NULL;
    if (rc == 0)
        rc = setup_core(&setup, out, &unheard, why);
    effects_done(&unheard);
    return rc;
}

struct copying {
    const struct core *from;
    struct core *to;
};

static void copy_one(void *data, const struct change *of)
{
    const struct copying *c = data;
    text_auto why = {0};
    struct saved s;

    if (of->kind != STATE_MACHINE && saved_get(c->from, of, &s)) {
        /* It is there: nothing can contradict it. */
        if (core_restore(c->to, &s, &why) < 0)
            abort();
        saved_done(&s);
    }
}

struct core *setup_copy(const struct core *c)
{
    struct effects unheard = {0};
    struct copying copying = {.from = c};
    struct saved machine, bus;

    saved_get(c, &(struct change){.kind = STATE_MACHINE}, &machine);
    saved_get(c, &(struct change){.kind = STATE_BUS}, &bus);
    copying.to = core_new_masked(machine.machine, &bus.bus.masks, &unheard);
    saved_each(c, copy_one, &copying);
    core_restored(copying.to, &unheard);
    effects_done(&unheard);
    return copying.to;
}
