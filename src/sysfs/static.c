/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sysfs/tree.h"

/* The directories that always exist, parents first. Their members are the kinds and directories
 * that name them as parent. */

static const struct {
    const char *path, *name;
    int parent; /* index in this table, -1: the root */
} statics[] = {
    {"bus", "bus", -1},
    {"class", "class", -1},
    {"devices", "devices", -1},
    {"kernel", "kernel", -1},
    {"devices/virtual", "virtual", 2},
};

#define STATICS (sizeof statics / sizeof *statics)

struct sysfs_dir sysfs_static_dir(const char *path)
{
    for (size_t i = 0; i < STATICS; i++)
        if (strcmp(statics[i].path, path) == 0)
            return (struct sysfs_dir){SYSFS_STATIC, (uint32_t)i};
    abort();
}

static bool same_dir(struct sysfs_dir a, struct sysfs_dir b)
{
    return a.kind == b.kind && a.object == b.object;
}

static struct sysfs_dir static_parent(void *ctx, uint32_t object)
{
    if (object >= STATICS || statics[object].parent < 0)
        return (struct sysfs_dir){SYSFS_ROOT, 0};
    return (struct sysfs_dir){SYSFS_STATIC, (uint32_t)statics[object].parent};
}

static void static_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, statics[object].name);
}

/* Members of a static directory or the root: first static ones, then the unique directories that
 * exist. */
static bool next_in(const struct sysfs_tree *t, struct sysfs_dir dir, uint32_t *cursor,
                    struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    for (; *cursor < STATICS; ++*cursor) {
        if (!same_dir(static_parent(NULL, *cursor), dir))
            continue;
        static_name(NULL, *cursor, name);
        *out = (struct sysfs_child){{SYSFS_STATIC, (*cursor)++}, false};
        return true;
    }
    for (; *cursor < STATICS + SYSFS_KINDS; ++*cursor) {
        enum sysfs_kind kind = (enum sysfs_kind)(*cursor - STATICS);
        const struct sysfs_kind_ops *ops = t->ops[kind];

        if (kind <= SYSFS_STATIC || !ops || !same_dir(ops->parent(t->ctx[kind], 0), dir) ||
            !sysfs_exists(t, (struct sysfs_dir){kind, 0}))
            continue;
        ops->name(t->ctx[kind], 0, name);
        *out = (struct sysfs_child){{kind, 0}, false};
        ++*cursor;
        return true;
    }
    return false;
}

static int find_in(const struct sysfs_tree *t, struct sysfs_dir dir, const char *wanted,
                   struct sysfs_child *out)
{
    char name[SYSFS_NAME_MAX];
    uint32_t cursor = 0;

    while (next_in(t, dir, &cursor, out, name))
        if (strcmp(name, wanted) == 0)
            return 0;
    return -ENOENT;
}

static int static_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return find_in(ctx, (struct sysfs_dir){SYSFS_STATIC, object}, name, out);
}

static bool static_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                        char name[SYSFS_NAME_MAX])
{
    return next_in(ctx, (struct sysfs_dir){SYSFS_STATIC, object}, cursor, out, name);
}

static int root_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return find_in(ctx, (struct sysfs_dir){SYSFS_ROOT, 0}, name, out);
}

static bool root_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    return next_in(ctx, (struct sysfs_dir){SYSFS_ROOT, 0}, cursor, out, name);
}

void sysfs_tree_init(struct sysfs_tree *t)
{
    static const struct sysfs_kind_ops root = {
        .child_find = root_find, .child_next = root_next, .parent = static_parent};
    static const struct sysfs_kind_ops fixed = {.name = static_name,
                                                .parent = static_parent,
                                                .child_find = static_find,
                                                .child_next = static_next};

    *t = (struct sysfs_tree){0};
    sysfs_register(t, SYSFS_ROOT, &root, t);
    sysfs_register(t, SYSFS_STATIC, &fixed, t);
}
