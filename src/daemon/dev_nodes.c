/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/internal.h"
#include "seccomp/node.h"

/*
 * The work of devtmpfs: /dev/NAME for each node of class zcrypt. `apus run` mounts the tree's dev
 * directory at /dev/zcrypt, so /dev/NAME is a symbolic link into that; with --ioctl=notify it is a
 * device node that is served without FUSE. It exists when the write to `create` returns. An
 * existing file of that name is left alone.
 */
#define TARGET     "zcrypt/"
#define PATH_BYTES 256

static void path_of(const struct daemon *d, const char *name, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%.180s/%.64s", d->options->dev_links, name);
}

static void target_of(const char *name, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, TARGET "%.64s", name);
}

/* Whether path is still the link that we made. */
static bool is_ours(const char *path, const char *name)
{
    char target[PATH_BYTES], found[PATH_BYTES];
    ssize_t len = readlink(path, found, sizeof found);

    target_of(name, target);
    return len == (ssize_t)strlen(target) && memcmp(found, target, (size_t)len) == 0;
}

static int place(struct daemon *d, const struct sysfs_entry *entry)
{
    char path[PATH_BYTES], target[PATH_BYTES];
    int rc;

    if (d->seccomp && d->options->notify) {
        rc = seccomp_node_place(d->options->dev_links, entry->name, entry->mode);
        return rc < 0 ? rc : seccomp_add_node(d->seccomp, entry->name, entry->ino);
    }
    path_of(d, entry->name, path);
    target_of(entry->name, target);
    return symlink(target, path) < 0 ? -errno : 0;
}

static void displace(struct daemon *d, const struct dev_node *node)
{
    char path[PATH_BYTES];

    if (d->seccomp && d->options->notify) {
        seccomp_node_displace(d->options->dev_links, node->name);
        return;
    }
    path_of(d, node->name, path);
    if (is_ours(path, node->name))
        unlink(path);
}

static void remove_stale(struct daemon *d, const struct sysfs_tree *tree)
{
    struct sysfs_entry entry;
    unsigned kept = 0;

    for (unsigned i = 0; i < d->dev_node_count; i++) {
        if (sysfs_stat(tree, d->dev_nodes[i].ino, &entry) == 0)
            d->dev_nodes[kept++] = d->dev_nodes[i];
        else
            displace(d, &d->dev_nodes[i]);
    }
    d->dev_node_count = kept;
}

static bool is_placed(const struct daemon *d, sysfs_ino ino)
{
    for (unsigned i = 0; i < d->dev_node_count; i++)
        if (d->dev_nodes[i].ino == ino)
            return true;
    return false;
}

static void add(struct daemon *d, const struct sysfs_entry *entry)
{
    struct dev_node node = {.ino = entry->ino};
    int rc = place(d, entry);

    if (rc < 0 && rc != -EEXIST)
        daemon_log(d, LOG_LEVEL_WARNING, "cannot create %s/%s: %s", d->options->dev_links,
                   entry->name, error_text(-rc));
    if (rc < 0)
        return;
    memcpy(node.name, entry->name, sizeof node.name);
    d->dev_nodes = xrealloc(d->dev_nodes, (d->dev_node_count + 1) * sizeof *d->dev_nodes);
    d->dev_nodes[d->dev_node_count++] = node;
}

void daemon_dev_nodes_update(struct daemon *d)
{
    const struct sysfs_tree *tree = core_tree(d->door.core, CORE_HOST_TREE);
    struct sysfs_entry entry;
    uint64_t cursor = 0;
    sysfs_ino nodes;

    if (!d->options->dev_links || sysfs_resolve(tree, "dev", &nodes) < 0)
        return;
    remove_stale(d, tree);
    /* z90crypt was made by `apus run` before the program started. */
    while (sysfs_next(tree, nodes, &cursor, &entry) == 1)
        if (strcmp(entry.name, "z90crypt") != 0 && !is_placed(d, entry.ino))
            add(d, &entry);
}

void daemon_dev_nodes(struct daemon *d, const struct command *command)
{
    if (command->kind == CMD_BOOT ||
        (command->kind == CMD_STORE && command->store.tree == CORE_HOST_TREE &&
         sysfs_dir_of(command->store.ino).kind == SYSFS_ZCRYPT_CLASS))
        daemon_dev_nodes_update(d);
}
