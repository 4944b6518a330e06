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

#define PATH_BYTES  256
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

static void join(const char *dev, const char *name, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%.200s/%.40s", dev, name);
}

static void path_of(const struct seccomp *n, const char *name, char out[PATH_BYTES])
{
    join(n->dev, name, out);
}

bool seccomp_node_is(const struct seccomp_node *node, const struct descriptor *file)
{
    return node->file.device == file->device && node->file.ino == file->ino;
}

bool seccomp_node_any(const struct seccomp *n, const struct descriptor *file)
{
    for (unsigned i = 0; i < n->node_count; i++)
        if (seccomp_node_is(&n->nodes[i], file))
            return true;
    return false;
}

const struct seccomp_node *seccomp_node_find(const struct seccomp *n, const struct descriptor *file,
                                             const char *path)
{
    const struct seccomp_node *gone = NULL;
    char own[PATH_BYTES];

    for (unsigned i = 0; i < n->node_count; i++) {
        const struct seccomp_node *node = &n->nodes[i];

        if (!seccomp_node_is(node, file) || (node->bound && node->file.mount != file->mount))
            continue;
        if (seccomp_node_lives(n, node))
            return node;
        gone = node;
    }
    for (unsigned i = 0; *path && i < n->node_count; i++) {
        const struct seccomp_node *node = &n->nodes[i];

        path_of(n, node->name, own);
        if (node->bound && seccomp_node_is(node, file) && strcmp(path, own) == 0 &&
            seccomp_node_lives(n, node))
            return node;
    }
    return gone;
}

const struct seccomp_node *seccomp_node_behind(const struct seccomp *n, pid_t thread, int fd,
                                               const struct descriptor *file)
{
    const struct seccomp_node *node;
    char path[PATH_BYTES];

    if (!seccomp_node_any(n, file))
        return NULL;
    node = seccomp_node_find(n, file, "");
    if (node && seccomp_node_lives(n, node))
        return node;
    descriptor_path(thread, fd, path, sizeof path);
    return seccomp_node_find(n, file, path);
}

/* The slot for a new node: that of a bound one if its mount is gone and the mount's number was
 * reused, otherwise a new one. */
static struct seccomp_node *slot_for(struct seccomp *n, const struct seccomp_node *node)
{
    for (unsigned i = 0; i < n->node_count; i++)
        if (seccomp_node_is(&n->nodes[i], &node->file) &&
            n->nodes[i].file.mount == node->file.mount)
            return &n->nodes[i];
    n->nodes = xrealloc(n->nodes, (n->node_count + 1) * sizeof *n->nodes);
    return &n->nodes[n->node_count++];
}

static int add(struct seccomp *n, const char *name, struct seccomp_node *node)
{
    struct descriptor null;
    char path[PATH_BYTES];
    int rc;

    path_of(n, name, path);
    rc = descriptor_of_path(path, &node->file);
    path_of(n, "null", path);
    if (rc == 0)
        rc = descriptor_of_path(path, &null);
    if (rc < 0)
        return rc;
    snprintf(node->name, sizeof node->name, "%s", name);
    node->bound = node->file.device == null.device && node->file.ino == null.ino;
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

/* The bind mount is read-only, because the /dev/null that `apus run` sets up is. */
static int bind_null(const char *dev, const char *path)
{
    char null[PATH_BYTES];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    int rc;

    if (fd < 0)
        return -errno;
    close(fd);
    snprintf(null, sizeof null, "%.200s/null", dev);
    if (mount(null, path, NULL, MS_BIND, NULL) == 0)
        return 0;
    rc = -errno;
    unlink(path);
    return rc;
}

int seccomp_node_place(const char *dev, const char *name, mode_t mode)
{
    char path[PATH_BYTES];

    join(dev, name, path);
    if (mknod(path, S_IFCHR | mode, NULL_DEVICE) == 0)
        return chmod(path, mode) < 0 ? -errno : 0; /* regardless of the umask */
    return errno == EPERM ? bind_null(dev, path) : -errno;
}

void seccomp_node_displace(const char *dev, const char *name)
{
    char path[PATH_BYTES];

    join(dev, name, path);
    umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    unlink(path);
}
