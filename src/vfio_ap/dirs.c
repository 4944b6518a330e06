/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/synth.h"
#include "vfio_ap/dirs.h"

/* The directories of vfio_ap: the matrix device and its bus, mediated devices and theirs. */

void fixed_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, ((struct fixed_dir *)ctx)->name);
}

struct sysfs_dir fixed_parent(void *ctx, uint32_t object)
{
    return ((struct fixed_dir *)ctx)->parent;
}

/* Defines link targets that are unique directories. */
#define DEFINE_TO(name, kind)                                                                      \
    static bool to_##name(void *ctx, uint32_t object, struct sysfs_dir *out)                       \
    {                                                                                              \
        *out = (struct sysfs_dir){kind, 0};                                                        \
        return true;                                                                               \
    }

DEFINE_TO(matrix, SYSFS_MATRIX)
DEFINE_TO(matrix_bus, SYSFS_MATRIX_BUS)
DEFINE_TO(matrix_bus_devices, SYSFS_MATRIX_BUS_DEVICES)
DEFINE_TO(matrix_bus_drivers, SYSFS_MATRIX_BUS_DRIVERS)
DEFINE_TO(matrix_bus_driver, SYSFS_MATRIX_BUS_DRIVER)
DEFINE_TO(types, SYSFS_MDEV_TYPES)
DEFINE_TO(type, SYSFS_MDEV_TYPE)
DEFINE_TO(type_devices, SYSFS_MDEV_TYPE_DEVICES)
DEFINE_TO(mdev_bus, SYSFS_MDEV_BUS)
DEFINE_TO(mdev_bus_devices, SYSFS_MDEV_BUS_DEVICES)
DEFINE_TO(mdev_bus_drivers, SYSFS_MDEV_BUS_DRIVERS)
DEFINE_TO(mdev_bus_driver, SYSFS_MDEV_BUS_DRIVER)

/* Mediated devices as members: by UUID, in the order of their slots. */

static int mdev_lookup(void *ctx, const char *name, struct sysfs_child *out)
{
    char canonical[UUID_TEXT];
    struct mdev *m;
    struct uuid uuid;

    if (uuid_parse(name, strlen(name), &uuid) < 0)
        return -ENOENT;
    uuid_format(&uuid, canonical);
    m = vfio_ap_find(vfio_ap_of(ctx), &uuid);
    if (!m || strcmp(canonical, name) != 0)
        return -ENOENT;
    *out = (struct sysfs_child){{SYSFS_MDEV, m->slot}, false};
    return 0;
}

static bool mdev_walk(void *ctx, uint32_t *cursor, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    const struct mdev *m = vfio_ap_next(vfio_ap_of(ctx), cursor);

    if (!m)
        return false;
    uuid_format(&m->uuid, name);
    *out = (struct sysfs_child){{SYSFS_MDEV, m->slot}, false};
    return true;
}

/* The device whose name was written, with or without a newline, or NULL. */
static struct mdev *named_device(const struct vfio_ap *v, const char *data, size_t len)
{
    struct uuid uuid;

    if (len && data[len - 1] == '\n')
        len--;
    return len == UUID_TEXT - 1 && uuid_parse(data, len, &uuid) == 0 ? vfio_ap_find(v, &uuid)
                                                                     : NULL;
}

static int mdev_dir_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return mdev_lookup(ctx, name, out);
}

static bool mdev_dir_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                          char name[SYSFS_NAME_MAX])
{
    return mdev_walk(ctx, cursor, out, name);
}

/* Links to those devices for which is holds. */
typedef bool mdev_is_fn(void *v, uint32_t slot);

static int some_find(void *ctx, const char *name, mdev_is_fn *is, struct sysfs_child *out)
{
    int rc = mdev_lookup(ctx, name, out);

    out->is_link = true;
    return rc == 0 && !is(vfio_ap_of(ctx), out->dir.object) ? -ENOENT : rc;
}

