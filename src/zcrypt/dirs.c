/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "zcrypt/internal.h"
#include "zcrypt/major.h"

/* The directories of the nodes: class/zcrypt, devices/virtual/zcrypt and dev [zcrypt-class]. */

#define Z90CRYPT_MINOR 1000 /* among the dynamic ones, far from those that a kernel begins with */

static const struct zcrypt_node *node_of(void *ctx, uint32_t minor)
{
    return &((const struct zcrypt *)ctx)->nodes[minor];
}

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
    int minor = zcrypt_node_find(ctx, name);

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

    return zcrypt_node_any(z) || z->tree->keeps_dirs ? z->parent_generation : 0;
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
    static const struct sysfs_kind_ops class_ops = {.attrs = zcrypt_class_attrs,
                                                    .name = class_name,
                                                    .parent = class_parent,
                                                    .child_find = link_find,
                                                    .child_next = link_next};
    static const struct sysfs_kind_ops parent_ops = {.generation = parent_generation,
                                                     .name = class_name,
                                                     .parent = parent_parent,
                                                     .child_find = node_find,
                                                     .child_next = node_next};
    static const struct sysfs_kind_ops node_ops = {.attrs = zcrypt_node_attrs,
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
