/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/internal.h"
#include "seccomp/node.h"

/*
 * The work of devtmpfs: options->dev_links/NAME for each node of class zcrypt. `apus run` mounts
 * the tree's dev directory at /dev/zcrypt, so /dev/NAME is a symbolic link into that; with
 * --ioctl=notify it is a device node that is served without FUSE, with --nodes=cuse a file for the
 * device that the kernel shows in the computer's /dev. A daemon that mounts the tree
 * itself links to MOUNT/dev/NAME, and takes its links away at its end; if it is killed, the heir
 * does. The name exists when the write to `create` returns. An existing file of that name is left
 * alone.
 */
static void path_of(const struct daemon *d, const char *name, struct text *out)
{
    if (d->dev_links_fd >= 0)
        text_adds(out, name);
    else
        text_addf(out, "%s/%s", d->options->dev_links, name);
}

/* A path could lead into the tree meanwhile, which is served by nobody but this thread. In `apus
 * run` the directory does not exist yet. */
int daemon_dev_links_open(struct daemon *d, struct text *why)
{
    const struct daemon_options *o = d->options;
    int err;

    if (!o->dev_links || !o->mount)
        return 0;
    d->dev_links_fd = open(o->dev_links, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = errno;
    if (d->dev_links_fd >= 0)
        return 0;
    text_addf(why, "cannot open the directory %s of --dev-links: %s", o->dev_links,
              error_text(err));
    return -err;
}

/* Of the links' targets; behind it comes the node's name. No path is looked at: the mount point may
 * wait for ourselves. */
static void target_dir(const struct daemon *d, struct text *out)
{
    const char *mount = d->options->mount;
    char here[PATH_MAX];

    if (!mount) {
        text_adds(out, "zcrypt/");
        return;
    }
    if (*mount != '/' && getcwd(here, sizeof here))
        text_addf(out, "%s/", here);
    text_addf(out, "%s/dev/", mount);
}

/* Whether path is a link that we have made. */
static bool is_ours(const struct daemon *d, const char *path, const char *dir, const char *name)
{
    char found[PATH_MAX];
    ssize_t len = readlinkat(d->dev_links_fd, path, found, sizeof found - 1);
    size_t dir_len = strlen(dir);

    found[len < 0 ? 0 : len] = '\0';
    return strncmp(found, dir, dir_len) == 0 && strcmp(found + dir_len, name) == 0;
}

static int place_link(const struct daemon *d, const char *name)
{
    text_auto path = {0}, target = {0};

    path_of(d, name, &path);
    target_dir(d, &target);
    if (is_ours(d, path.data, target.data, name))
        return 0; /* of a daemon that was killed */
    text_adds(&target, name);
    return symlinkat(target.data, d->dev_links_fd, path.data) < 0 ? -errno : 0;
}

/* The computer's /dev, which was copied, may have had it already. */
static int place_device(const struct daemon *d, const struct sysfs_entry *entry)
{
    dev_t number = cuse_number(d->cuse, entry->ino);
    text_auto path = {0};
    struct stat st;

    path_of(d, entry->name, &path);
    if (!number)
        return -EEXIST; /* said before */
    if (lstat(path.data, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == number)
        return 0;
    if (mknod(path.data, S_IFCHR | entry->mode, number) < 0)
        return -errno;
    return chmod(path.data, entry->mode) < 0 ? -errno : 0; /* regardless of the umask */
}

static int place(struct daemon *d, const struct sysfs_entry *entry)
{
    int rc;

    if (d->cuse)
        return place_device(d, entry);
    if (!d->seccomp || !d->options->notify)
        return place_link(d, entry->name);
    rc = seccomp_node_place(d->options->dev_links, entry->name, entry->mode);
    return rc < 0 ? rc : seccomp_add_node(d->seccomp, entry->name, entry->ino);
}

static void displace_link(const struct daemon *d, const char *name)
{
    text_auto path = {0}, target = {0};

    path_of(d, name, &path);
    target_dir(d, &target);
    if (is_ours(d, path.data, target.data, name))
        unlinkat(d->dev_links_fd, path.data, 0);
}

static void displace(struct daemon *d, const struct dev_node *node)
{
    text_auto path = {0};

    path_of(d, node->name, &path);
    if (d->cuse)
        unlink(path.data);
    else if (d->seccomp && d->options->notify)
        seccomp_node_displace(d->options->dev_links, node->name);
    else
        displace_link(d, node->name);
}

void daemon_dev_links_remove(const struct daemon *d)
{
    int fd = d->dev_links_fd < 0 ? -1 : openat(d->dev_links_fd, ".", O_RDONLY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    while (dir && (e = readdir(dir)))
        if (e->d_type == DT_LNK || e->d_type == DT_UNKNOWN)
            displace_link(d, e->d_name);
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
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
    /* In `apus run` z90crypt was made before the program started. */
    while (sysfs_next(tree, nodes, &cursor, &entry) == 1)
        if ((d->options->mount || d->cuse || strcmp(entry.name, "z90crypt") != 0) &&
            !is_placed(d, entry.ino))
            add(d, &entry);
}

static void follow(struct daemon *d)
{
    text_auto why = {0};

    if (d->cuse && cuse_follow(d->cuse, &why) < 0)
        daemon_log(d, LOG_LEVEL_WARNING, "%s", why.data);
}

void daemon_dev_nodes(struct daemon *d, const struct command *command)
{
    if (command->kind == CMD_BOOT ||
        (command->kind == CMD_STORE && command->store.tree == CORE_HOST_TREE &&
         sysfs_dir_of(command->store.ino).kind == SYSFS_ZCRYPT_CLASS)) {
        follow(d);
        daemon_dev_nodes_update(d);
    }
}
