/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/synth.h"
#include "sysfs/tree.h"

/* Miscellaneous devices: class/misc and devices/virtual/misc [files-misc]. The object is the
 * index. */

#define MISC_MAJOR 10
#define LINES_MAX  128

static const struct sysfs_misc *misc_of(void *ctx, uint32_t object)
{
    return &((struct sysfs_tree *)ctx)->miscs[object];
}

static int dev_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%u:%u\n", MISC_MAJOR, misc_of(ctx, object)->minor);
    return 0;
}

static void lines(const struct sysfs_misc *m, struct text *out)
{
    text_addf(out, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", MISC_MAJOR, m->minor, m->node);
    if (m->mode)
        text_addf(out, "DEVMODE=%s\n", m->mode);
}

static int uevent_show(void *ctx, uint32_t object, struct text *out)
{
    lines(misc_of(ctx, object), out);
    return 0;
}

static int uevent_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    text_auto path = {0}, own = {0};

    sysfs_dir_path(ctx, (struct sysfs_dir){SYSFS_MISC, object}, &path);
    lines(misc_of(ctx, object), &own);
    return synth_store(path.data, "misc", own.data, data, len, fx);
}

static const struct sysfs_attr misc_attrs[] = {
    {"dev", 0444, .show = dev_show},
    {"uevent", 0644, .show = uevent_show, .store = uevent_store, .counted = true},
    {0},
};

static uint16_t misc_generation(void *ctx, uint32_t object)
{
    return object < ((struct sysfs_tree *)ctx)->misc_count;
}

static void misc_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, misc_of(ctx, object)->name);
}

static struct sysfs_dir misc_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_MISC_PARENT, 0};
}

static bool to_class(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MISC_CLASS, 0};
    return true;
}

static void class_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "misc");
}

static struct sysfs_dir class_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("class");
}

static struct sysfs_dir parent_parent(void *ctx, uint32_t object)
{
    return sysfs_static_dir("devices/virtual");
}

static bool any_next(const struct sysfs_tree *t, uint32_t *cursor, bool is_link,
                     struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    if (*cursor >= t->misc_count)
        return false;
    strcpy(name, t->miscs[*cursor].name);
    *out = (struct sysfs_child){{SYSFS_MISC, (*cursor)++}, is_link};
    return true;
}

static int any_find(const struct sysfs_tree *t, const char *name, bool is_link,
                    struct sysfs_child *out)
{
    char own[SYSFS_NAME_MAX];
    uint32_t cursor = 0;

    while (any_next(t, &cursor, is_link, out, own))
        if (strcmp(own, name) == 0)
            return 0;
    return -ENOENT;
}

static int dir_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return any_find(ctx, name, false, out);
}

static bool dir_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                     char name[SYSFS_NAME_MAX])
{
    return any_next(ctx, cursor, false, out, name);
}

static int link_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return any_find(ctx, name, true, out);
}

static bool link_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    return any_next(ctx, cursor, true, out, name);
}

static int major_find(void *ctx, unsigned minor, struct sysfs_dir *out)
{
    const struct sysfs_tree *t = ctx;

    for (unsigned i = 0; i < t->misc_count; i++) {
        if (t->miscs[i].minor == minor) {
            *out = (struct sysfs_dir){SYSFS_MISC, i};
            return 0;
        }
    }
    return -ENOENT;
}

static bool major_next(void *ctx, uint32_t *cursor, unsigned *minor, struct sysfs_dir *out)
{
    const struct sysfs_tree *t = ctx;

    if (*cursor >= t->misc_count)
        return false;
    *minor = t->miscs[*cursor].minor;
    *out = (struct sysfs_dir){SYSFS_MISC, (*cursor)++};
    return true;
}

static const struct sysfs_member misc_members[] = {{"subsystem", true, to_class}, {0}};

static void register_kinds(struct sysfs_tree *t)
{
    static const struct sysfs_kind_ops class_ops = {.name = class_name,
                                                    .parent = class_parent,
                                                    .child_find = link_find,
                                                    .child_next = link_next};
    static const struct sysfs_kind_ops parent_ops = {.name = class_name,
                                                     .parent = parent_parent,
                                                     .child_find = dir_find,
                                                     .child_next = dir_next};
    static const struct sysfs_kind_ops misc_ops = {.attrs = misc_attrs,
                                                   .members = misc_members,
                                                   .generation = misc_generation,
                                                   .name = misc_name,
                                                   .parent = misc_parent};

    sysfs_register(t, SYSFS_MISC_CLASS, &class_ops, t);
    sysfs_register(t, SYSFS_MISC_PARENT, &parent_ops, t);
    sysfs_register(t, SYSFS_MISC, &misc_ops, t);
    sysfs_major_add(t, &(struct sysfs_major){MISC_MAJOR, major_find, major_next, t});
}

void sysfs_misc_add(struct sysfs_tree *t, const struct sysfs_misc *misc)
{
    if (t->misc_count == SYSFS_MISCS_MAX)
        abort();
    if (!t->misc_count)
        register_kinds(t);
    t->miscs[t->misc_count++] = *misc;
}
