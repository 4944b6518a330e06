/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

/* The directories of the bus, its cards and its queues. */

static void fixed_name(char out[SYSFS_NAME_MAX], const char *name)
{
    strcpy(out, name);
}

/* bus/ap */

static void bus_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    fixed_name(out, "ap");
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

/* bus/ap/devices: cards first, then the queues of each card */

static void devices_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    fixed_name(out, "devices");
}

static struct sysfs_dir devices_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_BUS, 0};
}

static int card_find(const struct ap_bus *b, const char *name, unsigned *out)
{
    ap_qn qn;
    char queue[AP_QN_TEXT + 8];

    /* "cardXX" is read as the first half of a queue's name, which has the same strict form. */
    if (strlen(name) != 6 || memcmp(name, "card", 4) != 0)
        return -ENOENT;
    snprintf(queue, sizeof queue, "%s.0000", name + 4);
    if (ap_qn_parse(queue, &qn) < 0 || !b->cards[AP_QN_APID(qn)].present)
        return -ENOENT;
    *out = AP_QN_APID(qn);
    return 0;
}

static int devices_child_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    unsigned apid;
    ap_qn qn;

    if (card_find(ctx, name, &apid) == 0)
        *out = (struct sysfs_child){{SYSFS_CARD, apid}, true};
    else if (ap_qn_parse(name, &qn) == 0 && queue_find(ctx, qn))
        *out = (struct sysfs_child){{SYSFS_QUEUE, qn}, true};
    else
        return -ENOENT;
    return 0;
}

/* The next existing queue at or after qn, or AP_APQNS. */
static uint32_t queue_next(const struct ap_bus *b, uint32_t qn)
{
    while (qn < AP_APQNS) {
        const struct ap_card *card = &b->cards[AP_QN_APID(qn)];
        unsigned apqi =
            card->present ? mask256_next(&card->present_queues, AP_QN_APQI(qn)) : MASK256_BITS;

        if (apqi < MASK256_BITS)
            return AP_QN(AP_QN_APID(qn), apqi);
        qn = (AP_QN_APID(qn) + 1) << 8;
    }
    return AP_APQNS;
}

static bool devices_child_next(void *ctx, uint32_t object, uint32_t *cursor,
                               struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    const struct ap_bus *b = ctx;
    uint32_t qn;

    while (*cursor < AP_IDS && !b->cards[*cursor].present)
        ++*cursor;
    if (*cursor < AP_IDS) {
        *out = (struct sysfs_child){{SYSFS_CARD, *cursor}, true};
        snprintf(name, SYSFS_NAME_MAX, "card%02x", (*cursor)++);
        return true;
    }
    qn = queue_next(b, *cursor - AP_IDS);
    if (qn >= AP_APQNS)
        return false;
    *out = (struct sysfs_child){{SYSFS_QUEUE, qn}, true};
    ap_qn_format((ap_qn)qn, name);
    *cursor = AP_IDS + qn + 1;
    return true;
}

const struct sysfs_kind_ops bus_devices_kind_ops = {
    .name = devices_name,
    .parent = devices_parent,
    .child_find = devices_child_find,
    .child_next = devices_child_next,
};

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
    return out->object != DRIVER_NONE;
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
    return out->object != DRIVER_NONE;
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
