/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "core/query.h"
#include "core/state.h"
#include "search.h"
#include "vfio_ap/internal.h"

/* The core in one state: what is done to it, what of it counts, and what has to hold. */

static ap_qn queue_of(const struct run *r, unsigned i)
{
    return AP_QN(search_apids[i / r->size->domains], search_apqis[i % r->size->domains]);
}

static unsigned queue_count(const struct run *r)
{
    return r->size->adapters * r->size->domains;
}

static void machine_of(const struct world_size *size, struct machine_config *config)
{
    machine_config_empty(config);
    config->abi = size->abi;
    config->apmask = config->aqmask = mask256_ones();
    for (unsigned a = 0; a < size->adapters; a++) {
        struct adapter_config *adapter = &config->adapters[search_apids[a]];

        if (machine_adapter_type_parse("CEX5A", adapter) < 0)
            abort();
        adapter->configured = adapter->in_lpar = true;
    }
    for (unsigned d = 0; d < size->domains; d++)
        mask256_set(&config->usage, search_apqis[d]);
}

/* Looking */

static uint8_t product_of(const struct run *r, const struct mask256 *apm, const struct mask256 *aqm)
{
    unsigned bits = 0;

    for (unsigned a = 0; a < r->size->adapters; a++)
        bits |= (unsigned)mask256_test(apm, search_apids[a]) << a;
    for (unsigned d = 0; d < r->size->domains; d++)
        bits |= (unsigned)mask256_test(aqm, search_apqis[d]) << (2 + d);
    return (uint8_t)bits;
}

static bool has_queue(const struct run *r, uint8_t product, unsigned i)
{
    return product >> (i / r->size->domains) & 1 && product >> (2 + i % r->size->domains) & 1;
}

static uint8_t guest_number(const char *name)
{
    return strcmp(name, search_guests[0]) != 0;
}

static uint8_t override_of(const struct run *r, ap_qn qn)
{
    const char *name = r->size->overrides ? ap_bus_override(r->core->bus, qn) : NULL;

    return name && (*name == 'c' || *name == 'v') ? (uint8_t)*name : 0;
}

static void look_at_machine(struct run *r)
{
    struct mask256 due[SIZE_MAX_IDS] = {0};
    struct facts *f = &r->facts;
    struct host_info host;

    core_host_info(r->core, &host);
    f->masks = product_of(r, &host.apmask, &host.aqmask);
    f->lpar = product_of(r, &host.apm, &host.aqm);
    for (unsigned a = 0; a < r->size->adapters; a++) {
        struct adapter_info info;
        struct adapter_row row;

        core_adapter_info(r->core, search_apids[a], &info);
        if (machine_row_get(r->core->machine, search_apids[a], &row))
            due[a] = row.zeroize_due;
        f->adapters[a] = (uint8_t)(info.online | info.in_lpar << 1 | info.device << 2);
    }
    for (unsigned i = 0; i < queue_count(r); i++) {
        ap_qn qn = queue_of(r, i);
        struct apqn_info q;

        core_apqn_info(r->core, qn, &q);
        /* No query tells what is due: it is the machine's own. */
        f->queues[i] =
            (struct queue_facts){.device = q.device,
                                 .driver = q.driver ? (uint8_t)q.driver[0] : 0,
                                 .due = mask256_test(&due[i / r->size->domains], AP_QN_APQI(qn)),
                                 .zeroized = q.zeroized};
        if (q.device)
            f->queues[i].override = override_of(r, qn);
    }
}

static void look_at_devices(struct run *r)
{
    struct mdev_info m;
    uint32_t cursor = 0;

    memset(r->facts.devices, 0, sizeof r->facts.devices);
    while (core_mdev_next(r->core, &cursor, &m)) {
        bool removing = false;
        struct uuid uuid;

        core_group_mdev(r->core, m.group, &uuid, &removing);
        r->facts.devices[m.uuid.bytes[15] - 1] =
            (struct device_facts){.there = true,
                                  .removing = removing,
                                  .stale = vfio_ap_find(r->core->vfio_ap, &m.uuid)->stale,
                                  .assigned = product_of(r, &m.apm, &m.aqm),
                                  .effective = product_of(r, &m.guest_apm, &m.guest_aqm),
                                  .guest = m.guest ? (uint8_t)(1 + guest_number(m.guest)) : 0};
    }
}