static bool some_next(void *ctx, uint32_t *cursor, mdev_is_fn *is, struct sysfs_child *out,
                      char name[SYSFS_NAME_MAX])
{
    while (mdev_walk(ctx, cursor, out, name)) {
        out->is_link = true;
        if (is(vfio_ap_of(ctx), out->dir.object))
            return true;
    }
    return false;
}

static int mdev_link_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return some_find(ctx, name, mdev_is_there, out);
}

static bool mdev_link_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                           char name[SYSFS_NAME_MAX])
{
    return some_next(ctx, cursor, mdev_is_there, out, name);
}

static int bound_link_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return some_find(ctx, name, mdev_is_bound, out);
}

static bool bound_link_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                            char name[SYSFS_NAME_MAX])
{
    return some_next(ctx, cursor, mdev_is_bound, out, name);
}

/* Mediated devices, and the directories that each of them has */

uint16_t mdev_generation(void *ctx, uint32_t slot)
{
    const struct mdev *m = mdev_at(ctx, slot);

    return m ? (uint16_t)(((m->id >> 32) - 1) % UINT16_MAX + 1) : 0;
}

static void mdev_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX])
{
    uuid_format(&mdev_at(ctx, slot)->uuid, out);
}

static struct sysfs_dir mdev_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_MATRIX, 0};
}

static bool mdev_to_driver(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    return to_mdev_bus_driver(ctx, slot, out) && mdev_is_bound(ctx, slot);
}

static bool mdev_to_group(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_IOMMU_GROUP, slot};
    return !mdev_at(ctx, slot)->ungrouped;
}

static bool mdev_to_type(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    return to_type(ctx, slot, out) && mdev_is_there(ctx, slot);
}

static bool mdev_to_bus(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    return to_mdev_bus(ctx, slot, out) && mdev_is_there(ctx, slot);
}

static bool mdev_to_vfio(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MDEV_VFIO, slot};
    return mdev_is_bound(ctx, slot);
}

int empty_show(void *ctx, uint32_t object, struct text *out)
{
    return 0;
}

/* Writes to uevent of the root device, which has neither bus nor class and sends no uevents. */
static int silent_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    return synth_store("", NULL, "", data, len, fx);
}

static int fixed_store(const struct fixed_dir *dir, const char *subsystem, const char *data,
                       size_t len, struct effects *fx)
{
    text_auto path = {0};

    sysfs_dir_path(dir->v->tree, dir->parent, &path);
    text_addf(&path, "/%s", dir->name);
    return synth_store(path.data, subsystem, "", data, len, fx);
}

static int bus_store(void *ctx, uint32_t object, const char *data, size_t len, struct effects *fx)
{
    return fixed_store(ctx, "bus", data, len, fx);
}

static int driver_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    return fixed_store(ctx, "drivers", data, len, fx);
}

/* Unbinding is for good [matrix-unbind]. */
static int unbind_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    struct vfio_ap *v = vfio_ap_of(ctx);
    struct mdev *m = named_device(v, data, len);

    if (!m || m->unbound)
        return effects_refuse(fx, -ENODEV, "drivers/vfio_ap_mdev/unbind",
                              "no such device is bound to the driver");
    return mdev_unbind(v, m, fx);
}

static int bind_store(void *ctx, uint32_t object, const char *data, size_t len, struct effects *fx)
{
    return effects_refuse(fx, -ENODEV, "drivers/vfio_ap_mdev/bind",
                          "the driver takes a device when it is created, and never again");
}

/* The driver-core attributes of the buses mdev and matrix. The driver takes its device when it is
 * made, whatever they say [matrix-buses]. */
static int autoprobe_show(void *ctx, uint32_t object, struct text *out)
{
    const struct fixed_dir *dir = ctx;

    text_addf(out, "%d\n", !dir->no_autoprobe);
    return 0;
}

