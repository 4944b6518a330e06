/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nomount/internal.h"

/* Whether the user may change entries of a directory; no one can, whoever it is. */
static int unchangeable(const struct nomount_call *c)
{
    return c->user.uid == 0 || c->user.uid == geteuid() ? -EPERM : -EACCES;
}

static bool is_directory(const struct located *l, const struct sysfs_tree *t)
{
    struct sysfs_entry e;

    return l->at.kind == WALK_UNION ||
           (l->at.kind == WALK_OURS && sysfs_stat(t, l->at.ino, &e) == 0 &&
            e.type == SYSFS_TYPE_DIR);
}

static int remove_result(const struct nomount_call *c, const struct located *l)
{
    bool directory = is_directory(l, nomount_tree(c->n));

    if (!l->at.exists)
        return -ENOENT;
    if (l->at.slash && !directory)
        return -ENOTDIR;
    if (directory != c->request.directory)
        return directory ? -EISDIR : -ENOTDIR;
    return unchangeable(c);
}

/* Mode or owner, as CMD_OWNER. This user stands for root. */
static int set_owner(const struct nomount_call *c, sysfs_ino ino)
{
    const struct nomount_request *r = &c->request;
    struct command cmd = {.kind = CMD_OWNER, .owner = {.tree = CORE_HOST_TREE, .ino = ino}};
    struct door *door = c->n->door;
    struct reply reply = {0};
    struct sysfs_entry e;
    int rc = sysfs_stat(nomount_tree(c->n), ino, &e);

    if (rc < 0)
        return rc;
    if (c->user.uid != 0 && c->user.uid != (e.uid ? e.uid : geteuid()))
        return -EPERM;
    cmd.owner.to = (struct sysfs_owner){e.mode, e.uid, e.gid};
    if (r->deed == NOMOUNT_CHMOD)
        cmd.owner.to.mode = r->mode & 07777;
    if (r->deed == NOMOUNT_CHOWN && r->uid != UINT32_MAX)
        cmd.owner.to.uid = r->uid == geteuid() ? 0 : r->uid;
    if (r->deed == NOMOUNT_CHOWN && r->gid != UINT32_MAX)
        cmd.owner.to.gid = r->gid == getegid() ? 0 : r->gid;
    if (cmd.owner.to.mode == e.mode && cmd.owner.to.uid == e.uid && cmd.owner.to.gid == e.gid)
        return 0;
    if (r->deed == NOMOUNT_CHOWN && c->user.uid != 0)
        return -EPERM;
    rc = call_waits(c);
    if (rc < 0)
        return rc;
    door->execute(door, &cmd, &reply);
    reply_done(&reply);
    return reply.result;
}

static int access_result(const struct nomount_call *c, sysfs_ino ino)
{
    struct sysfs_entry e;
    int rc = sysfs_stat(nomount_tree(c->n), ino, &e);

    return rc < 0 ? rc : user_may_entry(&c->user, &e, c->request.mode & 7);
}

static void read_link(struct nomount_call *c, sysfs_ino ino)
{
    text_auto target = {0};
    int rc = sysfs_readlink(nomount_tree(c->n), ino, &target);

    if (rc < 0)
        answer_result(c, rc);
    else
        answer_link(c, target.data);
}

/* For chdir(2) itself nothing can be done, but the library of src/preload goes another way. */
static void refuse_chdir(struct nomount_call *c)
{
    struct nomount *n = c->n;

    if (!c->request.marked && !n->told_static && n->door->log) {
        text_auto message = {0};

        text_addf(&message,
                  "process %d cannot change into a directory of the machine: it is a static "
                  "program, or has not LD_PRELOAD=" NOMOUNT_LIBRARY " in its environment",
                  (int)caller_process(c->caller.thread));
        n->door->log(n->door, LOG_LEVEL_WARNING, message.data);
        n->told_static = true;
    }
    answer_result(c, -ENOSYS);
}

/* Deeds on a file, directory or link of the tree. */
static void execute_ino(struct nomount_call *c, sysfs_ino ino)
{
    switch (c->request.deed) {
    case NOMOUNT_STAT:
    case NOMOUNT_STATX:
    case NOMOUNT_STATFS:
        call_stat_ino(c, ino);
        return;
    case NOMOUNT_ACCESS:
        answer_result(c, access_result(c, ino));
        return;
    case NOMOUNT_READLINK:
        read_link(c, ino);
        return;
    case NOMOUNT_CHMOD:
    case NOMOUNT_CHOWN:
        answer_result(c, set_owner(c, ino));
        return;
    case NOMOUNT_TOUCH:
    case NOMOUNT_XATTR_LIST:
        answer_result(c, 0);
        return;
    case NOMOUNT_XATTR:
        answer_result(c, -EOPNOTSUPP);
        return;
    case NOMOUNT_WATCH:
        answer_result(c, -ENOSPC); /* no watch is left */
        return;
    default:
        answer_result(c, -EINVAL);
    }
}

