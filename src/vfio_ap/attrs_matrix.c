/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/synth.h"
#include "vfio_ap/internal.h"

/* Attributes of the matrix device and of its only type of mediated device [matrix-devices]
 * [matrix-type] [matrix-create]. */

static int features_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "guest_matrix hotplug ap_config\n");
    return 0;
}

#define MATRIX_UEVENT_LINES "DRIVER=vfio_ap\n"

static int matrix_uevent_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, MATRIX_UEVENT_LINES);
    return 0;
}

static int matrix_uevent_store(void *ctx, uint32_t object, const char *data, size_t len,
                               struct effects *fx)
{
    return synth_store("devices/vfio_ap/matrix", "matrix", MATRIX_UEVENT_LINES, data, len, fx);
}

const struct sysfs_attr matrix_attrs[] = {
    {"features", 0444, .show = features_show},
    {"uevent", 0644, .show = matrix_uevent_show, .store = matrix_uevent_store},
    {0},
};

static int available_instances_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%u\n", MDEV_MAX - vfio_ap_count(vfio_ap_of(ctx)));
    return 0;
}

static int device_api_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "vfio-ap\n");
    return 0;
}

static int name_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "VFIO AP Passthrough Device\n");
    return 0;
}

/* As in the kernel: 36 characters, optionally followed by one more that is ignored. */
static int create_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    struct uuid uuid;

    if (len < UUID_TEXT - 1 || len > UUID_TEXT || uuid_parse(data, UUID_TEXT - 1, &uuid) < 0)
        return effects_refuse(fx, -EINVAL, "create", "expected a UUID as printed by uuidgen");
    return mdev_create(vfio_ap_of(ctx), &uuid, fx);
}

const struct sysfs_attr mdev_type_attrs[] = {
    {"available_instances", 0444, .show = available_instances_show},
    {"create", 0200, .store = create_store, .counted = true},
    {"device_api", 0444, .show = device_api_show},
    {"name", 0444, .show = name_show},
    {0},
};
