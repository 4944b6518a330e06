/* SPDX-License-Identifier: MIT */
#include "fake_core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/commands.h"

const struct uuid fake_mdev = {{0x9d, 0x4c, 0x0f, 0x6e, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}};

static const struct adapter_config adapters[2] = {
    {.type = 11, .mode = AP_MODE_CCA, .configured = true, .in_lpar = true, .serial = "93AADHZU"},
    {.type = 11, .mode = AP_MODE_ACCEL, .configured = false, .in_lpar = true}};

void fake_core_init(struct core *c)
{
    *c = (struct core){0};
    sysfs_tree_init(&c->tree);
}

void fake_core_done(struct core *c)
{
    sysfs_tree_done(&c->tree);
    free(c->next.v);
    text_done(&c->next.pool);
}

struct effect *fake_core_effect(struct core *c, enum effect_kind kind, const char *text, size_t len)
{
    struct effects *e = &c->next;
    struct effect *one;

    if (e->count == e->capacity) {
        e->capacity = e->capacity ? 2 * e->capacity : 8;
        e->v = xrealloc(e->v, e->capacity * sizeof(*e->v));
    }
    one = &e->v[e->count++];
    *one =
        (struct effect){.kind = (uint8_t)kind, .text = (uint32_t)e->pool.len, .len = (uint32_t)len};
    text_add(&e->pool, text, len);
    text_add(&e->pool, "", 1);
    return one;
}

void core_execute(struct core *c, const struct command *cmd, struct effects *effects,
                  struct reply *reply)
{
    c->last = *cmd;
    c->executed++;
    if (cmd->kind >= CMD_GUEST_START && cmd->kind <= CMD_GUEST_MIGRATE)
        snprintf(c->name, sizeof(c->name), "%s", cmd->guest.name);
    if (cmd->kind == CMD_FAULT_ADD)
        snprintf(c->name, sizeof(c->name), "%s", cmd->fault.text);
    if (cmd->kind == CMD_MACHINE_SET)
        c->machine = *cmd->machine.config;
    *effects = c->next;
    effects->now = cmd->now;
    c->next = (struct effects){0};
    reply->result = c->result;
    reply->value = c->value;
    if (c->why)
        text_adds(&reply->why, c->why);
    if (c->result == 0 && cmd->kind == CMD_GUEST_START)
        c->guest = true;
    if (c->result == 0 && cmd->kind == CMD_GUEST_STOP)
        c->guest = false;
}

/* The table of commands has the core's real rows, but none of their functions. */
#define NOT_HERE(name)                                                                             \
    command_function name;                                                                         \
    int name(struct core *c, const struct command *cmd, struct effects *fx, struct reply *reply)   \
    {                                                                                              \
        abort();                                                                                   \
    }

NOT_HERE(core_store)
NOT_HERE(core_owner)
NOT_HERE(core_timer)
NOT_HERE(core_cancel)
NOT_HERE(core_guest_start)
NOT_HERE(core_guest_stop)
NOT_HERE(core_guest_attach)
NOT_HERE(core_guest_detach)
NOT_HERE(core_guest_migrate)
NOT_HERE(core_guest_look)
NOT_HERE(core_cpu_connect)
NOT_HERE(core_boot)
NOT_HERE(core_cpu_reset)
NOT_HERE(core_vfio_open)
NOT_HERE(core_vfio_close)
NOT_HERE(core_vfio_reset)
NOT_HERE(core_insn)
NOT_HERE(core_zcrypt_send)
NOT_HERE(core_job_done)
NOT_HERE(core_fault_add)
NOT_HERE(core_fault_remove)
NOT_HERE(core_se_adapter)
NOT_HERE(core_se_lpar)
NOT_HERE(core_sclp)
NOT_HERE(core_checkstop)
NOT_HERE(core_machine_set)

const struct sysfs_tree *core_tree(const struct core *c, unsigned tree)
{
    return tree == CORE_HOST_TREE ? &c->tree : NULL;
}

static struct mask256 two(unsigned a, unsigned b)
{
    struct mask256 m = {{0}};

    mask256_set(&m, a);
    mask256_set(&m, b);
    return m;
}