static int autoprobe_store(void *ctx, uint32_t object, const char *data, size_t len,
                           struct effects *fx)
{
    ((struct fixed_dir *)ctx)->no_autoprobe = len && data[0] == '0';
    return 0;
}

/* The name of a device of the bus, with or without a newline. */
static bool on_bus(const struct fixed_dir *dir, const char *data, size_t len)
{
    if (strcmp(dir->name, "mdev") == 0)
        return named_device(dir->v, data, len);
    if (len && data[len - 1] == '\n')
        len--;
    return len == strlen("matrix") && memcmp(data, "matrix", len) == 0;
}

static int probe_store(void *ctx, uint32_t object, const char *data, size_t len, struct effects *fx)
{
    return on_bus(ctx, data, len)
               ? 0
               : effects_refuse(fx, -ENODEV, "drivers_probe", "no such device on the bus");
}

static bool to_module(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    return sysfs_module_dir(vfio_ap_of(ctx)->tree, "vfio_ap", out);
}

static const struct sysfs_attr root_attrs[] = {
    {"uevent", 0644, .show = empty_show, .store = silent_store}, {0}};
static const struct sysfs_attr driver_attrs[] = {{"uevent", 0200, .store = driver_store}, {0}};
static const struct sysfs_attr mdev_driver_attrs[] = {{"bind", 0200, .store = bind_store},
                                                      {"uevent", 0200, .store = driver_store},
                                                      {"unbind", 0200, .store = unbind_store},
                                                      {0}};
static const struct sysfs_attr small_bus_attrs[] = {
    {"drivers_autoprobe", 0644, .show = autoprobe_show, .store = autoprobe_store},
    {"drivers_probe", 0200, .store = probe_store},
    {"uevent", 0200, .store = bus_store},
    {0}};

static const struct sysfs_member matrix_members[] = {{"driver", true, to_matrix_bus_driver},
                                                     {"mdev_supported_types", false, to_types},
                                                     {"subsystem", true, to_matrix_bus},
                                                     {0}};
static const struct sysfs_member matrix_root_members[] = {
    {"matrix", false, to_matrix}, {"module", true, to_module}, {0}};
static const struct sysfs_member types_members[] = {{"vfio_ap-passthrough", false, to_type}, {0}};
static const struct sysfs_member type_members[] = {{"devices", false, to_type_devices}, {0}};
static const struct sysfs_member matrix_link[] = {{"matrix", true, to_matrix}, {0}};
static const struct sysfs_member matrix_bus_members[] = {
    {"devices", false, to_matrix_bus_devices}, {"drivers", false, to_matrix_bus_drivers}, {0}};
static const struct sysfs_member matrix_drivers_members[] = {
    {"vfio_ap", false, to_matrix_bus_driver}, {0}};
static const struct sysfs_member mdev_bus_members[] = {
    {"devices", false, to_mdev_bus_devices}, {"drivers", false, to_mdev_bus_drivers}, {0}};
static const struct sysfs_member mdev_drivers_members[] = {
    {"vfio_ap_mdev", false, to_mdev_bus_driver}, {0}};
static const struct sysfs_member mdev_members[] = {
    {"driver", true, mdev_to_driver},  {"iommu_group", true, mdev_to_group},
    {"mdev_type", true, mdev_to_type}, {"subsystem", true, mdev_to_bus},
    {"vfio-dev", false, mdev_to_vfio}, {0}};
static const struct sysfs_member mdev_driver_members[] = {{"module", true, to_module}, {0}};

#define MDEV_LINKS .child_find = mdev_link_find, .child_next = mdev_link_next