/* A directory with entries of both. */
static void execute_union(struct nomount_call *c)
{
    switch (c->request.deed) {
    case NOMOUNT_ACCESS:
        answer_result(c, c->request.mode & MAY_WRITE ? unchangeable(c) : 0);
        return;
    case NOMOUNT_READLINK:
        answer_result(c, -EINVAL);
        return;
    case NOMOUNT_TOUCH:
    case NOMOUNT_XATTR_LIST:
        answer_result(c, 0);
        return;
    case NOMOUNT_XATTR:
        answer_result(c, -EOPNOTSUPP);
        return;
    default:
        answer_result(c, unchangeable(c));
    }
}

/* What the kernel does better itself. */
static bool is_kernels(const struct nomount_call *c, const struct located *l)
{
    enum nomount_deed deed = c->request.deed;

    if (!l->concerns)
        return true;
    if (l->is_ino || l->forced || l->error || l->at.kind == WALK_OURS)
        return false;
    return !(l->at.kind == WALK_UNION && (!l->at.real || deed == NOMOUNT_OPEN ||
                                          deed == NOMOUNT_OPEN_HOW || deed == NOMOUNT_CHDIR));
}

static void execute_found(struct nomount_call *c, const struct located *l)
{
    enum nomount_deed deed = c->request.deed;
    bool ours = l->at.kind == WALK_OURS;

    if (l->at.kind == WALK_REAL && deed != NOMOUNT_CHDIR)
        answer_elsewhere(c, l->at.path);
    else if (deed == NOMOUNT_OPEN || deed == NOMOUNT_OPEN_HOW)
        call_open(c, &l->at);
    else if (deed == NOMOUNT_REMOVE)
        answer_result(c, remove_result(c, l));
    else if (deed == NOMOUNT_CREATE && !l->at.exists)
        answer_result(c, unchangeable(c));
    else if (!l->at.exists)
        answer_result(c, -ENOENT);
    else if (deed == NOMOUNT_CREATE)
        answer_result(c, -EEXIST);
    else if (l->at.slash && !is_directory(l, nomount_tree(c->n)) && ours)
        answer_result(c, -ENOTDIR);
    else if (deed == NOMOUNT_CHDIR)
        refuse_chdir(c);
    else if (deed == NOMOUNT_STAT || deed == NOMOUNT_STATX || deed == NOMOUNT_STATFS)
        call_stat(c, &l->at);
    else if (ours)
        execute_ino(c, l->at.ino);
    else
        execute_union(c);
}

/* Opens a file, by its number, once more. */
static void reopen(struct nomount_call *c, const struct located *l)
{
    struct walk_result at = {.kind = WALK_OURS, .ino = l->ino, .exists = true};

    call_open(c, &at);
}

/* rename(2) and link(2) never succeed where the machine is concerned. */
static void execute_pair(struct nomount_call *c)
{
    struct located one, other;

    locate(c, c->request.at, c->path, &one);
    locate(c, c->request.at2, c->path2, &other);
    if (is_kernels(c, &one) && is_kernels(c, &other))
        answer_go_on(c);
    else if (one.error || (one.concerns && !one.is_ino && !one.at.exists))
        answer_result(c, one.error ? one.error : -ENOENT);
    else if (other.error)
        answer_result(c, other.error);
    else
        answer_result(c, is_kernels(c, &one) != is_kernels(c, &other) ? -EXDEV : unchangeable(c));
}

static bool is_open(const struct nomount_call *c)
{
    return c->request.deed == NOMOUNT_OPEN || c->request.deed == NOMOUNT_OPEN_HOW;
}

static void execute_path(struct nomount_call *c)
{
    struct located l;

    if (is_open(c) && strcmp(c->path, NOMOUNT_LIBRARY) == 0) {
        answer_fd(c, library_open(c->n->library));
        return;
    }
    locate(c, c->request.at, c->path, &l);
    if (is_kernels(c, &l))
        answer_go_on(c);
    else if (l.error || c->request.confined)
        answer_result(c, l.error ? l.error : -EXDEV);
    else if (l.is_ino && is_open(c))
        reopen(c, &l);
    else if (l.is_ino)
        execute_ino(c, l.ino);
    else
        execute_found(c, &l);
}

