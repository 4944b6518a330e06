/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "import/read.h"

/*
 * Definitions of mdevctl. Numbers are decimal unless they have a prefix. The list of what runs and
 * that of what is defined look alike, so a list tells only that a device exists; a device that runs
 * without a definition is listed without attributes.
 */

#define TYPE "vfio_ap-passthrough"

static struct slice string_of(const json_t *value)
{
    const char *text = json_string_value(value);

    return (struct slice){text ? text : "", text ? json_string_length(value) : 0};
}

static int refuse(struct text *why, const char *uuid, const char *what, struct slice s)
{
    text_addf(why, "%.36s: ", uuid);
    return slice_refuse(why, -EINVAL, what, s,
                        "; expected assign_adapter, assign_domain or assign_control_domain with a "
                        "number up to 255");
}

static int attributes_read(const json_t *attrs, const char *uuid, struct known_matrix *m,
                           struct text *why)
{
    size_t i;
    const json_t *one, *value;
    const char *key;

    json_array_foreach (attrs, i, one) {
        json_object_foreach ((json_t *)one, key, value) {
            struct slice name = {key, strlen(key)};

            if (!read_assignment(m, name, string_of(value)))
                return refuse(why, uuid, "not an attribute: ",
                              json_is_string(value) ? string_of(value) : name);
        }
    }
    return 0;
}

/* Of another driver: nothing to do with the AP. */
static bool is_ours(const json_t *definition)
{
    return slice_is(string_of(json_object_get(definition, "mdev_type")), TYPE);
}

static int device_read(struct known *k, const char *uuid, const json_t *definition, bool list,
                       struct text *why)
{
    struct slice start = string_of(json_object_get(definition, "start"));
    const json_t *attrs = json_object_get(definition, "attrs");
    struct known_matrix m = {0};
    struct known_device *d;
    struct uuid id;
    int rc;

    if (!is_ours(definition))
        return 0;
    if (uuid_parse(uuid, strlen(uuid), &id) < 0)
        return slice_refuse(why, -EINVAL, "not a UUID: ", (struct slice){uuid, strlen(uuid)}, "");
    rc = attributes_read(attrs, uuid, &m, why);
    d = rc == 0 ? known_device(k, &id) : NULL;
    if (!d)
        return rc;
    if (!list || json_array_size(attrs))
        known_matrix(k, d, &d->defined, &m);
    known_flag(k, d, &d->autostart, slice_is(start, "auto"), "autostart");
    if (list && !d->listed)
        d->listed = k->now;
    return 0;
}

int read_definition(struct known *k, const char *name, const json_t *root, struct text *why)
{
    char uuid[UUID_TEXT] = "";
    const char *base = read_base(name);

    known_source(k, name, RANK_LIST);
    memcpy(uuid, base, strnlen(base, UUID_TEXT - 1));
    if (!is_ours(root))
        return 0;
    if (strlen(uuid) == UUID_TEXT - 1 && (!base[UUID_TEXT - 1] || base[UUID_TEXT - 1] == '.'))
        return device_read(k, uuid, root, false, why);
    text_adds(why,
              "a definition of a device does not contain its UUID; its file must be named UUID "
              "or UUID.json");
    return -EINVAL;
}

/* [{"matrix": [{UUID: definition}, ...]}]. */
int read_mdevctl(struct known *k, const json_t *root, struct text *why)
{
    size_t i, j;
    const json_t *parents, *devices, *device, *definition;
    const char *parent, *uuid;

    json_array_foreach (root, i, parents)
        json_object_foreach ((json_t *)parents, parent, devices)
            json_array_foreach (devices, j, device)
                json_object_foreach ((json_t *)device, uuid, definition)
                    if (device_read(k, uuid, definition, true, why) < 0)
                        return -EINVAL;
    return 0;
}
