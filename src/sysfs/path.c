/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "sysfs/inode.h"

static void dir_path(const struct sysfs_tree *t, struct sysfs_dir dir, struct text *out)
{
    const struct sysfs_kind_ops *ops = t->ops[dir.kind];
    char name[SYSFS_NAME_MAX];

    if (dir.kind == SYSFS_ROOT)
        return;
    dir_path(t, ops->parent(t->ctx[dir.kind], dir.object), out);
    ops->name(t->ctx[dir.kind], dir.object, name);
    if (out->len && out->data[out->len - 1] != '/')
        text_adds(out, "/");
    text_adds(out, name);
}

void sysfs_dir_path(const struct sysfs_tree *t, struct sysfs_dir dir, struct text *out)
{
    text_auto path = {0};

    dir_path(t, dir, &path);
    text_add(out, path.data ? path.data : "", path.len);
}

/* The directory that contains the entry. */
static struct sysfs_dir containing_dir(const struct sysfs_tree *t, struct inode in)
{
    if (in.member == MEMBER_LINK)
        return inode_link_dir(in);
    if (in.member != MEMBER_SELF || in.dir.kind == SYSFS_ROOT)
        return in.dir;
    return t->ops[in.dir.kind]->parent(t->ctx[in.dir.kind], in.dir.object);
}

sysfs_ino sysfs_parent(const struct sysfs_tree *t, sysfs_ino ino)
{
    return sysfs_dir_ino(t, containing_dir(t, inode_unpack(ino)));
}

static void own_name(const struct sysfs_tree *t, struct inode in, char out[SYSFS_NAME_MAX])
{
    const struct sysfs_kind_ops *ops = t->ops[in.dir.kind];

    if (in.member == MEMBER_LINK) {
        struct sysfs_dir target = inode_link_target(in);

        t->ops[target.kind]->name(t->ctx[target.kind], target.object, out);
    } else if (in.member >= MEMBER_FIXED) {
        strcpy(out, ops->members[in.member - MEMBER_FIXED].name);
    } else {
        strcpy(out, inode_attr_name(t, in));
    }
}

void sysfs_path(const struct sysfs_tree *t, sysfs_ino ino, struct text *out)
{
    struct inode in = inode_unpack(ino);
    char name[SYSFS_NAME_MAX];

    if (in.member == MEMBER_SELF) {
        sysfs_dir_path(t, in.dir, out);
        return;
    }
    sysfs_dir_path(t, containing_dir(t, in), out);
    own_name(t, in, name);
    text_addf(out, "/%s", name);
}

static int link_target(const struct sysfs_tree *t, struct inode in, struct sysfs_dir *out)
{
    const struct sysfs_kind_ops *ops;
    struct sysfs_dir target;

    if (in.dir.kind >= SYSFS_KINDS || !t->ops[in.dir.kind])
        return -ENOENT;
    if (in.member == MEMBER_LINK) {
        target = inode_link_target(in);
        if (target.kind >= SYSFS_KINDS || !t->ops[target.kind])
            return -ENOENT;
        /* The link may be held open after its directory, or its target, has vanished. */
        if (!sysfs_exists(t, inode_link_dir(in)) || !sysfs_exists(t, target))
            return -ENODEV;
        *out = target;
        return 0;
    }
    if (!inode_is_live(t, in))
        return -ENODEV;
    ops = t->ops[in.dir.kind];
    if (in.member < MEMBER_FIXED || !ops->members[in.member - MEMBER_FIXED].is_link)
        return -EINVAL;
    if (!ops->members[in.member - MEMBER_FIXED].target(t->ctx[in.dir.kind], in.dir.object, &target))
        return -ENODEV;
    *out = target;
    return 0;
}

/*
 * Length of the ancestors that from, a directory, shares with to: whole components, at most up to
 * to's parent. So, as in the kernel, a link to an ancestor contains that ancestor's name.
 */
static size_t shared_ancestors(const char *from, const char *to)
{
    size_t limit = (size_t)(strrchr(to, '/') - to), shared = 0;

    for (size_t i = 0; i <= limit && (from[i] == to[i] || !from[i]); i++) {
        if (to[i] == '/')
            shared = i + 1;
        if (!from[i])
            break;
    }
    return shared;
}

int sysfs_readlink(const struct sysfs_tree *t, sysfs_ino ino, struct text *out)
{
    struct inode in = inode_unpack(ino);
    text_auto from = {0}, to = {0};
    struct sysfs_dir target;
    size_t shared;
    int rc = link_target(t, in, &target);

    if (rc < 0)
        return rc;
    sysfs_dir_path(t, containing_dir(t, in), &from);
    sysfs_dir_path(t, target, &to);
    shared = shared_ancestors(from.data, to.data);
    for (size_t i = shared; i < from.len; i++)
        if (i == shared || from.data[i] == '/')
            text_adds(out, "../");
    text_adds(out, to.data + shared);
    return 0;
}

/* One path component. */
static int step(const struct sysfs_tree *t, sysfs_ino at, const char *name, bool follow,
                sysfs_ino *out)
{
    struct sysfs_entry entry;
    struct sysfs_dir target;
    int rc;

    if (strcmp(name, "..") == 0) {
        *out = sysfs_parent(t, at);
        return 0;
    }
    rc = sysfs_lookup(t, at, name, &entry);
    if (rc < 0)
        return rc;
    *out = entry.ino;
    if (entry.type != SYSFS_TYPE_LINK || !follow)
        return 0;
    rc = link_target(t, inode_unpack(entry.ino), &target);
    if (rc == 0)
        *out = sysfs_dir_ino(t, target);
    return rc;
}

static int resolve(const struct sysfs_tree *t, const char *path, bool follow, sysfs_ino *out)
{
    sysfs_ino at = SYSFS_ROOT_INO;

    while (*path) {
        char name[SYSFS_NAME_MAX];
        size_t len = strcspn(path, "/");
        int rc;

        if (len >= sizeof name)
            return -ENOENT;
        memcpy(name, path, len);
        name[len] = '\0';
        path += len + (path[len] == '/');
        if (len == 0 || strcmp(name, ".") == 0)
            continue;
        rc = step(t, at, name, follow || *path, &at);
        if (rc < 0)
            return rc;
    }
    *out = at;
    return 0;
}

int sysfs_resolve(const struct sysfs_tree *t, const char *path, sysfs_ino *out)
{
    return resolve(t, path, true, out);
}

int sysfs_resolve_nofollow(const struct sysfs_tree *t, const char *path, sysfs_ino *out)
{
    return resolve(t, path, false, out);
}