void core_host_info(const struct core *c, struct host_info *out)
{
    *out = (struct host_info){.abi = ABI_PROPOSAL,
                              .apmask = mask256_ones(),
                              .aqmask = mask256_ones(),
                              .apm = two(4, 5),
                              .aqm = two(4, 0x47),
                              .adm = two(4, 0x47),
                              .max_adapter = 63,
                              .max_domain = 84,
                              .scans = 2,
                              .mdevs = 1,
                              .guests = c->guest,
                              .identity = &c->machine.identity};
    mask256_clear(&out->apmask, 5);
}

void core_adapter_info(const struct core *c, unsigned apid, struct adapter_info *out)
{
    static const struct adapter_config none;

    *out = (struct adapter_info){.config = &none};
    if (apid == 4 || apid == 5)
        *out = (struct adapter_info){.config = &adapters[apid - 4],
                                     .installed = true,
                                     .in_lpar = true,
                                     .online = apid == 4,
                                     .device = true};
}

void core_apqn_info(const struct core *c, ap_qn qn, struct apqn_info *out)
{
    unsigned apid = AP_QN_APID(qn), apqi = AP_QN_APQI(qn);

    *out = (struct apqn_info){.zcrypt = apid != 5};
    if ((apid == 4 || apid == 5) && (apqi == 4 || apqi == 0x47)) {
        out->device = true;
        out->driver = apid == 4 ? "cex4queue" : "vfio_ap";
    }
    if (apid == 5 && (apqi == 4 || apqi == 9)) {
        out->assigned = true;
        out->mdev = fake_mdev;
        out->guest = c->guest ? "Guest1" : NULL;
        out->in_use = c->guest && apqi == 4;
    }
}

struct ap_counts core_queue_counts(const struct core *c, ap_qn qn)
{
    return (struct ap_counts){.requests = qn};
}

unsigned core_queue_pending(const struct core *c, ap_qn qn)
{
    return 1;
}

unsigned core_guest_pending(const struct core *c, const struct guest_info *guest)
{
    return 2;
}

/* All that there are. */
bool core_queue_next(const struct core *c, uint32_t *cursor, ap_qn *out)
{
    *out = (ap_qn)*cursor;
    return (*cursor)++ < AP_APQNS;
}

struct mdev_queues mdev_queues(const struct mdev_info *m)
{
    return (struct mdev_queues){3, 4};
}

const struct fault_list *core_faults(const struct core *c)
{
    return &c->faults;
}

int core_find_file(const struct core *c, const char *path, sysfs_ino *out)
{
    *out = 7;
    return strcmp(path, "bus/ap/apmask") == 0 ? 0 : -ENOENT;
}

bool core_mdev_next(const struct core *c, uint32_t *cursor, struct mdev_info *out)
{
    if ((*cursor)++)
        return false;
    *out = (struct mdev_info){.uuid = fake_mdev,
                              .apm = two(5, 5),
                              .aqm = two(4, 9),
                              .adm = two(9, 9),
                              .guest_apm = two(5, 5),
                              .guest_aqm = two(4, 4),
                              .guest = c->guest ? "Guest1" : NULL};
    return true;
}

bool core_guest_next(const struct core *c, uint32_t *cursor, struct guest_info *out)
{
    if (!c->guest || (*cursor)++)
        return false;
    *out = (struct guest_info){.number = 3,
                               .name = "Guest1",
                               .features = GUEST_AP | GUEST_APQCI,
                               .attached = true,
                               .mdev = fake_mdev,
                               .apm = two(5, 5),
                               .aqm = two(4, 4),
                               .adm = two(9, 9),
                               .process = c->process,
                               .config_changes = 7,
                               .release_requests = 1};
    return true;
}

const char *core_guest_name(const struct core *c, unsigned number)
{
    return c->guest ? c->name : NULL;
}

int core_guest_info(const struct core *c, unsigned number, struct guest_info *out)
{
    uint32_t cursor = 0;

    return core_guest_next(c, &cursor, out) && out->number == number ? 0 : -ENOENT;
}

int core_guest_find(const struct core *c, const char *name, struct guest_info *out)
{
    uint32_t cursor = 0;

    if (strcmp(name, "Guest1") != 0 || !core_guest_next(c, &cursor, out))
        return -ENOENT;
    return 0;
}
