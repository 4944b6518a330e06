/* SPDX-License-Identifier: MIT */
/* The device nodes of VFIO, where the tree has them (sysfs_tree.has_vfio_nodes): vfio/ and iommu
 * are what devtmpfs has as /dev/vfio and /dev/iommu [vfio-nodes]. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vfio_ap/dirs.h"

static bool has_nodes(const struct vfio_ap *v)
{
    return v->tree->has_vfio_nodes;
}

static bool has_iommufd(const struct vfio_ap *v)
{
    return has_nodes(v) && v->abi->vfio_cdev;
}

static uint16_t nodes_generation(void *ctx, uint32_t object)
{
    return has_nodes(vfio_ap_of(ctx));
}

static uint16_t iommu_generation(void *ctx, uint32_t object)
{
    return has_iommufd(vfio_ap_of(ctx));
}

static uint16_t group_node_generation(void *ctx, uint32_t slot)
{
    return has_nodes(ctx) ? group_generation(ctx, slot) : 0;
}

static uint16_t cdev_generation(void *ctx, uint32_t slot)
{
    uint16_t generation = has_iommufd(ctx) ? group_generation(ctx, slot) : 0;

    return generation && mdev_is_bound(ctx, slot) ? generation : 0;
}

static void cdev_name(void *ctx, uint32_t slot, char out[SYSFS_NAME_MAX])
{
    snprintf(out, SYSFS_NAME_MAX, "vfio%u", slot);
}

static struct sysfs_dir group_node_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_VFIO_NODES, 0};
}

static struct sysfs_dir cdev_parent(void *ctx, uint32_t slot)
{
    return (struct sysfs_dir){SYSFS_VFIO_CDEV_NODES, 0};
}

DEFINE_GROUPS(nodes, SYSFS_VFIO_GROUP_NODE, false)

static int cdevs_find(void *ctx, uint32_t object, const char *name, struct sysfs_child *out)
{
    struct vfio_ap *v = vfio_ap_of(ctx);

    *out = (struct sysfs_child){{SYSFS_VFIO_CDEV_NODE, 0}, false};
    if (strncmp(name, "vfio", 4) != 0 || group_find(v, name + 4, &out->dir.object) < 0)
        return -ENOENT;
    return cdev_generation(v, out->dir.object) ? 0 : -ENOENT;
}

static bool cdevs_next(void *ctx, uint32_t object, uint32_t *cursor, struct sysfs_child *out,
                       char name[SYSFS_NAME_MAX])
{
    struct vfio_ap *v = vfio_ap_of(ctx);

    *out = (struct sysfs_child){{SYSFS_VFIO_CDEV_NODE, 0}, false};
    do {
        if (!group_next(v, cursor, &out->dir.object, name))
            return false;
    } while (!cdev_generation(v, out->dir.object));
    cdev_name(v, out->dir.object, name);
    return true;
}

/* The directory comes and goes with its nodes. */
static uint16_t cdevs_generation(void *ctx, uint32_t object)
{
    char name[SYSFS_NAME_MAX];
    struct sysfs_child child;
    uint32_t cursor = 0;

    return cdevs_next(ctx, 0, &cursor, &child, name);
}

static bool to_container(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_VFIO_CONTAINER_NODE, 0};
    return true;
}

static bool to_cdevs(void *ctx, uint32_t object, struct sysfs_dir *out)
{
    *out = (struct sysfs_dir){SYSFS_VFIO_CDEV_NODES, 0};
    return cdevs_generation(ctx, 0);
}

static const struct sysfs_member nodes_members[] = {
    {"devices", false, to_cdevs}, {"vfio", false, to_container}, {0}};

static const struct fixed_kind fixed_kinds[] = {
    {SYSFS_VFIO_NODES,
     "vfio",
     SYSFS_ROOT,
     NULL,
     {FIXED, .generation = nodes_generation, .members = nodes_members, CHILDREN(nodes)}},
    {SYSFS_VFIO_CONTAINER_NODE,
     "vfio",
     SYSFS_VFIO_NODES,
     NULL,
     {FIXED, .device = 0666, .generation = nodes_generation}},
    {SYSFS_VFIO_CDEV_NODES,
     "devices",
     SYSFS_VFIO_NODES,
     NULL,
     {FIXED, .generation = cdevs_generation, CHILDREN(cdevs)}},
    {SYSFS_IOMMU_NODE,
     "iommu",
     SYSFS_ROOT,
     NULL,
     {FIXED, .device = 0660, .generation = iommu_generation}},
};

static const struct mdev_kind mdev_kinds[] = {
    {SYSFS_VFIO_GROUP_NODE,
     {.device = 0600,
      .generation = group_node_generation,
      .name = group_name,
      .parent = group_node_parent}},
    {SYSFS_VFIO_CDEV_NODE,
     {.device = 0600, .generation = cdev_generation, .name = cdev_name, .parent = cdev_parent}},
};

void vfio_ap_register_nodes(struct vfio_ap *v)
{
    dirs_register_fixed(v, fixed_kinds, sizeof fixed_kinds / sizeof *fixed_kinds);
    dirs_register_mdev(v, mdev_kinds, sizeof mdev_kinds / sizeof *mdev_kinds);
}
