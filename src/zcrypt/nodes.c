/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/synth.h"
#include "zcrypt/internal.h"
#include "zcrypt/major.h"

#define Z90CRYPT_MINOR 1000 /* among the dynamic ones, far from those that a kernel begins with */

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

static int find(const struct zcrypt *z, const char *name)
{
    for (int i = 0; i < ZCRYPT_NODES; i++)
        if (z->nodes[i].present && strcmp(z->nodes[i].name, name) == 0)
            return i;
    return -ENOENT;
}

bool zcrypt_node_restore(struct zcrypt *z, unsigned minor, const struct zcrypt_node *node)
{
    uint16_t generation = z->nodes[minor].generation;

    if (z->nodes[minor].present || find(z, node->name) >= 0 || strcmp(node->name, "z90crypt") == 0)
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
    if (find(z, name) >= 0)
        return name_exists(fx);
    while (minor < ZCRYPT_NODES && z->nodes[minor].present)
        minor++;
    if (minor == ZCRYPT_NODES)
        return effects_refuse(fx, -ENOSPC, CLASS "create",
                              "all 256 nodes exist; destroy one first");
    if (!*name)
        snprintf(name, sizeof name, "zcrypt_%d", minor);
    name_escape(name);
    if (find(z, name) >= 0 || strcmp(name, "z90crypt") == 0)
        return name_exists(fx);
    node = &z->nodes[minor];
    *node = (struct zcrypt_node){
        .generation = (uint16_t)(node->generation + 1 ? node->generation + 1 : 1), .present = true};
    strcpy(node->name, name);
    effects_changed(fx, STATE_NODE, (uint32_t)minor);
    node_uevent(z, minor, "add", fx);
    return 0;
}

static bool any_node(const struct zcrypt *z)
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

    if (any_node(z) || z->tree->keeps_dirs)
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
    minor = find(z, name);
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

static const struct sysfs_attr class_attrs[] = {
    {"create", 0600, .store = create_store}, {"destroy", 0600, .store = destroy_store}, {0}};
static const struct sysfs_attr node_attrs[] = {
    {"admask", 0644, .show = admask_show, .store = admask_store},
    {"apmask", 0644, .show = apmask_show, .store = apmask_store},
    {"aqmask", 0644, .show = aqmask_show, .store = aqmask_store},
    {"dev", 0444, .show = dev_show},
    {"ioctlmask", 0644, .show = ioctlmask_show, .store = ioctlmask_store},
    {"uevent", 0644, .show = node_uevent_show, .store = uevent_store, .counted = true},
    {0}};

/* Directories */

static void class_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "zcrypt");
}

static struct sysfs_dir class_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("class");
}

static struct sysfs_dir parent_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("devices/virtual");
}

static void dev_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "dev");
}

static struct sysfs_dir dev_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_ROOT, 0};
}

/* A node may be named "." or "..", but it cannot be listed or reached under that name. */
static bool listed(const struct zcrypt_node *node)
{
    return node->present && strcmp(node->name, ".") != 0 && strcmp(node->name, "..") != 0;
}

static int node_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    int minor = find(ctx, name);

    if (minor < 0 || !listed(node_of(ctx, (uint32_t)minor)))
        return -ENOENT;
    *out = (struct sysfs_child){{SYSFS_ZCRYPT_NODE, (uint32_t)minor}, false};
    return 0;
}

static bool node_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    while (*cursor < ZCRYPT_NODES && !listed(node_of(ctx, *cursor)))
        ++*cursor;
    if (*cursor >= ZCRYPT_NODES)
        return false;
    *out = (struct sysfs_child){{SYSFS_ZCRYPT_NODE, *cursor}, false};
    strcpy(name, node_of(ctx, (*cursor)++)->name);
    return true;
}

static int link_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    int rc = node_find(ctx, object, name, out);

    if (rc == 0)
        out->is_link = true;
    return rc;
}

static bool link_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    if (!node_next(ctx, object, cursor, out, name))
        return false;
    out->is_link = true;
    return true;
}

static int dev_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    if (strcmp(name, "z90crypt") == 0) {
        *out = (struct sysfs_child){{SYSFS_DEV_NODE, ZCRYPT_Z90CRYPT}, false};
        return 0;
    }
    if (node_find(ctx, object, name, out) < 0)
        return -ENOENT;
    out->dir.kind = SYSFS_DEV_NODE;
    return 0;
}

