/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/synth.h"
#include "zcrypt/internal.h"

/* The nodes that programs create and destroy, with masks of their own [zcrypt-nodes]. */

const struct zcrypt_node *zcrypt_node_at(const struct zcrypt *z, unsigned minor)
{
    return minor < ZCRYPT_NODES && z->nodes[minor].present ? &z->nodes[minor] : NULL;
}

uint32_t zcrypt_node_handle(const struct zcrypt *z, uint32_t object)
{
    if (object == ZCRYPT_Z90CRYPT)
        return ZCRYPT_Z90CRYPT;
    return (uint32_t)z->nodes[object].generation << 16 | object;
}

const struct zcrypt_node *zcrypt_node_of(const struct zcrypt *z, uint32_t handle)
{
    const struct zcrypt_node *node = zcrypt_node_at(z, handle & 0xffff);

    return node && node->generation == handle >> 16 ? node : NULL;
}

static struct zcrypt_node *node_of(void *ctx, uint32_t minor)
{
    return &((struct zcrypt *)ctx)->nodes[minor];
}

int zcrypt_node_find(const struct zcrypt *z, const char *name)
{
    for (int i = 0; i < ZCRYPT_NODES; i++)
        if (z->nodes[i].present && strcmp(z->nodes[i].name, name) == 0)
            return i;
    return -ENOENT;
}

bool zcrypt_node_restore(struct zcrypt *z, unsigned minor, const struct zcrypt_node *node)
{
    uint16_t generation = z->nodes[minor].generation;

    if (z->nodes[minor].present || zcrypt_node_find(z, node->name) >= 0 ||
        strcmp(node->name, "z90crypt") == 0)
        return false;
    z->nodes[minor] = *node;
    z->nodes[minor].generation = (uint16_t)(generation + 1 ? generation + 1 : 1);
    z->nodes[minor].present = true;
    return true;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * As the kernel reads a name: leading blanks skipped, cut at 31 characters, trailing blanks
 * removed. Anything else is accepted, even a newline inside.
 */
static void name_parse(const char *data, size_t len, char out[ZCRYPT_NAME_MAX])
{
    len = strnlen(data, len);
    while (len && blank(*data)) {
        data++;
        len--;
    }
    if (len >= ZCRYPT_NAME_MAX)
        len = ZCRYPT_NAME_MAX - 1;
    while (len && blank(data[len - 1]))
        len--;
    memcpy(out, data, len);
    out[len] = '\0';
}

/* A file name cannot contain a slash; as in the kernel the device's name has another character
 * instead. */
static void name_escape(char name[ZCRYPT_NAME_MAX])
{
    for (; *name; name++)
        if (*name == '/')
            *name = '!';
}

#define LINES_MAX 80
#define CLASS     "class/zcrypt/"

/* Each variable ends with end, a newline or NUL. Returns the length. In DEVNAME the slash is itself
 * again: devtmpfs makes a directory of it. */
static size_t node_variables(const struct zcrypt *z, unsigned minor, char end, char out[LINES_MAX])
{
    size_t len =
        (size_t)snprintf(out, LINES_MAX, "MAJOR=%u%cMINOR=%u%cDEVNAME=", z->major, end, minor, end);

    for (const char *c = z->nodes[minor].name; *c; c++)
        out[len++] = *c == '!' ? '/' : *c;
    out[len++] = end;
    out[len] = '\0';
    return len;
}

static void node_path(const struct zcrypt_node *node, char out[LINES_MAX])
{
    snprintf(out, LINES_MAX, "devices/virtual/zcrypt/%s", node->name);
}

static void node_uevent(const struct zcrypt *z, int minor, const char *action, struct effects *fx)
{
    char path[LINES_MAX], vars[LINES_MAX];
    size_t len = node_variables(z, (unsigned)minor, '\0', vars);

    node_path(&z->nodes[minor], path);
    if (effects_uevent_begin(fx, action, path, "zcrypt"))
        effects_uevent_vars(fx, vars, len);
}

static int name_exists(struct effects *fx)
{
    return effects_refuse(fx, -EEXIST, CLASS "create", "a node of that name already exists");
}

static int create_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    struct zcrypt *z = ctx;
    char name[ZCRYPT_NAME_MAX];
    struct zcrypt_node *node;
    int minor = 0;

    name_parse(data, len, name);
    if (zcrypt_node_find(z, name) >= 0)
        return name_exists(fx);
    while (minor < ZCRYPT_NODES && z->nodes[minor].present)
        minor++;
    if (minor == ZCRYPT_NODES)
        return effects_refuse(fx, -ENOSPC, CLASS "create",
                              "all 256 nodes exist; destroy one first");
    if (!*name)
        snprintf(name, sizeof name, "zcrypt_%d", minor);
    name_escape(name);
    if (zcrypt_node_find(z, name) >= 0 || strcmp(name, "z90crypt") == 0)
        return name_exists(fx);
    node = &z->nodes[minor];
    *node = (struct zcrypt_node){
        .generation = (uint16_t)(node->generation + 1 ? node->generation + 1 : 1), .present = true};
    strcpy(node->name, name);
    effects_changed(fx, STATE_NODE, (uint32_t)minor);
    node_uevent(z, minor, "add", fx);
    return 0;
}