static void look_at_guests(struct run *r)
{
    struct guest_info g;
    uint32_t cursor = 0;

    memset(r->facts.guests, 0, sizeof r->facts.guests);
    while (core_guest_next(r->core, &cursor, &g))
        r->facts.guests[guest_number(g.name)] =
            (struct guest_facts){.there = true,
                                 .device = g.attached ? g.mdev.bytes[15] : 0,
                                 .product = product_of(r, &g.apm, &g.aqm)};
}

static void look(struct run *r)
{
    look_at_machine(r);
    look_at_devices(r);
    look_at_guests(r);
}

static bool guest_has(const struct run *r, const struct facts *f, unsigned g, unsigned i)
{
    uint8_t device = f->guests[g].device;

    if (!f->guests[g].there)
        return false;
    /* Of a device that waits to be removed the guest has lost the masks, not yet the queues. */
    return has_queue(r, f->guests[g].product, i) ||
           (device && f->devices[device - 1].removing && f->queues[i].driver == 'v' &&
            has_queue(r, f->devices[device - 1].assigned, i));
}

/* Whose keys may be in the queue. */
static uint8_t user_of(const struct run *r, const struct facts *f, unsigned i)
{
    if (f->queues[i].driver == 'c')
        return USER_HOST;
    for (unsigned g = 0; g < r->size->guests; g++)
        if (guest_has(r, f, g, i))
            return (uint8_t)(USER_GUEST + g);
    return USER_NONE;
}

/*
 * A user loses a queue in the step in which it is zeroized. One that cannot be reset then, in
 * standby, is due: the machine zeroizes it before it answers again. So nothing that was done before
 * this step has to be remembered, and what is due counts of a state.
 */
static const char *check_users(const struct run *r, const struct facts *before)
{
    for (unsigned i = 0; i < queue_count(r); i++) {
        const struct queue_facts *q = &r->facts.queues[i];
        uint8_t user = user_of(r, before, i);

        if (q->zeroized != before->queues[i].zeroized || q->due)
            continue;
        if (user != USER_NONE && user != user_of(r, &r->facts, i))
            return "a queue lost its user and was not zeroized";
        if (before->queues[i].due)
            return "a queue that was due was not zeroized";
    }
    return NULL;
}

/* Doing */

struct run *run_start(const struct world_size *size)
{
    static struct machine_config config;
    struct run *r;

    machine_of(size, &config);
    arena_enter();
    r = xcalloc(1, sizeof *r);
    r->size = size;
    r->core = core_new(&config, &r->fx);
    arena_leave();
    look(r);
    arena_is_first();
    return r;
}

bool run_allows(const struct run *r, const struct op *op)
{
    unsigned count = 0;

    for (unsigned i = 0; i < queue_count(r); i++)
        count += r->facts.queues[i].override != 0;
    return !op->overrides || count < r->size->overrides || count == queue_count(r);
}

static int execute(struct run *r, const struct op *op)
{
    struct command cmd = op->cmd;

    if (*op->path) {
        cmd = (struct command){.kind = CMD_STORE,
                               .token = op->cmd.token,
                               .store = {.data = *op->value ? op->value : "\n",
                                         .len = *op->value ? strlen(op->value) : 1}};
        if (sysfs_resolve(core_tree(r->core, CORE_HOST_TREE), op->path, &cmd.store.ino) < 0)
            return -ENOENT;
    }
    core_execute(r->core, &cmd, &r->fx, &r->reply);
    return r->reply.result;
}

int run_do(struct run *r, const struct op *op)
{
    int rc;

    arena_enter();
    effects_clear(&r->fx);
    reply_done(&r->reply);
    r->reply = (struct reply){0};
    rc = execute(r, op);
    arena_leave();
    return rc == -EINPROGRESS ? 0 : rc;
}

/* What is compared */

/* Names in another order: bit 0 swaps the adapters, 1 the domains, 2 the devices, 3 the guests. */
struct order {
    const struct run *r;
    unsigned swaps;
};

static unsigned swapped(const struct order *o, unsigned bit, unsigned count, unsigned i)
{
    return count > 1 && o->swaps >> bit & 1 ? i ^ 1 : i;
}

static uint8_t product_in_order(const struct order *o, uint8_t product)
{
    unsigned apids = product & 3, apqis = product >> 2 & 3;

    if (o->swaps & 1 && o->r->size->adapters > 1)
        apids = apids >> 1 | (apids & 1) << 1;
    if (o->swaps & 2 && o->r->size->domains > 1)
        apqis = apqis >> 1 | (apqis & 1) << 1;
    return (uint8_t)(apids | apqis << 2);
}

