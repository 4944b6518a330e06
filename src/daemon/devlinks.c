/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "daemon/internal.h"

/*
 * What devtmpfs does for a real node: /dev/NAME for each node of class zcrypt. `apus run` has our
 * tree's dev directory as /dev/zcrypt, so a name in /dev is a link into it; with --ioctl=notify it
 * is a node that is served without FUSE. It exists when the write to `create` returns.
 */
#define TARGET "zcrypt/"

/* One of our links: a link whose target is "zcrypt/" and its own name. */
static bool is_ours(int dir, const char *name)
{
    char target[sizeof TARGET + SYSFS_NAME_MAX];
    ssize_t len = readlinkat(dir, name, target, sizeof target - 1);

    if (len < 0)
        return false;
    target[len] = '\0';
    return strncmp(target, TARGET, strlen(TARGET)) == 0 &&
           strcmp(target + strlen(TARGET), name) == 0;
}

static void remove_stale(int dir, const struct sysfs_tree *tree, sysfs_ino nodes)
{
    DIR *stream = fdopendir(dup(dir));
    struct sysfs_entry entry;

    if (!stream)
        return;
    rewinddir(stream);
    for (struct dirent *e; (e = readdir(stream));)
        if (e->d_type == DT_LNK && is_ours(dir, e->d_name) &&
            sysfs_lookup(tree, nodes, e->d_name, &entry) < 0)
            unlinkat(dir, e->d_name, 0);
    closedir(stream);
}

static void add_missing(struct daemon *d, int dir, const struct sysfs_tree *tree, sysfs_ino nodes)
{
    struct sysfs_entry entry;
    uint64_t cursor = 0;

    while (sysfs_next(tree, nodes, &cursor, &entry) == 1) {
        char target[sizeof TARGET + SYSFS_NAME_MAX];

        if (strcmp(entry.name, "z90crypt") == 0)
            continue;
        snprintf(target, sizeof target, TARGET "%s", entry.name);
        if (symlinkat(target, dir, entry.name) < 0 && errno != EEXIST)
            daemon_log(d, LOG_LEVEL_WARNING, "%s/%s cannot be made: %s", d->options->dev_links,
                       entry.name, error_text(errno));
    }
}

void daemon_dev_links(struct daemon *d, const struct command *command)
{
    const struct sysfs_tree *tree = core_tree(d->door.core, CORE_HOST_TREE);
    text_auto why = {0};
    sysfs_ino nodes;
    int dir;

    if (!d->options->dev_links || command->kind != CMD_STORE ||
        command->store.tree != CORE_HOST_TREE ||
        sysfs_dir_of(command->store.ino).kind != SYSFS_ZCRYPT_CLASS ||
        sysfs_resolve(tree, "dev", &nodes) < 0)
        return;
    if (d->seccomp) {
        if (seccomp_nodes_update(d->seccomp, &why) < 0)
            daemon_log(d, LOG_LEVEL_WARNING, "%s", why.data);
        return;
    }
    dir = open(d->options->dev_links, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        daemon_log(d, LOG_LEVEL_WARNING, "%s cannot be opened: %s", d->options->dev_links,
                   error_text(errno));
        return;
    }
    remove_stale(dir, tree, nodes);
    add_missing(d, dir, tree, nodes);
    close(dir);
}
