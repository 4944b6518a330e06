/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "seccomp/internal.h"
#include "sysfs/tree.h"

#define PATH_BYTES 256

static const struct sysfs_tree *tree_of(const struct seccomp *n)
{
    return core_tree(n->door->core, CORE_HOST_TREE);
}

bool seccomp_node_lives(const struct seccomp *n, const struct seccomp_node *node)
{
    struct sysfs_entry e;

    return sysfs_stat(tree_of(n), node->ino, &e) == 0;
}

static void path_of(const struct seccomp *n, const char *name, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%.200s/%.40s", n->dev, name);
}

const struct seccomp_node *seccomp_node_find(const struct seccomp *n, uint64_t mount,
                                             const char *path)
{
    const struct seccomp_node *gone = NULL;
    char own[PATH_BYTES];

    for (unsigned i = 0; i < n->node_count; i++) {
        if (n->nodes[i].mount != mount)
            continue;
        if (seccomp_node_lives(n, &n->nodes[i]))
            return &n->nodes[i];
        gone = &n->nodes[i];
    }
    for (unsigned i = 0; *path && i < n->node_count; i++) {
        path_of(n, n->nodes[i].name, own);
        if (n->nodes[i].present && strcmp(path, own) == 0)
            return &n->nodes[i];
    }
    return gone;
}

/* The place of a new entry: that of one whose mount is no more, its number being used again. */
static struct seccomp_node *slot_for(struct seccomp *n, uint64_t mount)
{
    for (unsigned i = 0; i < n->node_count; i++)
        if (n->nodes[i].mount == mount)
            return &n->nodes[i];
    n->nodes = xrealloc(n->nodes, (n->node_count + 1) * sizeof *n->nodes);
    return &n->nodes[n->node_count++];
}

int seccomp_node_add(struct seccomp *n, const char *name, sysfs_ino ino)
{
    struct core *core = n->door->core;
    struct seccomp_node node = {.present = true, .ino = ino};
    char path[PATH_BYTES];
    struct statx st;
    int rc = core_open(core, CORE_HOST_TREE, ino, &node.node);

    if (rc < 0)
        return rc;
    path_of(n, name, path);
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) < 0)
        return -errno;
    snprintf(node.name, sizeof node.name, "%s", name);
    node.mount = st.stx_mnt_id;
    *slot_for(n, node.mount) = node;
    return 0;
}

/* /dev/null over a new file. */
static int place(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    int rc;

    if (fd < 0)
        return -errno;
    close(fd);
    if (mount("/dev/null", path, NULL, MS_BIND, NULL) == 0)
        return 0;
    rc = -errno;
    unlink(path);
    return rc;
}

static void displace(const char *path)
{
    umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
    unlink(path);
}

static void remove_stale(struct seccomp *n)
{
    char path[PATH_BYTES];

    for (unsigned i = 0; i < n->node_count; i++) {
        struct seccomp_node *node = &n->nodes[i];

        if (!node->present || seccomp_node_lives(n, node))
            continue;
        path_of(n, node->name, path);
        displace(path);
        node->present = false;
    }
}

static bool is_placed(const struct seccomp *n, sysfs_ino ino)
{
    for (unsigned i = 0; i < n->node_count; i++)
        if (n->nodes[i].present && n->nodes[i].ino == ino)
            return true;
    return false;
}

int seccomp_nodes_update(struct seccomp *n, struct text *why)
{
    struct sysfs_entry entry;
    char path[PATH_BYTES];
    uint64_t cursor = 0;
    sysfs_ino nodes;
    int rc, failed = 0;

    remove_stale(n);
    if (sysfs_resolve(tree_of(n), "dev", &nodes) < 0)
        return 0;
    while (sysfs_next(tree_of(n), nodes, &cursor, &entry) == 1) {
        if (strcmp(entry.name, "z90crypt") == 0 || is_placed(n, entry.ino))
            continue;
        path_of(n, entry.name, path);
        rc = place(path);
        if (rc == 0)
            rc = seccomp_node_add(n, entry.name, entry.ino);
        if (rc == 0 || rc == -EEXIST)
            continue;
        if (!failed)
            text_addf(why, "%s cannot be made: %s", path, error_text(-rc));
        failed = rc;
    }
    return failed;
}
