/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/internal.h"

#define FOREVER  (10.0 * 365 * 86400) /* seconds */
#define DIR_SIZE 65536                /* bytes, limit of a reply to readdir */

static mode_t type_bits(enum sysfs_type type)
{
    switch (type) {
    case SYSFS_TYPE_DIR:
        return S_IFDIR;
    case SYSFS_TYPE_LINK:
        return S_IFLNK;
    case SYSFS_TYPE_FILE:
        break;
    }
    return S_IFREG;
}

/* Directories have a link count of 1, too, which programs take for "unknown": the number of
 * subdirectories changes without the kernel's knowledge. */
static struct stat entry_stat(const struct fuse_mount *m, const struct sysfs_entry *e)
{
    return (struct stat){.st_ino = e->ino,
                         .st_mode = type_bits(e->type) | e->mode,
                         .st_nlink = 1,
                         .st_uid = e->uid ? e->uid : m->uid,
                         .st_gid = e->gid ? e->gid : m->gid,
                         .st_size = e->type == SYSFS_TYPE_FILE && !e->device ? 4096 : 0,
                         .st_blksize = 4096,
                         .st_atim = m->born,
                         .st_mtim = m->born,
                         .st_ctim = m->born};
}

/* An inode number stands for one generation of one object. Its attributes change only by CMD_OWNER;
 * what a name refers to is another matter. */
static struct fuse_entry_param entry_param(const struct fuse_mount *m, const struct sysfs_entry *e)
{
    return (struct fuse_entry_param){.ino = e->ino,
                                     .attr = entry_stat(m, e),
                                     .attr_timeout = FOREVER,
                                     .entry_timeout = e->stable ? FOREVER : 0};
}

static void do_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    const struct fuse_mount *m = fuse_req_userdata(req);
    const struct sysfs_tree *t = mount_tree(m);
    struct fuse_entry_param param;
    struct sysfs_entry e;
    int rc = t ? sysfs_lookup(t, parent, name, &e) : -ENODEV;

    if (rc < 0) {
        fuse_reply_err(req, -rc);
        return;
    }
    param = entry_param(m, &e);
    fuse_reply_entry(req, &param);
}

static int stat_node(const struct fuse_mount *m, fuse_ino_t ino, struct stat *out)
{
    const struct sysfs_tree *t = mount_tree(m);
    struct sysfs_entry e;
    int rc = t ? sysfs_stat(t, ino, &e) : -ENODEV;

    if (rc == 0)
        *out = entry_stat(m, &e);
    return rc;
}

/* The kernel asks for a directory again after a name in it has gone. Where its device is gone, too,
 * nothing is found there [files-sysfs]. */
static void do_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    const struct fuse_mount *m = fuse_req_userdata(req);
    struct stat st;
    int rc = stat_node(m, ino, &st);

    if (rc == -ENODEV && mount_tree(m) && sysfs_is_dir(ino))
        rc = -ENOENT;
    if (rc < 0)
        fuse_reply_err(req, -rc);
    else
        fuse_reply_attr(req, &st, FOREVER);
}

/* The owner and mode that the node shall have. The user who mounted the tree stands for root. */
static struct sysfs_owner owner_wanted(const struct fuse_mount *m, const struct sysfs_entry *e,
                                       const struct stat *to, int what)
{
    struct sysfs_owner owner = {e->mode, e->uid, e->gid};

    if (what & FUSE_SET_ATTR_MODE)
        owner.mode = to->st_mode & 07777;
    if (what & FUSE_SET_ATTR_UID)
        owner.uid = to->st_uid == m->uid ? 0 : to->st_uid;
    if (what & FUSE_SET_ATTR_GID)
        owner.gid = to->st_gid == m->gid ? 0 : to->st_gid;
    return owner;
}

/* The kernel has checked the permission (default_permissions). */
static int set_owner(const struct fuse_mount *m, fuse_ino_t ino, const struct stat *to, int what)
{
    const struct sysfs_tree *t = mount_tree(m);
    struct door *door = m->hub->door;
    struct command cmd = {.kind = CMD_OWNER, .owner = {.tree = m->tree, .ino = ino}};
    struct reply reply = {0};
    struct sysfs_entry e;
    int rc = t ? sysfs_stat(t, ino, &e) : -ENODEV;

    if (rc < 0)
        return rc;
    cmd.owner.to = owner_wanted(m, &e, to, what);
    if (cmd.owner.to.mode == e.mode && cmd.owner.to.uid == e.uid && cmd.owner.to.gid == e.gid)
        return 0;
    door->execute(door, &cmd, &reply);
    reply_done(&reply);
    return reply.result;
}

/* Truncation and new times are accepted and ignored [files-owner]. */
static void do_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *to, int what,
                       struct fuse_file_info *fi)
{
    const struct fuse_mount *m = fuse_req_userdata(req);
    struct stat st;
    int rc = set_owner(m, ino, to, what);

    if (rc == 0)
        rc = stat_node(m, ino, &st);
    if (rc < 0)
        fuse_reply_err(req, -rc);
    else
        fuse_reply_attr(req, &st, FOREVER);
}

