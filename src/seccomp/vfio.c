/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/error.h"
#include "core/major.h"
#include "core/query.h"
#include "ioctl/caller.h"
#include "seccomp/internal.h"
#include "seccomp/node.h"

/* The nodes of VFIO, and what src/vfio needs of a caller. */

static void vfio_way_answer(void *data, const struct vfio_caller *c, int64_t result)
{
    seccomp_answer(c->line, c->id, result);
}

static bool closes_on_exec(const struct vfio_caller *c, int fd)
{
    int flags = caller_fd_flags(c->thread, fd);

    return flags >= 0 && flags & O_CLOEXEC;
}

static int vfio_way_give(void *data, const struct vfio_caller *c, int fd, int at)
{
    return seccomp_give(c->line, c->id, fd, at, at < 0 || closes_on_exec(c, at));
}

/* A node of the tree that is open without a mount. */
static bool look_without(const struct seccomp *n, const struct descriptor *file,
                         struct vfio_target *out)
{
    struct sysfs_dir node;

    if (!n->nomount || !nomount_vfio_node(n->nomount, file->device, file->ino, &node))
        return false;
    *out = (struct vfio_target){.known = true,
                                .node = true,
                                .kind = node.kind == SYSFS_VFIO_GROUP_NODE  ? VFIO_GROUP
                                        : node.kind == SYSFS_VFIO_CDEV_NODE ? VFIO_CDEV
                                        : node.kind == SYSFS_IOMMU_NODE     ? VFIO_IOMMUFD
                                                                            : VFIO_CONTAINER,
                                .group = node.object};
    return true;
}

int seccomp_vfio_look(const struct seccomp *n, pid_t thread, int fd, struct vfio_target *out)
{
    const struct seccomp_node *node;
    struct descriptor file;
    int rc = descriptor_look(thread, fd, &file);

    *out = (struct vfio_target){0};
    if (rc < 0)
        return rc;
    if (vfio_find(n->vfio, file.device, file.ino, out) || look_without(n, &file, out))
        return 0;
    node = seccomp_node_find(n, &file);
    if (node && node->is_vfio) {
        *out = node->vfio;
        if (!descriptor_can_ioctl(thread, fd))
            return -EBADF;
    }
    return 0;
}

static int vfio_way_look(void *data, const struct vfio_caller *c, int fd, struct vfio_target *out)
{
    int rc = seccomp_vfio_look(data, c->thread, fd, out);

    return rc == -ENOENT ? -EBADF : rc;
}

void seccomp_release_closed(struct seccomp *n)
{
    vfio_files_sweep(n->vfio);
}

void seccomp_vfio_new(struct seccomp *n)
{
    const struct vfio_way way = {.data = n,
                                 .waits = seccomp_waits,
                                 .answer = vfio_way_answer,
                                 .give = vfio_way_give,
                                 .look = vfio_way_look};

    n->vfio = vfio_new(n->door, n->event, ioctl_desk_copier(n->desk), &way);
}

void seccomp_vfio_serve(struct seccomp *n, int line, const struct seccomp_notif *request,
                        const struct vfio_target *target, uid_t user)
{
    const struct vfio_caller caller = {.thread = (pid_t)request->pid,
                                       .uid = user,
                                       .fd = (int)request->data.args[0],
                                       .line = line,
                                       .id = request->id};

    vfio_ioctl(n->vfio, &caller, target, (uint32_t)request->data.args[1], request->data.args[2]);
}

static void make_directory(const struct seccomp *n, const char *name)
{
    char path[SECCOMP_NODE_PATH];

    seccomp_node_path(n->dev, name, path);
    /* Regardless of the umask. If it is there, or cannot be made, the node will say what is
     * wrong. */
    if (mkdir(path, 0755) == 0)
        chmod(path, 0755);
}

static int place(struct seccomp *n, const char *name, mode_t mode, enum vfio_kind kind,
                 uint32_t group)
{
    const struct vfio_target target = {.known = true, .node = true, .kind = kind, .group = group};
    int rc = seccomp_node_place(n->dev, name, mode);

    return rc < 0 ? rc : seccomp_add_vfio_node(n, name, &target);
}

static void displace(struct seccomp *n, const char *name)
{
    seccomp_node_displace(n->dev, name);
    seccomp_forget_node(n, name);
}

/* The directory comes and goes with its nodes. */
static void displace_cdev(struct seccomp *n, const char *name)
{
    char path[SECCOMP_NODE_PATH];

    displace(n, name);
    seccomp_node_path(n->dev, "vfio/devices", path);
    if (rmdir(path) < 0)
        errno = 0; /* others are in it */
}

static int place_cdev(struct seccomp *n, const char *name, uint32_t group)
{
    if (!core_abi(n->door->core)->vfio_cdev)
        return 0;
    make_directory(n, "vfio/devices");
    return place(n, name, 0600, VFIO_CDEV, group);
}

/* What devtmpfs does for an IOMMU group; everything is there, or gone, when the write that caused
 * it returns. */
static int change(struct seccomp *n, uint32_t group, enum vfio_nodes nodes)
{
    char name[32], cdev[48];
    int rc = 0;

    snprintf(name, sizeof name, "vfio/%u", group);
    snprintf(cdev, sizeof cdev, "vfio/devices/vfio%u", group);
    if (nodes == VFIO_NODES_ALL) {
        rc = place(n, name, 0600, VFIO_GROUP, group);
        return rc < 0 ? rc : place_cdev(n, cdev, group);
    }
    displace_cdev(n, cdev);
    if (nodes == VFIO_NODES_NONE)
        displace(n, name);
    return 0;
}

static void changed(struct seccomp *n, uint32_t group, enum vfio_nodes nodes)
{
    int rc = change(n, group, nodes);

    if (rc < 0)
        fprintf(stderr, "apus: the device nodes of IOMMU group %u cannot be made in %s: %s\n",
                group, n->dev, error_text(-rc));
}

/* Of that node, and of all that will be placed. */
static void tell_number(const struct seccomp *n, const char *name)
{
    struct stat st;
    char path[SECCOMP_NODE_PATH];

    seccomp_node_path(n->dev, name, path);
    if (lstat(path, &st) == 0)
        core_set_vfio_number(n->door->core, major(st.st_rdev), minor(st.st_rdev));
}

void seccomp_vfio_place(struct seccomp *n)
{
    struct core *core = n->door->core;
    struct mdev_info mdev;
    uint32_t cursor = 0;
    int rc;

    make_directory(n, "vfio");
    rc = place(n, "vfio/vfio", 0666, VFIO_CONTAINER, 0);
    if (rc == 0)
        tell_number(n, "vfio/vfio");
    if (rc == 0 && core_abi(core)->vfio_cdev)
        rc = place(n, "iommu", 0660, VFIO_IOMMUFD, 0);
    if (rc < 0)
        fprintf(stderr, "apus: /dev/vfio cannot be made in %s: %s\n", n->dev, error_text(-rc));
    while (core_mdev_next(core, &cursor, &mdev))
        changed(n, mdev.group, VFIO_NODES_ALL);
}

void seccomp_vfio_effects(struct seccomp *n, const struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++)
        if (n->placed && effects->v[i].kind == EFFECT_VFIO_NODES)
            changed(n, effects->v[i].id, (enum vfio_nodes)effects->v[i].value);
    vfio_effects(n->vfio, effects);
}
