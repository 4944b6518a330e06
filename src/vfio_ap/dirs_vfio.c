/* SPDX-License-Identifier: MIT */
/* The directories that VFIO and the IOMMU have for mediated devices: vfio-dev of a device, groups,
 * their classes, and the numbers of their nodes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/synth.h"
#include "vfio_ap/dirs.h"

static bool to_class(enum sysfs_kind kind, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){kind, 0};
    return true;
}

static bool to_vfio_class(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    return to_class(SYSFS_VFIO_CLASS, out);
}

static bool to_vfio_dev_class(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    return to_class(SYSFS_VFIO_DEV_CLASS, out);
}

static bool to_mdev(void *ctx, uint32_t slot, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_MDEV, slot};
    return true;
}

static uint16_t vfio_generation(void *ctx, uint32_t slot)
{
    uint16_t generation = mdev_generation(ctx, slot);

    return generation && mdev_is_bound(ctx, slot) ? generation : 0;
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

/* Groups of VFIO and of the IOMMU: number = slot */

uint16_t group_generation(void *ctx, uint32_t slot)
{
    uint16_t generation = mdev_generation(ctx, slot);

    return generation && !mdev_at(ctx, slot)->ungrouped ? generation : 0;
}

void group_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX])
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

int group_find(struct vfio_ap *v, const char *name, uint32_t *out)
{
    char *end;
    unsigned long slot = strtoul(name, &end, 10);

    if (*end || end == name || (*name == '0' && name[1]) || !(*name >= '0' && *name <= '9') ||
        slot >= MDEV_MAX || !group_generation(v, (uint32_t)slot))
        return -ENOENT;
    *out = (uint32_t)slot;
    return 0;
}

bool group_next(void *ctx, uint32_t *cursor, uint32_t *slot, char name[SYSFS_NAME_MAX])
{
    const struct mdev *m;

    do
        m = vfio_ap_next(ctx, cursor);
    while (m && m->ungrouped);
    if (!m)
        return false;
    group_name(ctx, m->slot, name);
    *slot = m->slot;
    return true;
}

DEFINE_GROUPS(iommu_groups, SYSFS_IOMMU_GROUP, false)
DEFINE_GROUPS(vfio_parent, SYSFS_VFIO_GROUP, false)
DEFINE_GROUPS(vfio_class, SYSFS_VFIO_GROUP, true)

/* devices/virtual/vfio */
static uint16_t vfio_parent_generation(void *ctx, uint32_t object)
{
    const struct vfio_ap *v = vfio_ap_of(ctx);

    return v->group_count || v->tree->keeps_dirs ? v->groups_generation : 0;
}

static struct sysfs_dir vfio_group_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_VFIO_PARENT, 0};
}

/* class/vfio-dev: a link for each device that is bound. */
static int vfio_dev_class_find(void *ctx, uint32_t object, const char *name,
                               struct sysfs_child *out)
{
    struct vfio_ap *v = vfio_ap_of(ctx);
    uint32_t slot;

    if (strncmp(name, "vfio", 4) != 0 || group_find(v, name + 4, &slot) < 0 ||
        !mdev_is_bound(v, slot))
        return -ENOENT;
    *out = (struct sysfs_child){{SYSFS_MDEV_VFIO_DEV, slot}, true};
    return 0;
}

static bool vfio_dev_class_next(void *ctx, uint32_t object, uint32_t *cursor,
                                struct sysfs_child *out, char name[SYSFS_NAME_MAX])
{
    struct vfio_ap *v = vfio_ap_of(ctx);
    uint32_t slot;

    do {
        if (!group_next(v, cursor, &slot, name))
            return false;
    } while (!mdev_is_bound(v, slot));
    vfio_dev_name(v, slot, name);
    *out = (struct sysfs_child){{SYSFS_MDEV_VFIO_DEV, slot}, true};
    return true;
}

/* The numbers of the groups' nodes. */
static int major_find(void *ctx, unsigned minor, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_VFIO_GROUP, minor};
    return minor < MDEV_MAX && group_generation(ctx, minor) ? 0 : -ENOENT;
}

static bool major_next(void *ctx, uint32_t *cursor, unsigned *minor, struct sysfs_dir *out)
{
    char name[SYSFS_NAME_MAX];
    uint32_t slot;

    if (!group_next(ctx, cursor, &slot, name))
        return false;
    *out = (struct sysfs_dir){SYSFS_VFIO_GROUP, slot};
    *minor = slot;
    return true;
}

static int group_dev_show(void *ctx, uint32_t slot, struct text *out)
{
    text_addf(out, "%d:%u\n", VFIO_MAJOR, slot);
    return 0;
}

static int group_uevent_show(void *ctx, uint32_t slot, struct text *out)
{
    text_addf(out, "MAJOR=%d\nMINOR=%u\nDEVNAME=vfio/%u\n", VFIO_MAJOR, slot, slot);
    return 0;
}

static int group_uevent_store(void *ctx, uint32_t slot, const char *data, size_t len,
                              struct effects *fx)
{
    struct vfio_ap *v = ctx;
    text_auto path = {0}, lines = {0};

