/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/query.h"
#include "search.h"

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

/* Who can use the queue now. */
static uint8_t user_of(const struct run *r, ap_qn qn, const struct apqn_info *q)
{
    struct adapter_info a;
    struct guest_info g;
    uint32_t cursor = 0;

    core_adapter_info(r->core, AP_QN_APID(qn), &a);
    if (!q->device || !a.online)
        return USER_NONE;
    if (q->driver && strcmp(q->driver, "cex4queue") == 0)
        return USER_HOST;
    while (core_guest_next(r->core, &cursor, &g))
        if (mask256_test(&g.apm, AP_QN_APID(qn)) && mask256_test(&g.aqm, AP_QN_APQI(qn)))
            return (uint8_t)(USER_GUEST + (strcmp(g.name, search_guests[0]) != 0));
    return USER_NONE;
}

/* A queue that is used is dirty, until it is zeroized. */
static void follow_users(struct run *r, const char **wrong)
{
    for (unsigned i = 0; i < queue_count(r); i++) {
        struct apqn_info q;
        uint8_t user;

        core_apqn_info(r->core, queue_of(r, i), &q);
        user = user_of(r, queue_of(r, i), &q);
        if (q.zeroized != r->zeroized[i])
            r->user[i] = USER_NONE;
        r->zeroized[i] = q.zeroized;
        if (user == USER_NONE)
            continue;
        if (r->user[i] != USER_NONE && r->user[i] != user)
            *wrong = "a queue changed hands and was not zeroized";
        r->user[i] = user;
    }
}

void run_start(struct run *r, const struct world_size *size)
{
    static struct machine_config config;
    const char *wrong = NULL;

    *r = (struct run){.size = size};
    machine_of(size, &config);
    r->core = core_new(&config, &r->fx);
    follow_users(r, &wrong);
}

void run_end(struct run *r)
{
    core_free(r->core);
    effects_done(&r->fx);
    reply_done(&r->reply);
}

int run_do(struct run *r, const struct op *op)
{
    struct command cmd = op->cmd;

    effects_clear(&r->fx);
    reply_done(&r->reply);
    r->reply = (struct reply){0};
    if (*op->path) {
        cmd = (struct command){.kind = CMD_STORE,
                               .store = {.data = *op->value ? op->value : "\n",
                                         .len = *op->value ? strlen(op->value) : 1}};
        if (sysfs_resolve(core_tree(r->core, CORE_HOST_TREE), op->path, &cmd.store.ino) < 0)
            return -ENOENT;
    }
    core_execute(r->core, &cmd, &r->fx, &r->reply);
    return r->reply.result;
}

/* Names in another order: bit 0 swaps the adapters, 1 the domains, 2 the devices, 3 the guests. */
struct order {
    const struct run *r;
    unsigned swaps;
};

static unsigned swapped(const struct order *o, unsigned bit, unsigned count, unsigned i)
{
    return count > 1 && o->swaps >> bit & 1 ? i ^ 1 : i;
}

static unsigned ids_of(const struct mask256 *m, const uint8_t *ids, const struct order *o,
                       unsigned bit, unsigned count)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < count; i++)
        bits |= (unsigned)mask256_test(m, ids[swapped(o, bit, count, i)]) << i;
    return bits;
}

static unsigned product_of(const struct mask256 *apm, const struct mask256 *aqm,
                           const struct order *o)
{
    return ids_of(apm, search_apids, o, 0, o->r->size->adapters) |
           ids_of(aqm, search_apqis, o, 1, o->r->size->domains) << 2;
}

static uint8_t override_of(const struct run *r, ap_qn qn)
{
    text_auto out = {0};
    struct sysfs_dir dir = {SYSFS_QUEUE, qn};
    const struct sysfs_tree *t = core_tree(r->core, CORE_HOST_TREE);

    text_adds(&out, "");
    sysfs_show(t, sysfs_attr_ino(t, dir, "driver_override"), &out);
    return out.len ? (uint8_t)out.data[0] : 0;
}

static uint8_t user_in_order(const struct order *o, uint8_t user)
{
    unsigned guest = (unsigned)(user - USER_GUEST);

    return user < USER_GUEST ? user
                             : (uint8_t)(USER_GUEST + swapped(o, 3, o->r->size->guests, guest));
}

