/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/synth.h"
#include "bus/internal.h"

/* Driver directories: bind, unbind and a link per device. The object is the driver's index. */

static unsigned driver_of(const struct ap_bus *b, struct sysfs_dir device)
{
    return device.kind == SYSFS_CARD ? b->cards[device.object].driver
                                     : queue_get(b, (ap_qn)device.object)->driver;
}

static const char *name_of(const struct ap_bus *b, uint32_t driver)
{
    return b->drivers[driver].driver->name;
}

static unsigned apid_of(struct sysfs_dir device)
{
    return device.kind == SYSFS_CARD ? device.object : AP_QN_APID(device.object);
}

static int driver_refuse(const struct ap_bus *b, unsigned driver, const char *file, int err,
                         const char *why, struct effects *fx)
{
    return effects_refuse_at(fx, err, why, "drivers/%s/%s", name_of(b, driver), file);
}

static int bind_store(void *ctx, uint32_t driver, const char *data, size_t len, struct effects *fx)
{
    struct ap_bus *b = ctx;
    struct sysfs_dir device;

    if (device_find(b, data, len, &device) < 0)
        return driver_refuse(b, driver, "bind", -ENODEV, DEVICE_UNKNOWN, fx);
    if (!driver_matches(b, driver, device.kind == SYSFS_CARD, apid_of(device)))
        return driver_refuse(b, driver, "bind", -ENODEV,
                             "the driver does not support devices of this type", fx);
    if (driver_of(b, device) != AP_DRIVER_NONE)
        return driver_refuse(b, driver, "bind", -EBUSY,
                             "the device is bound to a driver; unbind it first", fx);
    if (device.kind == SYSFS_CARD) {
        card_bind(b, device.object, driver, fx);
    } else if (driver_accepts(b, driver, (ap_qn)device.object)) {
        queue_bind(b, (ap_qn)device.object, driver, fx);
    } else {
        return driver_refuse(
            b, driver, "bind", -ENODEV,
            "apmask and aqmask, or its driver_override, reserve the queue for another driver", fx);
    }
    ap_bus_settle(b, fx);
    return 0;
}

static int unbind_store(void *ctx, uint32_t driver, const char *data, size_t len,
                        struct effects *fx)
{
    struct ap_bus *b = ctx;
    struct sysfs_dir device;

    if (device_find(b, data, len, &device) < 0 || driver_of(b, device) != driver)
        return driver_refuse(b, driver, "unbind", -ENODEV, "no such device is bound to the driver",
                             fx);
    if (device.kind == SYSFS_CARD)
        card_unbind(b, device.object, fx);
    else
        queue_unbind(b, (ap_qn)device.object, fx);
    ap_bus_settle(b, fx);
    return 0;
}

static int uevent_store(void *ctx, uint32_t driver, const char *data, size_t len,
                        struct effects *fx)
{
    char path[64];

    snprintf(path, sizeof path, "bus/ap/drivers/%s", name_of(ctx, driver));
    return synth_store(path, "drivers", "", data, len, fx);
}

const struct sysfs_attr driver_attrs[] = {
    {"bind", 0200, .store = bind_store},
    {"uevent", 0200, .store = uevent_store, .counted = true},
    {"unbind", 0200, .store = unbind_store},
    {0},
};

static uint16_t driver_generation(void *ctx, uint32_t driver)
{
    return driver < ((struct ap_bus *)ctx)->driver_count;
}

static void driver_name(void *ctx, uint32_t driver, char out[SYSFS_NAME_MAX])
{
    strcpy(out, name_of(ctx, driver));
}

static struct sysfs_dir driver_parent(void *ctx, uint32_t driver)
{
    return (struct sysfs_dir){SYSFS_BUS_DRIVERS, 0};
}

static int driver_child_find(void *ctx, uint32_t driver, const char *name, struct sysfs_child *out)
{
    int rc = devices_child_find(ctx, 0, name, out);

    return rc == 0 && driver_of(ctx, out->dir) != driver ? -ENOENT : rc;
}

static bool driver_child_next(void *ctx, uint32_t driver, uint32_t *cursor, struct sysfs_child *out,
                              char name[SYSFS_NAME_MAX])
{
    while (devices_child_next(ctx, 0, cursor, out, name))
        if (driver_of(ctx, out->dir) == driver)
            return true;
    return false;
}

static bool driver_to_module(void *ctx, uint32_t driver, struct sysfs_dir *out)
{
    const struct ap_bus *b = ctx;
    const char *module = b->drivers[driver].driver->module;

    return module && sysfs_module_dir(b->tree, module, out);
}

static const struct sysfs_member driver_members[] = {{"module", true, driver_to_module}, {0}};

const struct sysfs_kind_ops bus_driver_kind_ops = {
    .attrs = driver_attrs,
    .members = driver_members,
    .generation = driver_generation,
    .name = driver_name,
    .parent = driver_parent,
    .child_find = driver_child_find,
    .child_next = driver_child_next,
};

static void drivers_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "drivers");
}

static struct sysfs_dir drivers_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_BUS, 0};
}

static int drivers_child_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    const struct ap_bus *b = ctx;

    for (unsigned d = 0; d < b->driver_count; d++) {
        if (strcmp(name_of(b, d), name) == 0) {
            *out = (struct sysfs_child){.dir = {SYSFS_BUS_DRIVER, d}};
            return 0;
        }
    }
    return -ENOENT;
}

static bool drivers_child_next(void *ctx, uint32_t object, uint32_t *cursor,
                               struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    const struct ap_bus *b = ctx;

    if (*cursor >= b->driver_count)
        return false;
    *out = (struct sysfs_child){.dir = {SYSFS_BUS_DRIVER, *cursor}};
    strcpy(name, name_of(b, (*cursor)++));
    return true;
}

const struct sysfs_kind_ops bus_drivers_kind_ops = {
    .name = drivers_name,
    .parent = drivers_parent,
    .child_find = drivers_child_find,
    .child_next = drivers_child_next,
};