    sysfs_dir_path(v->tree, (struct sysfs_dir){SYSFS_VFIO_GROUP, slot}, &path);
    group_uevent_show(ctx, slot, &lines);
    return synth_store(path.data, "vfio", lines.data, data, len, fx);
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

static int vfio_dev_store(void *ctx, uint32_t slot, const char *data, size_t len,
                          struct effects *fx)
{
    struct vfio_ap *v = ctx;
    text_auto path = {0};

    sysfs_dir_path(v->tree, (struct sysfs_dir){SYSFS_MDEV_VFIO_DEV, slot}, &path);
    return synth_store(path.data, "vfio-dev", "", data, len, fx);
}

void vfio_ap_set_number(struct vfio_ap *v, unsigned major, unsigned minor)
{
    v->major = major;
    v->minor = minor;
}

/* The number that a program finds: the node is one of another device [vfio-nodes]. */
static int vfio_dev_dev_show(void *ctx, uint32_t slot, struct text *out)
{
    const struct vfio_ap *v = ctx;

    text_addf(out, "%u:%u\n", v->major, v->minor);
    return 0;
}

static bool has_cdev(void *ctx, uint32_t slot)
{
    return ((const struct vfio_ap *)ctx)->abi->vfio_cdev;
}

static const struct sysfs_attr vfio_group_attrs[] = {
    {"dev", 0444, .show = group_dev_show},
    {"uevent", 0644, .show = group_uevent_show, .store = group_uevent_store},
    {0}};
static const struct sysfs_attr vfio_dev_attrs[] = {
    {"dev", 0444, .show = vfio_dev_dev_show, .visible = has_cdev},
    {"uevent", 0644, .show = empty_show, .store = vfio_dev_store},
    {0}};
static const struct sysfs_attr group_attrs[] = {
    {"name", 0444, .show = group_name_show},
    {"reserved_regions", 0444, .show = empty_show},
    {"type", 0644, .show = group_type_show, .store = group_type_store},
    {0}};

static const struct sysfs_member vfio_dev_members[] = {
    {"device", true, to_mdev}, {"subsystem", true, to_vfio_dev_class}, {0}};
static const struct sysfs_member vfio_group_members[] = {{"subsystem", true, to_vfio_class}, {0}};
static const struct sysfs_member group_members[] = {{"devices", false, group_to_devices}, {0}};

static const struct fixed_kind fixed_kinds[] = {
    {SYSFS_IOMMU_GROUPS, "iommu_groups", SYSFS_STATIC, "kernel", {FIXED, CHILDREN(iommu_groups)}},
    {SYSFS_VFIO_CLASS, "vfio", SYSFS_STATIC, "class", {FIXED, CHILDREN(vfio_class)}},
    {SYSFS_VFIO_DEV_CLASS, "vfio-dev", SYSFS_STATIC, "class", {FIXED, CHILDREN(vfio_dev_class)}},
    {SYSFS_VFIO_PARENT,
     "vfio",
     SYSFS_STATIC,
     "devices/virtual",
     {FIXED, .generation = vfio_parent_generation, CHILDREN(vfio_parent)}},
};

static const struct mdev_kind mdev_kinds[] = {
    {SYSFS_MDEV_VFIO,
     {.generation = vfio_generation,
      .name = vfio_name,
      .parent = vfio_parent,
      CHILDREN(vfio_child)}},
    {SYSFS_MDEV_VFIO_DEV,
     {.attrs = vfio_dev_attrs,
      .members = vfio_dev_members,
      .generation = vfio_generation,
      .name = vfio_dev_name,
      .parent = vfio_dev_parent}},
    {SYSFS_IOMMU_GROUP,
     {.attrs = group_attrs,
      .members = group_members,
      .generation = group_generation,
      .name = group_name,
      .parent = group_parent}},
    {SYSFS_VFIO_GROUP,
     {.attrs = vfio_group_attrs,
      .members = vfio_group_members,
      .generation = group_generation,
      .name = group_name,
      .parent = vfio_group_parent}},
    {SYSFS_IOMMU_GROUP_DEVICES,
     {.generation = group_generation,
      .name = group_devices_name,
      .parent = group_devices_parent,
      .child_find = group_devices_find,
      .child_next = group_devices_next}},
};

void vfio_ap_register_vfio_dirs(struct vfio_ap *v)
{
    dirs_register_fixed(v, fixed_kinds, sizeof fixed_kinds / sizeof *fixed_kinds);
    dirs_register_mdev(v, mdev_kinds, sizeof mdev_kinds / sizeof *mdev_kinds);
    sysfs_misc_add(v->tree, &(struct sysfs_misc){"vfio", "vfio/vfio", "0666", VFIO_MINOR});
    if (v->abi->vfio_cdev)
        sysfs_misc_add(v->tree, &(struct sysfs_misc){"iommu", "iommu", "0660", IOMMU_MINOR});
    sysfs_major_add(v->tree, &(struct sysfs_major){VFIO_MAJOR, major_find, major_next, v});
}
