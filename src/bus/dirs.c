/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

/* The directories of the bus, its cards and its queues. */

/* bus/ap */

static void bus_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "ap");
}

static struct sysfs_dir bus_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("bus");
}

static bool to_devices(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_BUS_DEVICES, 0};
    return true;
}

static bool to_drivers(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_BUS_DRIVERS, 0};
    return true;
}

static const struct sysfs_member bus_members[] = {
    {"devices", false, to_devices}, {"drivers", false, to_drivers}, {0}};

const struct sysfs_kind_ops bus_kind_ops = {
    .attrs = bus_attrs, .members = bus_members, .name = bus_name, .parent = bus_parent};

/* devices/ap */

static struct sysfs_dir root_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("devices");
}

static int root_child_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    unsigned apid;

    if (card_find(ctx, name, &apid) < 0)
        return -ENOENT;
    *out = (struct sysfs_child){{SYSFS_CARD, apid}, false};
    return 0;
}

static bool root_child_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                            char name[SYSFS_NAME_MAX])
{
    if (!devices_child_next(ctx, 0, cursor, out, name) || out->dir.kind != SYSFS_CARD)
        return false;
    out->is_link = false;
    return true;
}

const struct sysfs_kind_ops bus_root_kind_ops = {
    .attrs = bus_root_attrs,
    .name = bus_name,
    .parent = root_parent,
    .child_find = root_child_find,
    .child_next = root_child_next,
};

/* cards */

static uint16_t card_generation(void *ctx, uint32_t apid)
{
    const struct ap_card *card = &((struct ap_bus *)ctx)->cards[apid & 0xff];

    return card->present ? card->generation : 0;
}

static void card_name(void *ctx, uint32_t apid, char out[SYSFS_NAME_MAX])
{
    snprintf(out, SYSFS_NAME_MAX, "card%02x", apid);
}

static struct sysfs_dir card_parent(void *ctx, uint32_t apid)
{
    return (struct sysfs_dir){SYSFS_BUS_ROOT, 0};
}

static bool card_to_driver(void *ctx, uint32_t apid, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_BUS_DRIVER, ((struct ap_bus *)ctx)->cards[apid].driver};
    return out->object != AP_DRIVER_NONE;
}

static bool to_bus(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_BUS, 0};
    return true;
}

static int card_child_find(void *ctx, uint32_t apid, const char *name, struct sysfs_child *out)
{
    ap_qn qn;

    if (ap_qn_parse(name, &qn) < 0 || AP_QN_APID(qn) != apid || !queue_find(ctx, qn))
        return -ENOENT;
    *out = (struct sysfs_child){{SYSFS_QUEUE, qn}, false};
    return 0;
}

static bool card_child_next(void *ctx, uint32_t apid, uint32_t *cursor, struct sysfs_child *out,
                            char name[SYSFS_NAME_MAX])
{
    unsigned apqi = mask256_next(&((struct ap_bus *)ctx)->cards[apid].present_queues, *cursor);

    if (apqi >= MASK256_BITS)
        return false;
    *out = (struct sysfs_child){{SYSFS_QUEUE, AP_QN(apid, apqi)}, false};
    ap_qn_format(AP_QN(apid, apqi), name);
    *cursor = apqi + 1;
    return true;
}

static const struct sysfs_member card_members[] = {
    {"driver", true, card_to_driver}, {"subsystem", true, to_bus}, {0}};

const struct sysfs_kind_ops card_kind_ops = {
    .attrs = card_attrs,
    .members = card_members,
    .generation = card_generation,
    .name = card_name,
    .parent = card_parent,
    .child_find = card_child_find,
    .child_next = card_child_next,
};

/* queues */

static uint16_t queue_generation(void *ctx, uint32_t qn)
{
    const struct ap_queue *q = queue_find(ctx, (ap_qn)qn);

    return q ? q->generation : 0;
}

static void queue_name(void *ctx, uint32_t qn, char out[SYSFS_NAME_MAX])
{
    ap_qn_format((ap_qn)qn, out);
}

static struct sysfs_dir queue_parent(void *ctx, uint32_t qn)
{
    return (struct sysfs_dir){SYSFS_CARD, AP_QN_APID(qn)};
}

static bool queue_to_driver(void *ctx, uint32_t qn, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_BUS_DRIVER, queue_get(ctx, (ap_qn)qn)->driver};
    return out->object != AP_DRIVER_NONE;
}

static const struct sysfs_member queue_members[] = {
    {"driver", true, queue_to_driver}, {"subsystem", true, to_bus}, {0}};

const struct sysfs_kind_ops queue_kind_ops = {
    .attrs = queue_attrs,
    .members = queue_members,
    .generation = queue_generation,
    .name = queue_name,
    .parent = queue_parent,
};