static uint8_t *export_adapter(const struct order *o, unsigned a, uint8_t *out)
{
    const struct world_size *size = o->r->size;
    unsigned from = swapped(o, 0, size->adapters, a);

    *out++ = o->r->facts.adapters[from];
    for (unsigned d = 0; d < size->domains; d++) {
        unsigned i = from * size->domains + swapped(o, 1, size->domains, d);
        const struct queue_facts *q = &o->r->facts.queues[i];

        *out++ = (uint8_t)(q->device | q->driver << 1);
        *out++ = (uint8_t)(q->override << 1 | q->due); /* a letter has seven bits */
    }
    return out;
}

static uint8_t *export_device(const struct order *o, unsigned m, uint8_t *out)
{
    const struct device_facts *d = &o->r->facts.devices[swapped(o, 2, o->r->size->devices, m)];

    *out++ = (uint8_t)(d->there << 7 | d->removing << 6 | d->stale << 5) |
             product_in_order(o, d->assigned);
    *out++ = product_in_order(o, d->effective);
    *out++ = d->guest ? (uint8_t)(1 + swapped(o, 3, o->r->size->guests, d->guest - 1u)) : 0;
    return out;
}

static struct export export_in(const struct order *o)
{
    const struct world_size *size = o->r->size;
    struct export e = {0};
    uint8_t *out = e.bytes;

    *out++ = product_in_order(o, o->r->facts.masks);
    *out++ = product_in_order(o, o->r->facts.lpar);
    for (unsigned a = 0; a < size->adapters; a++)
        out = export_adapter(o, a, out);
    for (unsigned m = 0; m < size->devices; m++)
        out = export_device(o, m, out);
    for (unsigned g = 0; g < size->guests; g++) {
        const struct guest_facts *guest = &o->r->facts.guests[swapped(o, 3, size->guests, g)];

        *out++ = (uint8_t)(guest->there << 7) | product_in_order(o, guest->product);
    }
    return e;
}

struct export run_export_exact(const struct run *r)
{
    return export_in(&(struct order){r, 0});
}

struct export run_export(const struct run *r)
{
    struct export best = {0};

    for (unsigned swaps = 0; swaps < 16; swaps++) {
        struct order o = {r, swaps};
        struct export e;

        if ((swaps & 1 && r->size->adapters < 2) || (swaps & 2 && r->size->domains < 2) ||
            (swaps & 4 && r->size->devices < 2) || (swaps & 8 && r->size->guests < 2))
            continue;
        if (swaps && product_in_order(&o, r->facts.masks) > best.bytes[0])
            continue; /* for speed: the first byte decides already */
        e = export_in(&o);
        if (swaps == 0 || memcmp(&e, &best, sizeof e) < 0)
            best = e;
    }
    return best;
}

/* What has to hold */

static bool is_assigned(const struct run *r, unsigned g, unsigned i)
{
    uint8_t device = r->facts.guests[g].device;
    const struct device_facts *d = &r->facts.devices[device ? device - 1 : 0];

    return device && d->there && d->guest == g + 1 && has_queue(r, d->assigned, i);
}

static const char *check_guest(const struct run *r, unsigned g)
{
    for (unsigned i = 0; i < queue_count(r); i++) {
        if (!r->facts.guests[g].there || !has_queue(r, r->facts.guests[g].product, i))
            continue;
        if (!is_assigned(r, g, i))
            return "a guest has a queue that is not assigned to its device";
        if (r->facts.queues[i].driver != 'v')
            return "a guest has a queue that vfio_ap does not have";
    }
    return NULL;
}

static const char *check_queue(const struct run *r, unsigned i)
{
    unsigned owners = 0;

    for (unsigned m = 0; m < r->size->devices; m++)
        owners += r->facts.devices[m].there && has_queue(r, r->facts.devices[m].assigned, i);
    if (owners > 1)
        return "a queue is assigned to two devices";
    /* By an override, which no assignment forbids, zcrypt can get it [bus-driver-override]; the
     * guest has lost it then. */
    if (owners && r->facts.queues[i].driver == 'c' && !r->size->overrides)
        return "a queue is assigned to a device and bound to zcrypt";
    return NULL;
}

const char *run_check(struct run *r)
{
    const struct facts before = r->facts;
    const char *wrong;

    look(r);
    wrong = check_users(r, &before);
    for (unsigned i = 0; i < queue_count(r) && !wrong; i++)
        wrong = check_queue(r, i);
    for (unsigned g = 0; g < r->size->guests && !wrong; g++)
        wrong = check_guest(r, g);
    return wrong;
}