static const struct fixed_kind fixed_kinds[] = {
    {SYSFS_MATRIX_ROOT,
     "vfio_ap",
     SYSFS_STATIC,
     "devices",
     {FIXED, .attrs = root_attrs, .members = matrix_root_members}},
    {SYSFS_MATRIX,
     "matrix",
     SYSFS_MATRIX_ROOT,
     NULL,
     {FIXED, .attrs = matrix_attrs, .members = matrix_members, .child_find = mdev_dir_find,
      .child_next = mdev_dir_next}},
    {SYSFS_MDEV_TYPES,
     "mdev_supported_types",
     SYSFS_MATRIX,
     NULL,
     {FIXED, .members = types_members}},
    {SYSFS_MDEV_TYPE,
     "vfio_ap-passthrough",
     SYSFS_MDEV_TYPES,
     NULL,
     {FIXED, .attrs = mdev_type_attrs, .members = type_members}},
    {SYSFS_MDEV_TYPE_DEVICES, "devices", SYSFS_MDEV_TYPE, NULL, {FIXED, MDEV_LINKS}},
    {SYSFS_MDEV_BUS,
     "mdev",
     SYSFS_STATIC,
     "bus",
     {FIXED, .attrs = small_bus_attrs, .members = mdev_bus_members}},
    {SYSFS_MDEV_BUS_DEVICES, "devices", SYSFS_MDEV_BUS, NULL, {FIXED, MDEV_LINKS}},
    {SYSFS_MDEV_BUS_DRIVERS,
     "drivers",
     SYSFS_MDEV_BUS,
     NULL,
     {FIXED, .members = mdev_drivers_members}},
    {SYSFS_MDEV_BUS_DRIVER,
     "vfio_ap_mdev",
     SYSFS_MDEV_BUS_DRIVERS,
     NULL,
     {FIXED, .attrs = mdev_driver_attrs, .members = mdev_driver_members, CHILDREN(bound_link)}},
    {SYSFS_MATRIX_BUS,
     "matrix",
     SYSFS_STATIC,
     "bus",
     {FIXED, .attrs = small_bus_attrs, .members = matrix_bus_members}},
    {SYSFS_MATRIX_BUS_DEVICES, "devices", SYSFS_MATRIX_BUS, NULL, {FIXED, .members = matrix_link}},
    {SYSFS_MATRIX_BUS_DRIVERS,
     "drivers",
     SYSFS_MATRIX_BUS,
     NULL,
     {FIXED, .members = matrix_drivers_members}},
    {SYSFS_MATRIX_BUS_DRIVER,
     "vfio_ap",
     SYSFS_MATRIX_BUS_DRIVERS,
     NULL,
     {FIXED, .attrs = driver_attrs, .members = matrix_link}},
    {SYSFS_CLASS_MDEV_BUS, "mdev_bus", SYSFS_STATIC, "class", {FIXED, .members = matrix_link}},
};

static const struct mdev_kind mdev_kinds[] = {
    {SYSFS_MDEV,
     {.attrs = mdev_attrs,
      .members = mdev_members,
      .generation = mdev_generation,
      .name = mdev_name,
      .parent = mdev_parent}},
};

void dirs_register_fixed(struct vfio_ap *v, const struct fixed_kind *kinds, size_t count)
{
    for (const struct fixed_kind *k = kinds; k < kinds + count; k++) {
        struct fixed_dir *dir = &v->fixed[k->kind];

        dir->v = v;
        dir->name = k->name;
        dir->parent = k->path ? sysfs_static_dir(k->path) : (struct sysfs_dir){k->parent, 0};
        sysfs_register(v->tree, k->kind, &k->ops, dir);
    }
}

void dirs_register_mdev(struct vfio_ap *v, const struct mdev_kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sysfs_register(v->tree, kinds[i].kind, &kinds[i].ops, v);
}

void vfio_ap_register_dirs(struct vfio_ap *v)
{
    dirs_register_fixed(v, fixed_kinds, sizeof fixed_kinds / sizeof *fixed_kinds);
    dirs_register_mdev(v, mdev_kinds, sizeof mdev_kinds / sizeof *mdev_kinds);
}
