/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "seccomp/internal.h"
#include "seccomp/node.h"
#include "sysfs/tree.h"

#define NULL_DEVICE makedev(1, 3)

bool seccomp_node_lives(const struct seccomp *n, const struct seccomp_node *node)
{
    const struct sysfs_tree *tree;
    struct sysfs_entry e;

    if (node->is_vfio)
        return true; /* it is forgotten when it goes */
    tree = core_tree(n->door->core, node->tree);
    return tree && sysfs_stat(tree, node->ino, &e) == 0;
}

void seccomp_node_path(const char *dev, const char *name, char out[SECCOMP_NODE_PATH])
{
    snprintf(out, SECCOMP_NODE_PATH, "%.200s/%.40s", dev, name);
}

static void path_of(const struct seccomp *n, const char *name, char out[SECCOMP_NODE_PATH])
{
    seccomp_node_path(n->dev, name, out);
}

static bool is(const struct seccomp_node *node, const struct descriptor *file)
{
    return node->file.device == file->device && node->file.ino == file->ino;
}

const struct seccomp_node *seccomp_node_find(const struct seccomp *n, const struct descriptor *file)
{
    for (unsigned i = 0; i < n->node_count; i++)
        if (is(&n->nodes[i], file))
            return &n->nodes[i];
    return NULL;
}

/* Where the file is that of a node that is gone, and closed, its slot is the new one's. */
static struct seccomp_node *slot_for(struct seccomp *n, const struct seccomp_node *node)
{
    for (unsigned i = 0; i < n->node_count; i++)
        if (is(&n->nodes[i], &node->file))
            return &n->nodes[i];
    n->nodes = xrealloc(n->nodes, (n->node_count + 1) * sizeof *n->nodes);
    return &n->nodes[n->node_count++];
}

static int add(struct seccomp *n, const char *name, struct seccomp_node *node)
{
    char path[SECCOMP_NODE_PATH];
    int rc;

    path_of(n, name, path);
    rc = descriptor_of_path(path, &node->file);
    if (rc < 0)
        return rc;
    snprintf(node->name, sizeof node->name, "%s", name);
    *slot_for(n, node) = *node;
    return 0;
}

int seccomp_add_node(struct seccomp *n, const char *name, sysfs_ino ino)
{
    struct seccomp_node node = {.tree = CORE_HOST_TREE, .ino = ino};
    int rc = core_open(n->door->core, CORE_HOST_TREE, ino, &node.node);

    return rc < 0 ? rc : add(n, name, &node);
}

int seccomp_add_vfio_node(struct seccomp *n, const char *name, const struct vfio_target *target)
{
    struct seccomp_node node = {.is_vfio = true, .vfio = *target};

    return add(n, name, &node);
}

void seccomp_forget_node(struct seccomp *n, const char *name)
{
    for (unsigned i = 0; i < n->node_count; i++)
        if (strcmp(n->nodes[i].name, name) == 0) {
            n->nodes[i] = n->nodes[--n->node_count];
            return;
        }
}

/* It must be mounted as a whole before a file of it can be. */
static int mount_ptmx_at(const char *dir, const char *path, mode_t mode)
{
    char options[32], ptmx[SECCOMP_NODE_PATH];
    int rc;

    snprintf(options, sizeof options, "newinstance,ptmxmode=%o", mode);
    snprintf(ptmx, sizeof ptmx, "%.240s/ptmx", dir);
    if (mount("apus", dir, "devpts", MS_NOSUID | MS_NOEXEC, options) < 0)
        return -errno;
    rc = mount(ptmx, path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
    umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW);
    return rc;
}

static int mount_ptmx(const char *dev, const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666), rc;
    char dir[SECCOMP_NODE_PATH];

    if (fd < 0)
        return -errno;
    close(fd);
    seccomp_node_path(dev, ".new", dir);
    rc = mkdir(dir, 0700) < 0 ? -errno : mount_ptmx_at(dir, path, mode);
    rmdir(dir);
    if (rc < 0)
        unlink(path);
    return rc;
}

int seccomp_node_place(const char *dev, const char *name, mode_t mode)
{
    char path[SECCOMP_NODE_PATH];

    seccomp_node_path(dev, name, path);
    if (mknod(path, S_IFCHR | mode, NULL_DEVICE) == 0)
        return chmod(path, mode) < 0 ? -errno : 0; /* regardless of the umask */
    return errno == EPERM ? mount_ptmx(dev, path, mode) : -errno;
}

void seccomp_node_displace(const char *dev, const char *name)
{
    char path[SECCOMP_NODE_PATH];

    seccomp_node_path(dev, name, path);
    umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    unlink(path);
}
