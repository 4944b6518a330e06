/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

/* bus/ap/devices: all cards, then all queues */

static void devices_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "devices");
}

static struct sysfs_dir devices_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_BUS, 0};
}

int card_find(const struct ap_bus *b, const char *name, unsigned *out)
{
    ap_qn qn;
    char queue[AP_QN_TEXT + 8];

    /* The digits of "cardXX" are parsed as the APID of a queue name, whose form is as strict. */
    if (strlen(name) != 6 || memcmp(name, "card", 4) != 0)
        return -ENOENT;
    snprintf(queue, sizeof queue, "%s.0000", name + 4);
    if (ap_qn_parse(queue, &qn) < 0 || !b->cards[AP_QN_APID(qn)].present)
        return -ENOENT;
    *out = AP_QN_APID(qn);
    return 0;
}

int devices_child_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
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

bool devices_child_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                        char name[SYSFS_NAME_MAX])
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

/* Finds a device by name; a trailing newline is allowed. */
int device_find(const struct ap_bus *b, const char *data, size_t len, struct sysfs_dir *out)
{
    char name[SYSFS_NAME_MAX];
    struct sysfs_child child;

    if (len && data[len - 1] == '\n')
        len--;
    if (len >= sizeof name)
        return -ENODEV;
    memcpy(name, data, len);
    name[len] = '\0';
    if (devices_child_find((void *)b, 0, name, &child) < 0)
        return -ENODEV;
    *out = child.dir;
    return 0;
}
