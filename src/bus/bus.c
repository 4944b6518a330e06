/* SPDX-License-Identifier: MIT */
#include "bus/bus.h"

#include <stdlib.h>

#include "bus/internal.h"

struct ap_bus *ap_bus_new(const struct ap_bus_params *params, struct ap_hw hw,
                          struct sysfs_tree *tree)
{
    struct ap_bus *b = xcalloc(1, sizeof *b);

    b->abi = params->abi;
    b->hw = hw;
    b->tree = tree;
    b->oldest = b->newest = AP_APQNS;
    bus_defaults(b, params);
    sysfs_register(tree, SYSFS_BUS, &bus_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_DEVICES, &bus_devices_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_DRIVERS, &bus_drivers_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_DRIVER, &bus_driver_kind_ops, b);
    sysfs_register(tree, SYSFS_BUS_ROOT, &bus_root_kind_ops, b);
    sysfs_register(tree, SYSFS_CARD, &card_kind_ops, b);
    sysfs_register(tree, SYSFS_QUEUE, &queue_kind_ops, b);
    bus_module_register(b);
    return b;
}

static void card_free(struct ap_card *card)
{
    for (unsigned apqi = 0; card->queues && apqi < AP_IDS; apqi++)
        free(card->queues[apqi].messages);
    free(card->queues);
}

void ap_bus_free(struct ap_bus *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < AP_IDS; i++)
        card_free(&b->cards[i]);
    for (unsigned i = 0; i < b->override_count; i++)
        free(b->overrides[i].name);
    free(b->overrides);
    free(b);
}

/* A driver's attributes are visible only on the devices that are bound to it. */
static bool card_is_bound(void *ctx, uint32_t apid)
{
    const struct ap_driver_slot *slot = ctx;

    return slot->bus->cards[apid].driver == slot - slot->bus->drivers;
}

static bool queue_is_bound(void *ctx, uint32_t qn)
{
    const struct ap_driver_slot *slot = ctx;
    const struct ap_queue *q = queue_find(slot->bus, (ap_qn)qn);

    return q && q->driver == slot - slot->bus->drivers;
}

void ap_driver_register(struct ap_bus *b, const struct ap_driver *driver, void *ctx)
{
    struct ap_driver_slot *slot = &b->drivers[b->driver_count];
    struct sysfs_group group = {driver->attrs, ctx, driver->card ? card_is_bound : queue_is_bound,
                                slot};

    if (b->driver_count == AP_DRIVERS_MAX)
        abort();
    *slot = (struct ap_driver_slot){driver, ctx, b};
    b->driver_count++;
    if (driver->attrs)
        sysfs_add_group(b->tree, driver->card ? SYSFS_CARD : SYSFS_QUEUE, &group);
    if (driver->module)
        sysfs_module_add_driver(b->tree, driver->module, "ap",
                                (struct sysfs_dir){SYSFS_BUS_DRIVER, b->driver_count - 1});
}