static uint8_t *export_queue(const struct order *o, unsigned a, unsigned d, uint8_t *out)
{
    const struct world_size *size = o->r->size;
    unsigned i = swapped(o, 0, size->adapters, a) * size->domains + swapped(o, 1, size->domains, d);
    ap_qn qn = queue_of(o->r, i);
    struct apqn_info q;

    core_apqn_info(o->r->core, qn, &q);
    *out++ = (uint8_t)(q.device | (q.driver ? q.driver[0] : 0) << 1);
    *out++ = q.device ? override_of(o->r, qn) : 0;
    *out++ = user_in_order(o, o->r->user[i]);
    return out;
}

static int uuid_number(const struct uuid *uuid)
{
    return uuid->bytes[15] - 1;
}

static void export_devices(const struct order *o, uint8_t *out)
{
    struct mdev_info m;
    uint32_t cursor = 0;

    while (core_mdev_next(o->r->core, &cursor, &m)) {
        unsigned at = swapped(o, 2, o->r->size->devices, (unsigned)uuid_number(&m.uuid));

        out[3 * at] = (uint8_t)(0x80 | product_of(&m.apm, &m.aqm, o));
        out[3 * at + 1] = (uint8_t)product_of(&m.guest_apm, &m.guest_aqm, o);
        if (m.guest)
            out[3 * at + 2] = (uint8_t)(1 + swapped(o, 3, o->r->size->guests,
                                                    strcmp(m.guest, search_guests[0]) != 0));
    }
}

static struct export export_in(const struct order *o)
{
    const struct world_size *size = o->r->size;
    struct export e = {0};
    uint8_t *out = e.bytes;
    struct host_info host;

    core_host_info(o->r->core, &host);
    *out++ = (uint8_t)product_of(&host.apmask, &host.aqmask, o);
    *out++ = (uint8_t)product_of(&host.apm, &host.aqm, o);
    for (unsigned a = 0; a < size->adapters; a++) {
        struct adapter_info info;

        core_adapter_info(o->r->core, search_apids[swapped(o, 0, size->adapters, a)], &info);
        *out++ = (uint8_t)(info.online | info.in_lpar << 1 | info.device << 2);
        for (unsigned d = 0; d < size->domains; d++)
            out = export_queue(o, a, d, out);
    }
    export_devices(o, out);
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
        e = export_in(&o);
        if (swaps == 0 || memcmp(&e, &best, sizeof e) < 0)
            best = e;
    }
    return best;
}

/* What has to hold */

static const char *check_guest(const struct run *r, const struct guest_info *g)
{
    for (unsigned i = 0; i < queue_count(r); i++) {
        ap_qn qn = queue_of(r, i);
        struct apqn_info q;

        if (!mask256_test(&g->apm, AP_QN_APID(qn)) || !mask256_test(&g->aqm, AP_QN_APQI(qn)))
            continue;
        core_apqn_info(r->core, qn, &q);
        if (!q.assigned || !g->attached || memcmp(&q.mdev, &g->mdev, sizeof q.mdev) != 0)
            return "a guest has a queue that is not assigned to its device";
        if (!q.driver || strcmp(q.driver, "vfio_ap") != 0)
            return "a guest has a queue that vfio_ap does not have";
    }
    return NULL;
}

static const char *check_devices(const struct run *r)
{
    unsigned owners[QUEUES_MAX] = {0};
    struct mdev_info m;
    uint32_t cursor = 0;

    while (core_mdev_next(r->core, &cursor, &m)) {
        for (unsigned i = 0; i < queue_count(r); i++) {
            ap_qn qn = queue_of(r, i);
            struct apqn_info q;

            if (!mask256_test(&m.apm, AP_QN_APID(qn)) || !mask256_test(&m.aqm, AP_QN_APQI(qn)))
                continue;
            core_apqn_info(r->core, qn, &q);
            if (++owners[i] > 1)
                return "a queue is assigned to two devices";
            /* By an override, which no assignment forbids, zcrypt can get it [bus-driver-override];
             * the guest has lost it then. */
            if (q.driver && strcmp(q.driver, "cex4queue") == 0 && !r->size->overrides)
                return "a queue is assigned to a device and bound to zcrypt";
        }
    }
    return NULL;
}

const char *run_check(struct run *r)
{
    const char *wrong = NULL;
    struct guest_info g;
    uint32_t cursor = 0;

    follow_users(r, &wrong);
    if (!wrong)
        wrong = check_devices(r);
    while (!wrong && core_guest_next(r->core, &cursor, &g))
        wrong = check_guest(r, &g);
    return wrong;
}
