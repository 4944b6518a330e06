/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/synth.h"
#include "vfio_ap/internal.h"

/* The directories of vfio_ap: the matrix device and its bus, mediated devices and theirs, IOMMU
 * groups. */

static void fixed_name(void *ctx, uint32_t object, char out[SYSFS_NAME_MAX])
{
    strcpy(out, ((struct fixed_dir *)ctx)->name);
}

static struct sysfs_dir fixed_parent(void *ctx, uint32_t object)
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

static int mdev_dir_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    return mdev_lookup(ctx, name, out);
}

static bool mdev_dir_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                          char name[SYSFS_NAME_MAX])
{
    return mdev_walk(ctx, cursor, out, name);
}

static int mdev_link_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    int rc = mdev_lookup(ctx, name, out);

    if (rc == 0)
        out->is_link = true;
    return rc;
}

static bool mdev_link_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                           char name[SYSFS_NAME_MAX])
{
    if (!mdev_walk(ctx, cursor, out, name))
        return false;
    out->is_link = true;
    return true;
}

/* Mediated devices, and the directories that each of them has */

/* Reduced to the 16 bits that an inode number has; 0 would mean no device. */
static uint16_t mdev_generation(void *ctx, uint32_t slot)
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

static bool mdev_to_group(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_IOMMU_GROUP, slot};
    return true;
}

static bool mdev_to_vfio(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MDEV_VFIO, slot};
    return true;
}

static bool to_mdev(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MDEV, slot};
    return true;
}

static void vfio_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "vfio-dev");
}

static bool to_vfio_dev(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MDEV_VFIO_DEV, slot};
    return true;
}

/* The only entry of vfio-dev. It is a dynamic member because its name contains the number. */
static void vfio_dev_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX])
{
    snprintf(out, SYSFS_NAME_MAX, "vfio%u", slot);
}

static struct sysfs_dir vfio_dev_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_MDEV_VFIO, slot};
}

static struct sysfs_dir vfio_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_MDEV, slot};
}

static int vfio_child_find(void *ctx, uint32_t slot, const char *name, struct sysfs_child *out)
{
    char own[SYSFS_NAME_MAX];

    vfio_dev_name(ctx, slot, own);
    if (strcmp(own, name) != 0)
        return -ENOENT;
    out->is_link = false;
    return to_vfio_dev(ctx, slot, &out->dir) ? 0 : -ENOENT;
}

static bool vfio_child_next(void *ctx, uint32_t slot, uint32_t *cursor, struct sysfs_child *out,
                            char name[SYSFS_NAME_MAX])
{
    if ((*cursor)++ > 0)
        return false;
    vfio_dev_name(ctx, slot, name);
    out->is_link = false;
    return to_vfio_dev(ctx, slot, &out->dir);
}

/* IOMMU groups: number = slot */

static void group_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX])
{
    snprintf(out, SYSFS_NAME_MAX, "%u", slot);
}

static struct sysfs_dir group_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_IOMMU_GROUPS, 0};
}

static bool group_to_devices(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_IOMMU_GROUP_DEVICES, slot};
    return true;
}

static void group_devices_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX])
{
    strcpy(out, "devices");
}

static struct sysfs_dir group_devices_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_IOMMU_GROUP, slot};
}

static int group_devices_find(void *ctx, uint32_t slot, const char *name, struct sysfs_child *out)
{
    char own[UUID_TEXT];

    uuid_format(&mdev_at(ctx, slot)->uuid, own);
    if (strcmp(own, name) != 0)
        return -ENOENT;
    *out = (struct sysfs_child){{SYSFS_MDEV, slot}, true};
    return 0;
}

static bool group_devices_next(void *ctx, uint32_t slot, uint32_t *cursor, struct sysfs_child *out,
                               char name[SYSFS_NAME_MAX])
{
    if ((*cursor)++ > 0)
        return false;
    uuid_format(&mdev_at(ctx, slot)->uuid, name);
    *out = (struct sysfs_child){{SYSFS_MDEV, slot}, true};
    return true;
}

static int groups_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    struct vfio_ap *v = vfio_ap_of(ctx);
    char *end;
    unsigned long slot = strtoul(name, &end, 10);

    if (*end || end == name || (*name == '0' && name[1]) || !(*name >= '0' && *name <= '9') ||
        slot >= MDEV_MAX || !mdev_at(v, (uint32_t)slot))
        return -ENOENT;
    *out = (struct sysfs_child){{SYSFS_IOMMU_GROUP, (uint32_t)slot}, false};
    return 0;
}

static bool groups_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                        char name[SYSFS_NAME_MAX])
{
    const struct mdev *m = vfio_ap_next(vfio_ap_of(ctx), cursor);

    if (!m)
        return false;
    group_name(ctx, m->slot, name);
    *out = (struct sysfs_child){{SYSFS_IOMMU_GROUP, m->slot}, false};
    return true;
}

static int empty_show(void *ctx, uint32_t object, struct text *out)
{
    return 0;
}

static int group_type_show(void *ctx, uint32_t slot, struct text *out)
{
    text_adds(out, "unknown\n");
    return 0;
}

static int group_name_show(void *ctx, uint32_t slot, struct text *out)
{
    text_adds(out, "vfio-noiommu\n");
    return 0;
}

/* Without an IOMMU there is no domain whose type could change. */
static int group_type_store(void *ctx, uint32_t slot, const char *data, size_t len,
                            struct effects *fx)
{
    return effects_refuse(fx, -EINVAL, "type", "the group has no IOMMU");
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

static int vfio_dev_store(void *ctx, uint32_t slot, const char *data, size_t len,
                          struct effects *fx)
{
    struct vfio_ap *v = ctx;
    text_auto path = {0};

