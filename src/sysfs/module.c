/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/synth.h"
#include "sysfs/tree.h"

/* Modules of the kernel: module/NAME [files-modules]. The object is the index. */

static const struct sysfs_module *module_of(void *ctx, uint32_t object)
{
    return &((struct sysfs_tree *)ctx)->modules[object];
}

static bool is_loaded(void *ctx, uint32_t object)
{
    return !module_of(ctx, object)->built_in;
}

static int coresize_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%u\n", module_of(ctx, object)->size);
    return 0;
}

static int initsize_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "0\n");
    return 0;
}

static int initstate_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "live\n");
    return 0;
}

static bool holds(const struct sysfs_module *by, const struct sysfs_module *held)
{
    return by->uses && strcmp(by->uses, held->name) == 0;
}

static int refcnt_show(void *ctx, uint32_t object, struct text *out)
{
    const struct sysfs_tree *t = ctx;
    const struct sysfs_module *m = module_of(ctx, object);
    unsigned count = m->users ? m->users(m->ctx) : 0;

    for (unsigned i = 0; i < t->module_count; i++)
        count += holds(&t->modules[i], m);
    text_addf(out, "%u\n", count);
    return 0;
}

static int taint_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "\n");
    return 0;
}

static int uevent_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    text_auto path = {0};

    sysfs_dir_path(ctx, (struct sysfs_dir){SYSFS_MODULE, object}, &path);
    return synth_store(path.data, "module", "", data, len, fx);
}

static const struct sysfs_attr module_attrs[] = {
    {"coresize", 0444, .visible = is_loaded, .told = true, .show = coresize_show},
    {"initsize", 0444, .visible = is_loaded, .told = true, .show = initsize_show},
    {"initstate", 0444, .visible = is_loaded, .told = true, .show = initstate_show},
    {"refcnt", 0444, .visible = is_loaded, .told = true, .show = refcnt_show},
    {"taint", 0444, .visible = is_loaded, .told = true, .show = taint_show},
    {"uevent", 0200, .store = uevent_store, .counted = true},
    {0},
};

static uint16_t module_generation(void *ctx, uint32_t object)
{
    return object < ((struct sysfs_tree *)ctx)->module_count;
}

static void module_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, module_of(ctx, object)->name);
}

static struct sysfs_dir module_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_MODULES, 0};
}

static struct sysfs_dir part_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_MODULE, object};
}

/* Parts of a module's directory, which some modules do not have. */

static uint16_t parameters_generation(void *ctx, uint32_t object)
{
    return module_generation(ctx, object) && module_of(ctx, object)->parameters;
}

static bool to_parameters(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MODULE_PARAMETERS, object};
    return parameters_generation(ctx, object);
}

static void parameters_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "parameters");
}

/* Whether the parameters of a group are those of the object; visible_ctx is its module. */
static bool is_own_group(void *module, uint32_t object)
{
    return ((const struct sysfs_module *)module)->number == object;
}

static bool driver_next(const struct sysfs_tree *t, uint32_t module, uint32_t *cursor,
                        struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    for (; *cursor < t->module_driver_count; ++*cursor) {
        const struct sysfs_module_driver *d = &t->module_drivers[*cursor];
        char own[SYSFS_NAME_MAX];

        if (d->module != module)
            continue;
        t->ops[d->dir.kind]->name(t->ctx[d->dir.kind], d->dir.object, own);
        snprintf(name, SYSFS_NAME_MAX, "%.16s:%.40s", d->bus, own);
        *out = (struct sysfs_child){d->dir, true};
        ++*cursor;
        return true;
    }
    return false;
}

static bool drivers_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                         char name[SYSFS_NAME_MAX])
{
    return driver_next(ctx, object, cursor, out, name);
}

static int drivers_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    char own[SYSFS_NAME_MAX];
    uint32_t cursor = 0;

    while (driver_next(ctx, object, &cursor, out, own))
        if (strcmp(own, name) == 0)
            return 0;
    return -ENOENT;
}

static uint16_t drivers_generation(void *ctx, uint32_t object)
{
    char name[SYSFS_NAME_MAX];
    struct sysfs_child child;
    uint32_t cursor = 0;

    return driver_next(ctx, object, &cursor, &child, name);
}

static bool to_drivers(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MODULE_DRIVERS, object};
    return drivers_generation(ctx, object);
}

static void drivers_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "drivers");
}