static void do_readlink(fuse_req_t req, fuse_ino_t ino)
{
    const struct sysfs_tree *t = mount_tree(fuse_req_userdata(req));
    text_auto target = {0};
    int rc = t ? sysfs_readlink(t, ino, &target) : -ENODEV;

    if (rc < 0)
        fuse_reply_err(req, -rc);
    else
        fuse_reply_readlink(req, target.data);
}

struct listing {
    const struct fuse_mount *m;
    fuse_req_t req;
    bool plus; /* each entry as lookup would answer it */
    char *data;
    size_t len, size;
};

/* Adds what is known to libfuse to be len bytes of an entry. False: the buffer is full. */
static bool list_took(struct listing *l, size_t len)
{
    if (len > l->size - l->len)
        return false;
    l->len += len;
    return true;
}

/* next is the offset of the entry after this one. */
static bool list_entry(struct listing *l, const struct sysfs_entry *e, uint64_t next)
{
    struct fuse_entry_param param = entry_param(l->m, e);
    char *at = l->data + l->len;
    size_t room = l->size - l->len;

    if (!l->plus)
        return list_took(l, fuse_add_direntry(l->req, at, room, e->name, &param.attr, (off_t)next));
    /* Number 0: nothing that the kernel could keep. */
    if (!e->stable)
        param.ino = 0;
    return list_took(l, fuse_add_direntry_plus(l->req, at, room, e->name, &param, (off_t)next));
}

/* Of "." and "..", the kernel keeps nothing. */
static bool list_dots(struct listing *l, const char *name, sysfs_ino ino, uint64_t next)
{
    struct sysfs_entry e = {.ino = ino, .type = SYSFS_TYPE_DIR};

    strcpy(e.name, name);
    return list_entry(l, &e, next);
}

/* Offsets: 0 is ".", 1 is "..", and cursor c of sysfs_next is c + 2. */
static int list_dir(struct listing *l, const struct sysfs_tree *t, sysfs_ino dir, uint64_t offset)
{
    uint64_t cursor = offset < 2 ? 0 : offset - 2;
    struct sysfs_entry e;
    int rc = sysfs_stat(t, dir, &e);

    if (rc < 0)
        return rc == -ENODEV ? -ENOENT : rc;
    if (offset == 0 && !list_dots(l, ".", dir, 1))
        return 0;
    if (offset <= 1 && !list_dots(l, "..", sysfs_parent(t, dir), 2))
        return 0;
    while ((rc = sysfs_next(t, dir, &cursor, &e)) > 0)
        if (!list_entry(l, &e, cursor + 2))
            return 0;
    return rc;
}

static void reply_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool plus)
{
    struct fuse_mount *m = fuse_req_userdata(req);
    const struct sysfs_tree *t = mount_tree(m);
    struct listing l = {
        .m = m, .req = req, .plus = plus, .size = size < DIR_SIZE ? size : DIR_SIZE};
    int rc = -ENODEV;

    if (!m->listing)
        m->listing = xcalloc(1, DIR_SIZE);
    l.data = m->listing;
    if (t)
        rc = list_dir(&l, t, ino, (uint64_t)offset);
    if (rc < 0)
        fuse_reply_err(req, -rc);
    else
        fuse_reply_buf(req, l.data, l.len);
}

static void do_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
    reply_listing(req, ino, size, offset, false);
}

/* The kernel asks for it in place of readdir while the caller also wants the status of the names:
 * one request for hundreds. */
static void do_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info *fi)
{
    reply_listing(req, ino, size, offset, true);
}

static void do_statfs(fuse_req_t req, fuse_ino_t ino)
{
    fuse_reply_statfs(req, &(struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255});
}

static void do_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    if (size)
        fuse_reply_buf(req, NULL, 0);
    else
        fuse_reply_xattr(req, 0);
}

/* Nothing can be created on a sysfs. In a directory whose device is gone, such as a shell's working
 * directory, nothing is found. */
static void do_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    struct stat st;

    fuse_reply_err(req, stat_node(fuse_req_userdata(req), parent, &st) == 0 ? EACCES : ENOENT);
}

/* What users cannot do to sysfs. Handlers for other extended attribute calls are absent on purpose:
   the kernel asks once and answers EOPNOTSUPP by itself from then on. */
static void do_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
    fuse_reply_err(req, EPERM);
}

static void do_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    fuse_reply_err(req, EPERM);
}

static void do_remove(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    fuse_reply_err(req, EPERM);
}

static void do_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    fuse_reply_err(req, EPERM);
}

static void do_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to,
                      const char *new_name, unsigned flags)
{
    fuse_reply_err(req, EPERM);
}

static void do_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    fuse_reply_err(req, EPERM);
}

void node_handlers(struct fuse_lowlevel_ops *ops)
{
    ops->lookup = do_lookup;
    ops->getattr = do_getattr;
    ops->setattr = do_setattr;
    ops->readlink = do_readlink;
    ops->readdir = do_readdir;
    ops->readdirplus = do_readdirplus;
    ops->statfs = do_statfs;
    ops->listxattr = do_listxattr;
    ops->create = do_create;
    ops->mknod = do_mknod;
    ops->mkdir = do_mkdir;
    ops->unlink = do_remove;
    ops->rmdir = do_remove;
    ops->symlink = do_symlink;
    ops->rename = do_rename;
    ops->link = do_link;
}
