/* SPDX-License-Identifier: MIT */
#include "bus/bus.h"

#include <stdlib.h>

#include "bus/internal.h"

struct ap_bus *ap_bus_new(const struct ap_bus_params *params, struct ap_hw hw,
                          const struct ap_queue_driver *driver, struct sysfs_tree *tree)
{
    struct ap_bus *b = xcalloc(1, sizeof *b);

    b->abi = params->abi;
    b->hw = hw;
    b->driver = driver;
    b->tree = tree;
    b->masks = (struct ap_masks){params->apmask, params->aqmask};
    b->domain = params->domain;
    b->config_time = 30;
    b->poll_timeout = 250000;
    b->autoprobe = true;
    sysfs_register(tree, SYSFS_BUS, &bus_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_DEVICES, &bus_devices_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_DRIVERS, &bus_drivers_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_DRIVER, &bus_driver_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_ROOT, &bus_root_kind_ops, b);
    sysfs_register(tree, SYSFS_CARD, &card_kind_ops, b);
    sysfs_register(tree, SYSFS_QUEUE, &queue_kind_ops, b);
    return b;
}

void ap_bus_free(struct ap_bus *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < AP_IDS; i++)
        free(b->cards[i].queues);
    for (unsigned i = 0; i < b->override_count; i++)
        free(b->overrides[i].name);
    free(b->overrides);
    free(b);
}

const struct ap_masks *ap_bus_masks(const struct ap_bus *b)
{
    return &b->masks;
}

const struct ap_qci *ap_bus_qci(const struct ap_bus *b)
{
    return &b->qci;
}

uint64_t ap_bus_scans(const struct ap_bus *b)
{
    return b->scans;
}

int ap_bus_config_time(const struct ap_bus *b)
{
    return b->config_time;
}

bool ap_bus_has_card(const struct ap_bus *b, unsigned apid)
{
    return b->cards[apid].present;
}

bool ap_bus_has_queue(const struct ap_bus *b, ap_qn qn)
{
    return queue_find(b, qn) != NULL;
}

const char *ap_bus_queue_driver(const struct ap_bus *b, ap_qn qn)
{
    const struct ap_queue *q = queue_find(b, qn);

    return q && q->driver != DRIVER_NONE ? ap_drivers[q->driver].name : NULL;
}

bool ap_bus_queue_passed(const struct ap_bus *b, ap_qn qn)
{
    const struct ap_queue *q = queue_find(b, qn);

    return q && q->driver == DRIVER_VFIO_AP;
}

bool ap_bus_card_configured(const struct ap_bus *b, unsigned apid)
{
    return b->cards[apid].present && b->cards[apid].config;
}