bool zcrypt_node_any(const struct zcrypt *z)
{
    for (unsigned minor = 0; minor < ZCRYPT_NODES; minor++)
        if (z->nodes[minor].present)
            return true;
    return false;
}

/* devices/virtual/zcrypt goes with the last node. */
static void parent_gone(struct zcrypt *z, struct effects *fx)
{
    struct sysfs_dir above = sysfs_static_dir("devices/virtual");

    if (zcrypt_node_any(z) || z->tree->keeps_dirs)
        return;
    if (++z->parent_generation == 0)
        z->parent_generation = 1;
    effects_gone(fx, sysfs_dir_ino(z->tree, above), "zcrypt");
}

static void destroy(struct zcrypt *z, int minor, struct effects *fx)
{
    const char *name = z->nodes[minor].name;

    effects_gone(fx, sysfs_dir_ino(z->tree, (struct sysfs_dir){SYSFS_ZCRYPT_PARENT, 0}), name);
    effects_gone(fx, sysfs_dir_ino(z->tree, (struct sysfs_dir){SYSFS_DEV, 0}), name);
    z->nodes[minor].present = false;
    effects_changed(fx, STATE_NODE, (uint32_t)minor);
    parent_gone(z, fx);
    node_uevent(z, minor, "remove", fx);
}

static int destroy_store(void *ctx, uint32_t object, const char *data, size_t len,
                         struct effects *fx)
{
    struct zcrypt *z = ctx;
    char name[ZCRYPT_NAME_MAX];
    int minor;

    name_parse(data, len, name);
    minor = zcrypt_node_find(z, name);
    if (minor < 0)
        return effects_refuse(fx, -ENOENT, CLASS "destroy", "no node of that name");
    destroy(z, minor, fx);
    return 0;
}

void zcrypt_boot(struct zcrypt *z, struct effects *fx)
{
    for (int minor = 0; minor < ZCRYPT_NODES; minor++)
        if (z->nodes[minor].present)
            destroy(z, minor, fx);
}

static int uevent_store(void *ctx, uint32_t minor, const char *data, size_t len, struct effects *fx)
{
    char path[LINES_MAX], lines[LINES_MAX];

    node_path(node_of(ctx, minor), path);
    node_variables(ctx, minor, '\n', lines);
    return synth_store(path, "zcrypt", lines, data, len, fx);
}

static int node_mask_store(const struct zcrypt *z, uint32_t minor, const char *name,
                           struct mask256 *mask, const char *data, size_t len, struct effects *fx)
{
    if (mask256_parse(data, len, mask) == 0) {
        effects_changed(fx, STATE_NODE, minor);
        return 0;
    }
    return effects_refuse_at(fx, -EINVAL, MASK256_WANTED, CLASS "%s/%s", z->nodes[minor].name,
                             name);
}

#define DEFINE_MASK(field)                                                                         \
    static int field##_show(void *ctx, uint32_t minor, struct text *out)                           \
    {                                                                                              \
        return mask256_show(&node_of(ctx, minor)->field, out);                                     \
    }                                                                                              \
    static int field##_store(void *ctx, uint32_t minor, const char *data, size_t len,              \
                             struct effects *fx)                                                   \
    {                                                                                              \
        return node_mask_store(ctx, minor, #field, &node_of(ctx, minor)->field, data, len, fx);    \
    }

DEFINE_MASK(ioctlmask)
DEFINE_MASK(apmask)
DEFINE_MASK(aqmask)
DEFINE_MASK(admask)

static int dev_show(void *ctx, uint32_t minor, struct text *out)
{
    text_addf(out, "%u:%u\n", ((const struct zcrypt *)ctx)->major, minor);
    return 0;
}

static int node_uevent_show(void *ctx, uint32_t minor, struct text *out)
{
    char lines[LINES_MAX];

    node_variables(ctx, minor, '\n', lines);
    text_adds(out, lines);
    return 0;
}

const struct sysfs_attr zcrypt_class_attrs[] = {
    {"create", 0600, .store = create_store}, {"destroy", 0600, .store = destroy_store}, {0}};
const struct sysfs_attr zcrypt_node_attrs[] = {
    {"admask", 0644, .show = admask_show, .store = admask_store},
    {"apmask", 0644, .show = apmask_show, .store = apmask_store},
    {"aqmask", 0644, .show = aqmask_show, .store = aqmask_store},
    {"dev", 0444, .show = dev_show},
    {"ioctlmask", 0644, .show = ioctlmask_show, .store = ioctlmask_store},
    {"uevent", 0644, .show = node_uevent_show, .store = uevent_store, .counted = true},
    {0}};
