/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
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

/* A number may be one of JSON's, too. */
static int attribute_read(const char *name, const json_t *value, const char *uuid,
                          struct known_matrix *m, struct text *why)
{
    struct slice attribute = {name, strlen(name)}, text = string_of(value);
    char digits[24];

    if (json_is_integer(value)) {
        snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = (struct slice){digits, strlen(digits)};
    }
    if (read_assignment(m, attribute, text))
        return 0;
    return refuse(why, uuid, "not an attribute: ", text.len ? text : attribute);
}

static int object_read(const json_t *attrs, const char *uuid, struct known_matrix *m,
                       struct text *why)
{
    const json_t *value;
    const char *key;
    int rc = 0;

    json_object_foreach ((json_t *)attrs, key, value)
        if (rc == 0)
            rc = attribute_read(key, value, uuid, m, why);
    return rc;
}

/* "assign_adapter=5" */
static int line_read(const json_t *line, const char *uuid, struct known_matrix *m, struct text *why)
{
    struct slice name, value;

    slice_cut(string_of(line), '=', &name, &value);
    if (read_assignment(m, slice_trim(name, SLICE_BLANKS), slice_trim(value, SLICE_BLANKS)))
        return 0;
    return refuse(why, uuid, "not an attribute: ", string_of(line));
}

/* A list of objects with one attribute each, as mdevctl writes it; an object, or a list of lines,
 * as people write it. */
static int attributes_read(const json_t *attrs, const char *uuid, struct known_matrix *m,
                           struct text *why)
{
    static const struct slice none = {"", 0};
    size_t i;
    const json_t *one;
    int rc = 0;

    if (json_is_object(attrs))
        return object_read(attrs, uuid, m, why);
    if (attrs && !json_is_array(attrs))
        return refuse(why, uuid, "attrs is neither a list nor an object", none);
    json_array_foreach (attrs, i, one) {
        if (rc == 0)
            rc = json_is_object(one)   ? object_read(one, uuid, m, why)
                 : json_is_string(one) ? line_read(one, uuid, m, why)
                                       : refuse(why, uuid, "an attribute is no object", none);
    }
    return rc;
}

/* Of another driver: nothing to do with the AP. */
static bool is_ours(struct known *k, const char *uuid, const json_t *definition)
{
    const json_t *type = json_object_get(definition, "mdev_type");

    if (!json_is_string(type))
        known_note(k, NOTE_MISSING, k->now, "%.36s is left out: its definition has no mdev_type",
                   uuid);
    return slice_is(string_of(type), TYPE);
}

static bool starts_itself(struct known *k, const char *uuid, struct slice start)
{
    if (start.len && !slice_is(start, "auto") && !slice_is(start, "manual"))
        known_note(k, NOTE_ASSUMED, k->now,
                   "%.36s is not started by itself, since its start is "
                   "neither auto nor manual: %.*s",
                   uuid, (int)(start.len < 40 ? start.len : 40), start.at);
    return slice_is(start, "auto");
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

    if (!is_ours(k, uuid, definition))
        return 0;
    if (uuid_parse(uuid, strlen(uuid), &id) < 0)
        return slice_refuse(why, -EINVAL, "not a UUID: ", (struct slice){uuid, strlen(uuid)}, "");
    rc = attributes_read(attrs, uuid, &m, why);
    d = rc == 0 ? known_device(k, &id) : NULL;
    if (!d)
        return rc;
    if (!list || json_array_size(attrs) || json_object_size(attrs))
        known_matrix(k, d, &d->defined, &m);
    known_flag(k, d, &d->autostart, starts_itself(k, uuid, start), "autostart");
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
    if (!is_ours(k, base, root))
        return 0;
    if (strlen(uuid) == UUID_TEXT - 1 && (!base[UUID_TEXT - 1] || base[UUID_TEXT - 1] == '.'))
        return device_read(k, uuid, root, false, why);
    text_adds(why,
              "a definition of a device does not contain its UUID; its file must be named UUID "
              "or UUID.json");
    return -EINVAL;
}

static int devices_read(struct known *k, const json_t *devices, struct text *why)
{
    const json_t *definition;
    const char *uuid;
    int rc = 0;

    json_object_foreach ((json_t *)devices, uuid, definition)
        if (rc == 0)
            rc = device_read(k, uuid, definition, true, why);
    return rc;
}

static int parent_read(struct known *k, const char *parent, const json_t *devices, struct text *why)
{
    const json_t *device;
    size_t i;
    int rc = 0;

    if (json_is_object(devices))
        return devices_read(k, devices, why);
    if (!json_is_array(devices))
        known_note(k, NOTE_MISSING, k->now, "the devices of the parent %.40s are no list", parent);
    json_array_foreach (devices, i, device) {
        if (!json_is_object(device))
            known_note(k, NOTE_MISSING, k->now, "device %zu of the parent %.40s is no object",
                       i + 1, parent);
        else if (rc == 0)
            rc = devices_read(k, device, why);
    }
    return rc;
}

/* [{"matrix": [{UUID: definition}, ...]}]; also without the outer list, or with the devices in one
 * object. */
int read_mdevctl(struct known *k, const json_t *root, struct text *why)
{
    const json_t *parents, *devices;
    const char *parent;
    size_t i;
    int rc = 0;

    json_array_foreach (root, i, parents) {
        if (!json_is_object(parents))
            known_note(k, NOTE_MISSING, k->now, "entry %zu of the list has no parent", i + 1);
        json_object_foreach ((json_t *)parents, parent, devices)
            if (rc == 0)
                rc = parent_read(k, parent, devices, why);
    }
    return rc;
}
