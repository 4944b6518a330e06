/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nomount/internal.h"

static int remove_result(const struct nomount_call *c, const struct located *l)
{
    bool directory = located_is_directory(c, l);

    if (l->at.dot || l->at.up)
        return !c->request.directory ? -EISDIR : l->at.up ? -ENOTEMPTY : -EINVAL;
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
    struct command cmd = {.kind = CMD_OWNER, .owner = {.tree = c->view->tree, .ino = ino}};
    struct door *door = c->n->door;
    struct reply reply = {0};
    struct sysfs_entry e;
    int rc = sysfs_stat(call_tree(c), ino, &e);

    if (rc < 0)
        return rc;
    if (c->user.uid != 0 && c->user.uid != (e.uid ? e.uid : geteuid()))
        return -EPERM;
    if (r->deed == NOMOUNT_CHMOD && e.type == SYSFS_TYPE_LINK)
        return -EOPNOTSUPP;
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
    if (reply.result == 0)
        watch_changed(c->view, ino, false);
    return reply.result;
}

static int access_result(const struct nomount_call *c, sysfs_ino ino)
{
    struct sysfs_entry e;
    int rc = sysfs_stat(call_tree(c), ino, &e);

    return rc < 0 ? rc : user_may_entry(&c->user, &e, c->request.mode & 7);
}

static void read_link(struct nomount_call *c, sysfs_ino ino)
{
    text_auto target = {0};
    int rc = sysfs_readlink(call_tree(c), ino, &target);

    if (rc < 0)
        answer_result(c, rc == -EINVAL && !*c->path ? -ENOENT : rc);
    else
        answer_link(c, target.data);
}

/* For chdir(2) itself nothing can be done, but the library of src/preload goes another way. */
static void refuse_chdir(struct nomount_call *c)
{
    if (c->request.mark != NOMOUNT_MARK)
        call_tell(
            c, &c->n->told_static,
            "cannot change into a directory of the machine: it is a static program, or has not "
            "LD_PRELOAD=" NOMOUNT_LIBRARY " in its environment");
    answer_result(c, -ENOSYS);
}

/* Rather than to show it the computer's. */
static void refuse_narrow(struct nomount_call *c)
{
    call_tell(c, &c->n->told_narrow,
              "is a 32-bit program, which cannot see the machine without a mount");
    answer_result(c, -ENOSYS);
}

/* Of what the caller's memory has. */
static int times_valid(const struct nomount_call *c)
{
    struct timespec times[2];

    if (c->len != sizeof times)
        return 0; /* as of now */
    memcpy(times, c->data, sizeof times);
    for (int i = 0; i < 2; i++)
        if ((times[i].tv_nsec < 0 || times[i].tv_nsec > 999999999) &&
            times[i].tv_nsec != UTIME_NOW && times[i].tv_nsec != UTIME_OMIT)
            return -EINVAL;
    return 0;
}

/* The owner may; others who may write can make it as of now. */
static int times_result(const struct nomount_call *c, sysfs_ino ino)
{
    struct sysfs_entry e;
    int rc = sysfs_stat(call_tree(c), ino, &e);

    if (rc == 0)
        rc = times_valid(c);
    if (rc < 0 || c->user.uid == 0 || c->user.uid == (e.uid ? e.uid : geteuid()))
        return rc;
    return c->request.out ? -EPERM : user_may_entry(&c->user, &e, MAY_WRITE);
}

static int truncate_result(const struct nomount_call *c, sysfs_ino ino)
{
    struct sysfs_entry e;
    int rc = sysfs_stat(call_tree(c), ino, &e);

    if (rc < 0)
        return rc;
    if (e.type == SYSFS_TYPE_DIR)
        return c->request.has_path ? -EISDIR : -EINVAL;
    return e.device ? -EINVAL : user_may_entry(&c->user, &e, MAY_WRITE);
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
    case NOMOUNT_TIMES:
        answer_result(c, times_result(c, ino));
        return;
    case NOMOUNT_TRUNCATE:
        answer_result(c, truncate_result(c, ino));
        return;
    case NOMOUNT_CHDIR:
        answer_result(c, -ENOTDIR);
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
    case NOMOUNT_TRUNCATE:
        answer_result(c, c->request.has_path ? -EISDIR : -EINVAL);
        return;
    case NOMOUNT_TIMES:
        answer_result(c, times_valid(c));
        return;
    default:
        answer_result(c, unchangeable(c));
    }
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
        answer_result(c, l->at.slash && !c->request.directory ? -ENOENT : unchangeable(c));
    else if (!l->at.exists)
        answer_result(c, -ENOENT);
    else if (deed == NOMOUNT_CREATE)
        answer_result(c, -EEXIST);
    else if (l->at.slash && !located_is_directory(c, l) && ours)
        answer_result(c, -ENOTDIR);
    else if (deed == NOMOUNT_CHDIR)
        refuse_chdir(c);
    else if (answer_alike(c))
        return;
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