    sysfs_dir_path(v->tree, (struct sysfs_dir){SYSFS_MDEV_VFIO_DEV, slot}, &path);
    return synth_store(path.data, "vfio-dev", "", data, len, fx);
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
    struct uuid uuid;

    if (len && data[len - 1] == '\n')
        len--;
    if (strcmp(dir->name, "matrix") == 0)
        return len == strlen("matrix") && memcmp(data, "matrix", len) == 0;
    return len == UUID_TEXT - 1 && uuid_parse(data, len, &uuid) == 0 && vfio_ap_find(dir->v, &uuid);
}

static int probe_store(void *ctx, uint32_t object, const char *data, size_t len, struct effects *fx)
{
    return on_bus(ctx, data, len)
               ? 0
               : effects_refuse(fx, -ENODEV, "drivers_probe", "no such device on the bus");
}

/* The number that a program finds: the node is one of /dev/null [vfio-nodes]. */
static int vfio_dev_dev_show(void *ctx, uint32_t slot, struct text *out)
{
    text_adds(out, "1:3\n");
    return 0;
}

static bool has_cdev(void *ctx, uint32_t slot)
{
    return ((const struct vfio_ap *)ctx)->abi->vfio_cdev;
}

static const struct sysfs_attr root_attrs[] = {
    {"uevent", 0644, .show = empty_show, .store = silent_store}, {0}};
static const struct sysfs_attr driver_attrs[] = {{"uevent", 0200, .store = driver_store}, {0}};
static const struct sysfs_attr vfio_dev_attrs[] = {
    {"dev", 0444, .show = vfio_dev_dev_show, .visible = has_cdev},
    {"uevent", 0644, .show = empty_show, .store = vfio_dev_store},
    {0}};
static const struct sysfs_attr small_bus_attrs[] = {
    {"drivers_autoprobe", 0644, .show = autoprobe_show, .store = autoprobe_store},
    {"drivers_probe", 0200, .store = probe_store},
    {"uevent", 0200, .store = bus_store},
    {0}};
static const struct sysfs_attr group_attrs[] = {
    {"name", 0444, .show = group_name_show},
    {"reserved_regions", 0444, .show = empty_show},
    {"type", 0644, .show = group_type_show, .store = group_type_store},
    {0}};

static const struct sysfs_member matrix_members[] = {{"driver", true, to_matrix_bus_driver},
                                                     {"mdev_supported_types", false, to_types},
                                                     {"subsystem", true, to_matrix_bus},
                                                     {0}};
static const struct sysfs_member matrix_root_members[] = {{"matrix", false, to_matrix}, {0}};
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
    {"driver", true, to_mdev_bus_driver}, {"iommu_group", true, mdev_to_group},
    {"mdev_type", true, to_type},         {"subsystem", true, to_mdev_bus},
    {"vfio-dev", false, mdev_to_vfio},    {0}};
static const struct sysfs_member vfio_dev_members[] = {{"device", true, to_mdev}, {0}};
static const struct sysfs_member group_members[] = {{"devices", false, group_to_devices}, {0}};

#define FIXED      .name = fixed_name, .parent = fixed_parent
#define MDEV_LINKS .child_find = mdev_link_find, .child_next = mdev_link_next

static const struct {
    enum sysfs_kind kind;
    const char *name;
    enum sysfs_kind parent; /* SYSFS_STATIC: the directory named in path */
    const char *path;
    struct sysfs_kind_ops ops;
} fixed_kinds[] = {
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
     {FIXED, .attrs = driver_attrs, MDEV_LINKS}},
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
    {SYSFS_IOMMU_GROUPS,
     "iommu_groups",
     SYSFS_STATIC,
     "kernel",
     {FIXED, .child_find = groups_find, .child_next = groups_next}},
};

static const struct {
    enum sysfs_kind kind;
    struct sysfs_kind_ops ops;
} mdev_kinds[] = {
    {SYSFS_MDEV,
     {.attrs = mdev_attrs,
      .members = mdev_members,
      .generation = mdev_generation,
      .name = mdev_name,
      .parent = mdev_parent}},
    {SYSFS_MDEV_VFIO,
     {.generation = mdev_generation,
      .name = vfio_name,
      .parent = vfio_parent,
      .child_find = vfio_child_find,
      .child_next = vfio_child_next}},
    {SYSFS_MDEV_VFIO_DEV,
     {.attrs = vfio_dev_attrs,
      .members = vfio_dev_members,
      .generation = mdev_generation,
      .name = vfio_dev_name,
      .parent = vfio_dev_parent}},
    {SYSFS_IOMMU_GROUP,
     {.attrs = group_attrs,
      .members = group_members,
      .generation = mdev_generation,
      .name = group_name,
      .parent = group_parent}},
    {SYSFS_IOMMU_GROUP_DEVICES,
     {.generation = mdev_generation,
      .name = group_devices_name,
      .parent = group_devices_parent,
      .child_find = group_devices_find,
      .child_next = group_devices_next}},
};

void vfio_ap_register_dirs(struct vfio_ap *v)
{
    for (size_t i = 0; i < sizeof fixed_kinds / sizeof *fixed_kinds; i++) {
        struct fixed_dir *dir = &v->fixed[fixed_kinds[i].kind];

        dir->v = v;
        dir->name = fixed_kinds[i].name;
        dir->parent = fixed_kinds[i].path ? sysfs_static_dir(fixed_kinds[i].path)
                                          : (struct sysfs_dir){fixed_kinds[i].parent, 0};
        sysfs_register(v->tree, fixed_kinds[i].kind, &fixed_kinds[i].ops, dir);
    }
    for (size_t i = 0; i < sizeof mdev_kinds / sizeof *mdev_kinds; i++)
        sysfs_register(v->tree, mdev_kinds[i].kind, &mdev_kinds[i].ops, v);
}