/* What /proc says of a descriptor or working directory of ours. */
static bool read_proc_link(struct nomount_call *c)
{
    text_auto name = {0};
    const char *rest;
    struct behind b;

    if (*c->path != '/' || !locate_proc_base(c, c->path, &b, &rest) || *rest ||
        b.kind == BEHIND_REAL || b.kind == BEHIND_GONE)
        return false;
    behind_name(c->n, &b, &name);
    if (!name.len)
        return false;
    answer_link(c, name.data);
    return true;
}

static void execute_getcwd(struct nomount_call *c)
{
    struct behind b;

    behind_look(c->n, c->caller.thread, AT_FDCWD, &b);
    if (b.kind == BEHIND_GONE)
        answer_result(c, -ENOENT);
    else if (b.kind != BEHIND_DIRECTORY)
        answer_go_on(c);
    else if (strlen(b.path) >= c->request.size)
        answer_result(c, -ERANGE);
    else
        answer_bytes(c, *b.path ? b.path : "/", strlen(b.path) + 1, (int64_t)strlen(b.path) + 1);
}

/* By its size an attribute has a page of data, and no hole before their end. */
static int64_t seek_data(const struct nomount_request *r)
{
    if (r->whence > SEEK_HOLE)
        return -EINVAL;
    if (r->offset >= NOMOUNT_DATA_MAX)
        return -ENXIO;
    return r->whence == SEEK_DATA ? (int64_t)r->offset : NOMOUNT_DATA_MAX;
}

/* As a read at offset 0 of sysfs, it shows the attribute anew: in a new file at its place. */
static void execute_seek(struct nomount_call *c, sysfs_ino ino)
{
    int flags = behind_flags(c->caller.thread, c->request.at), fd, rc;
    text_auto content = {0};

    if (c->request.whence > SEEK_END) {
        answer_result(c, seek_data(&c->request));
        return;
    }
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY) {
        answer_go_on(c);
        return;
    }
    rc = file_show(c->n, ino, &content);
    fd = rc < 0 ? rc : file_new(c->n, ino, content.data, content.len, flags);
    if (fd < 0) {
        answer_result(c, fd);
        return;
    }
    rc = c->n->way.give(&c->caller, fd, c->request.at, flags & O_CLOEXEC);
    close(fd);
    answer_result(c, rc);
}

static void execute_read(struct nomount_call *c, sysfs_ino ino)
{
    int flags = behind_flags(c->caller.thread, c->request.at), rc;
    text_auto content = {0};
    size_t len;

    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY) {
        answer_result(c, -EBADF);
        return;
    }
    rc = file_show(c->n, ino, &content);
    len = content.len < c->request.size ? content.len : c->request.size;
    len = len < sizeof c->data ? len : sizeof c->data;
    if (rc < 0)
        answer_result(c, rc);
    else
        answer_bytes(c, content.data, len, (int64_t)len);
}

bool call_begin_descriptor(struct nomount_call *c)
{
    struct behind b;

    behind_look(c->n, c->caller.thread, c->request.at, &b);
    if (b.kind != BEHIND_FILE)
        return false;
    c->ino = b.ino;
    c->node = b.node;
    c->bare = b.bare;
    return true;
}

static bool is_writable(const struct nomount_call *c)
{
    int flags = behind_flags(c->caller.thread, c->request.at);

    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

static void execute_descriptor(struct nomount_call *c)
{
    if (c->bare) {
        answer_result(c, -EBADF);
        return;
    }
    switch (c->request.deed) {
    case NOMOUNT_WRITE:
    case NOMOUNT_WRITE_VECTOR:
        if (c->node)
            answer_result(c, -EPERM);
        else if (!is_writable(c))
            answer_result(c, -EBADF);
        else
            call_store(c);
        return;
    case NOMOUNT_SEEK:
        if (c->node)
            answer_go_on(c);
        else
            execute_seek(c, c->ino);
        return;
    case NOMOUNT_READ_AT:
        if (c->node)
            answer_result(c, -EPERM);
        else
            execute_read(c, c->ino);
        return;
    default:
        answer_result(c, -EINVAL);
    }
}

void call_execute(struct nomount_call *c)
{
    switch (c->request.deed) {
    case NOMOUNT_WRITE:
    case NOMOUNT_WRITE_VECTOR:
    case NOMOUNT_SEEK:
    case NOMOUNT_READ_AT:
    case NOMOUNT_SPLICE:
        execute_descriptor(c);
        return;
    case NOMOUNT_GETCWD:
        execute_getcwd(c);
        return;
    case NOMOUNT_RENAME:
    case NOMOUNT_LINK:
        execute_pair(c);
        return;
    case NOMOUNT_READLINK:
        if (!read_proc_link(c))
            execute_path(c);
        return;
    default:
        execute_path(c);
    }
}