static bool is_open(const struct nomount_call *c)
{
    return c->request.deed == NOMOUNT_OPEN || c->request.deed == NOMOUNT_OPEN_HOW;
}

/* A file by its number: a descriptor's, or opened once more. */
static void execute_located(struct nomount_call *c, const struct located *l)
{
    enum nomount_deed deed = c->request.deed;
    bool looks = deed == NOMOUNT_STAT || deed == NOMOUNT_STATX || deed == NOMOUNT_STATFS;

    if (!c->request.has_path && l->bare && !looks)
        answer_result(c, -EBADF);
    else if (!c->request.has_path && deed == NOMOUNT_TRUNCATE && !call_writable(c))
        answer_result(c, -EINVAL);
    else if (is_open(c))
        reopen(c, l);
    else if (!answer_alike(c))
        execute_ino(c, l->ino);
}

static void execute_path(struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    bool entry = r->deed == NOMOUNT_CREATE || r->deed == NOMOUNT_REMOVE;
    struct located l;
    int rc;

    if (is_open(c) && strcmp(c->path, NOMOUNT_LIBRARY) == 0) {
        answer_fd(c, library_open(c->n->library));
        return;
    }
    if (r->deed == NOMOUNT_WATCH && r->mark == NOMOUNT_MARK_OPEN) {
        answer_go_on(c);
        return;
    }
    locate(c, r->at, c->path, entry, &l);
    c->view = l.view;
    rc = c->fault < 0 ? c->fault : nomount_check(r, c->path2);
    if (located_is_kernels(c, &l))
        answer_go_on(c);
    else if (r->narrow)
        refuse_narrow(c);
    else if (rc < 0 || l.error < 0)
        answer_result(c, rc < 0 ? rc : l.error);
    else if (c->view->gone)
        answer_result(c, -ENOTCONN);
    else if (r->resolve & RESOLVE_CACHED)
        answer_result(c, -EAGAIN); /* only what is known without asking a file system */
    else if (r->resolve & ~(uint64_t)RESOLVE_NO_MAGICLINKS && !l.is_ino && l.at.assumed)
        answer_result(c, -EXDEV); /* a file system that nobody has looked into */
    else if (l.is_ino)
        execute_located(c, &l);
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
    behind_name(&b, &name);
    if (!name.len)
        return false;
    answer_link(c, name.data);
    return true;
}

/* For the library. */
static void tell_devices(struct nomount_call *c)
{
    const struct nomount *n = c->n;
    uint64_t devices[2] = {n->memory, n->shadow.device};

    if (c->request.size == sizeof devices)
        answer_bytes(c, devices, sizeof devices, sizeof devices);
    else
        answer_result(c, -ERANGE);
}

static void execute_getcwd(struct nomount_call *c)
{
    struct behind b;

    if (c->request.mark == NOMOUNT_MARK) {
        tell_devices(c);
        return;
    }

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

void call_execute(struct nomount_call *c)
{
    switch (c->request.deed) {
    case NOMOUNT_WRITE:
    case NOMOUNT_WRITE_VECTOR:
    case NOMOUNT_SEEK:
    case NOMOUNT_READ_AT:
    case NOMOUNT_READ_VECTOR:
    case NOMOUNT_SENDFILE:
    case NOMOUNT_SPLICE:
    case NOMOUNT_COPY:
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
        if (c->request.narrow || !read_proc_link(c))
            execute_path(c);
        return;
    default:
        execute_path(c);
    }
}