static uint16_t holders_generation(void *ctx, uint32_t object)
{
    return module_generation(ctx, object) && is_loaded(ctx, object);
}

static bool to_holders(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MODULE_HOLDERS, object};
    return is_loaded(ctx, object);
}

static void holders_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "holders");
}

/* Modules, or those that hold one. */
static bool modules_from(const struct sysfs_tree *t, const struct sysfs_module *held,
                         uint32_t *cursor, struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    for (; *cursor < t->module_count; ++*cursor) {
        if (held && !holds(&t->modules[*cursor], held))
            continue;
        strcpy(name, t->modules[*cursor].name);
        *out = (struct sysfs_child){{SYSFS_MODULE, (*cursor)++}, held != NULL};
        return true;
    }
    return false;
}

static int module_find(const struct sysfs_tree *t, const struct sysfs_module *held,
                       const char *name, struct sysfs_child *out)
{
    char own[SYSFS_NAME_MAX];
    uint32_t cursor = 0;

    while (modules_from(t, held, &cursor, out, own))
        if (strcmp(own, name) == 0)
            return 0;
    return -ENOENT;
}

static int holders_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return module_find(ctx, module_of(ctx, object), name, out);
}

static bool holders_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                         char name[SYSFS_NAME_MAX])
{
    return modules_from(ctx, module_of(ctx, object), cursor, out, name);
}

static void modules_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "module");
}

static struct sysfs_dir modules_parent(void *ctx, uint32_t object)
{
    return (struct sysfs_dir){SYSFS_ROOT, 0};
}

static int modules_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return module_find(ctx, NULL, name, out);
}

static bool modules_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                         char name[SYSFS_NAME_MAX])
{
    return modules_from(ctx, NULL, cursor, out, name);
}

static const struct sysfs_member module_members[] = {{"drivers", false, to_drivers},
                                                     {"holders", false, to_holders},
                                                     {"parameters", false, to_parameters},
                                                     {0}};

static const struct {
    enum sysfs_kind kind;
    struct sysfs_kind_ops ops;
} kinds[] = {
    {SYSFS_MODULES,
     {.name = modules_name,
      .parent = modules_parent,
      .child_find = modules_find,
      .child_next = modules_next}},
    {SYSFS_MODULE,
     {.attrs = module_attrs,
      .members = module_members,
      .generation = module_generation,
      .name = module_name,
      .parent = module_parent}},
    {SYSFS_MODULE_PARAMETERS,
     {.generation = parameters_generation, .name = parameters_name, .parent = part_parent}},
    {SYSFS_MODULE_DRIVERS,
     {.generation = drivers_generation,
      .name = drivers_name,
      .parent = part_parent,
      .child_find = drivers_find,
      .child_next = drivers_next}},
    {SYSFS_MODULE_HOLDERS,
     {.generation = holders_generation,
      .name = holders_name,
      .parent = part_parent,
      .child_find = holders_find,
      .child_next = holders_next}},
};

void sysfs_module_add(struct sysfs_tree *t, const struct sysfs_module *module)
{
    if (t->module_count == SYSFS_MODULES_MAX)
        abort();
    for (size_t i = 0; !t->module_count && i < sizeof kinds / sizeof *kinds; i++)
        sysfs_register(t, kinds[i].kind, &kinds[i].ops, t);
    t->modules[t->module_count] = *module;
    t->modules[t->module_count].number = t->module_count;
    if (module->parameters)
        sysfs_add_group(t, SYSFS_MODULE_PARAMETERS,
                        &(struct sysfs_group){module->parameters, module->ctx, is_own_group,
                                              &t->modules[t->module_count]});
    t->module_count++;
}

bool sysfs_module_dir(const struct sysfs_tree *t, const char *name, struct sysfs_dir *out)
{
    struct sysfs_child child;

    if (module_find(t, NULL, name, &child) < 0)
        return false;
    *out = child.dir;
    return true;
}

void sysfs_module_add_driver(struct sysfs_tree *t, const char *module, const char *bus,
                             struct sysfs_dir driver)
{
    struct sysfs_dir dir;

    if (t->module_driver_count == SYSFS_MODULE_DRIVERS_MAX || !sysfs_module_dir(t, module, &dir))
        abort();
    t->module_drivers[t->module_driver_count++] =
        (struct sysfs_module_driver){dir.object, bus, driver};
}