static bool dev_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                     char name[SYSFS_NAME_MAX])
{
    uint32_t nodes = *cursor ? *cursor - 1 : 0;

    if (*cursor == 0) {
        *cursor = 1;
        *out = (struct sysfs_child){{SYSFS_DEV_NODE, ZCRYPT_Z90CRYPT}, false};
        strcpy(name, "z90crypt");
        return true;
    }
    if (!node_next(ctx, object, &nodes, out, name))
        return false;
    *cursor = nodes + 1;
    out->dir.kind = SYSFS_DEV_NODE;
    return true;
}

static uint16_t node_generation(void *ctx, uint32_t minor)
{
    const struct zcrypt_node *node = zcrypt_node_at(ctx, minor);

    return node ? node->generation : 0;
}

static uint16_t dev_node_generation(void *ctx, uint32_t object)
{
    return object == ZCRYPT_Z90CRYPT ? 1 : node_generation(ctx, object);
}

static void node_name(void *ctx, uint32_t minor, char out[SYSFS_NAME_MAX])
{
    strcpy(out, minor == ZCRYPT_Z90CRYPT ? "z90crypt" : node_of(ctx, minor)->name);
}

static uint16_t parent_generation(void *ctx, uint32_t object)
{
    const struct zcrypt *z = ctx;

    return any_node(z) || z->tree->keeps_dirs ? z->parent_generation : 0;
}

static int major_find(void *ctx, unsigned minor, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_ZCRYPT_NODE, minor};
    return minor < ZCRYPT_NODES && listed(node_of(ctx, minor)) ? 0 : -ENOENT;
}

static bool major_next(void *ctx, uint32_t *cursor, unsigned *minor, struct sysfs_dir *out)
{
    struct sysfs_child child;
    char name[SYSFS_NAME_MAX];

    if (!node_next(ctx, 0, cursor, &child, name))
        return false;
    *out = child.dir;
    *minor = child.dir.object;
    return true;
}

static struct sysfs_dir node_parent(void *ctx, uint32_t minor)
{
    return (struct sysfs_dir){SYSFS_ZCRYPT_PARENT, 0};
}

static struct sysfs_dir dev_node_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_DEV, 0};
}

static bool node_to_class(void *ctx, uint32_t minor, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_ZCRYPT_CLASS, 0};
    return true;
}

static const struct sysfs_member node_members[] = {{"subsystem", true, node_to_class}, {0}};

void zcrypt_nodes_register(struct zcrypt *z)
{
    static const struct sysfs_kind_ops class_ops = {.attrs = class_attrs,
                                                    .name = class_name,
                                                    .parent = class_parent,
                                                    .child_find = link_find,
                                                    .child_next = link_next};
    static const struct sysfs_kind_ops parent_ops = {.generation = parent_generation,
                                                     .name = class_name,
                                                     .parent = parent_parent,
                                                     .child_find = node_find,
                                                     .child_next = node_next};
    static const struct sysfs_kind_ops node_ops = {.attrs = node_attrs,
                                                   .members = node_members,
                                                   .generation = node_generation,
                                                   .name = node_name,
                                                   .parent = node_parent};
    static const struct sysfs_kind_ops dev_ops = {
        .name = dev_name, .parent = dev_parent, .child_find = dev_find, .child_next = dev_next};
    static const struct sysfs_kind_ops dev_node_ops = {.device = 0666,
                                                       .generation = dev_node_generation,
                                                       .name = node_name,
                                                       .parent = dev_node_parent};
    sysfs_register(z->tree, SYSFS_ZCRYPT_CLASS, &class_ops, z);
    sysfs_register(z->tree, SYSFS_ZCRYPT_PARENT, &parent_ops, z);
    sysfs_register(z->tree, SYSFS_ZCRYPT_NODE, &node_ops, z);
    sysfs_register(z->tree, SYSFS_DEV, &dev_ops, z);
    sysfs_register(z->tree, SYSFS_DEV_NODE, &dev_node_ops, z);
    sysfs_misc_add(z->tree, &(struct sysfs_misc){
                                .name = "z90crypt", .node = "z90crypt", .minor = Z90CRYPT_MINOR});
    z->major = ZCRYPT_MAJOR;
    sysfs_major_add(z->tree, &(struct sysfs_major){z->major, major_find, major_next, z});
}

void zcrypt_set_major(struct zcrypt *z, unsigned major)
{
    struct sysfs_tree *t = z->tree;

    for (unsigned i = 0; i < t->major_count; i++)
        if (t->majors[i].major == z->major)
            t->majors[i].major = major;
    z->major = major;
}
