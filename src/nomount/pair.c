/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nomount/internal.h"

/* As the kernel judges it, down to where a file system is asked; ours allows nothing. */

#define NOREPLACE 1u
#define EXCHANGE  2u

static bool may_exist(const struct located *l)
{
    return l->is_ino || l->at.exists;
}

/* Also where nobody has looked, no program is told that something is there which it cannot find. */
static bool exists(const struct located *l)
{
    return may_exist(l) && !l->at.assumed;
}

static bool is_below(const struct located *l, const struct located *dir)
{
    size_t len = strlen(dir->at.path);

    return !l->is_ino && !dir->is_ino && strncmp(l->at.path, dir->at.path, len) == 0 &&
           l->at.path[len] == '/';
}

static bool is_same(const struct located *a, const struct located *b)
{
    return !a->is_ino && !b->is_ino && strcmp(a->at.path, b->at.path) == 0;
}

/* One is in /sys, the other in /dev. */
static bool is_elsewhere(const struct located *a, const struct located *b)
{
    return !a->is_ino && !b->is_ino && strncmp(a->at.path, b->at.path, 4) != 0;
}

static bool is_dots(const struct located *l)
{
    return !l->is_ino && (l->at.dot || l->at.up);
}

static int rename_names(const struct nomount_call *c, const struct located *from,
                        const struct located *to)
{
    uint64_t flags = c->request.flags;
    bool directory = located_is_directory(c, from), exchange = flags & EXCHANGE;

    if (is_dots(from))
        return -EBUSY;
    if (is_dots(to))
        return flags & NOREPLACE ? -EEXIST : -EBUSY;
    if (is_elsewhere(from, to))
        return -EXDEV;
    if (!may_exist(from))
        return -ENOENT;
    if (flags & NOREPLACE && exists(to))
        return -EEXIST;
    if (exchange && !may_exist(to))
        return -ENOENT;
    if (!directory && (from->at.slash || (!exchange && to->at.slash)))
        return -ENOTDIR;
    return 0;
}

static int rename_result(const struct nomount_call *c, const struct located *from,
                         const struct located *to)
{
    bool directory = located_is_directory(c, from);
    int rc = rename_names(c, from, to);

    if (rc < 0)
        return rc;
    if (is_same(from, to))
        return 0;
    if (is_below(to, from))
        return -EINVAL;
    if (is_below(from, to))
        return c->request.flags & EXCHANGE ? -EINVAL : -ENOTEMPTY;
    if (exists(to) && !(c->request.flags & EXCHANGE) && directory != located_is_directory(c, to))
        return directory ? -ENOTDIR : -EISDIR;
    return unchangeable(c);
}

static int link_result(const struct nomount_call *c, const struct located *from,
                       const struct located *to)
{
    if (!may_exist(from))
        return -ENOENT;
    if (from->at.slash && !located_is_directory(c, from))
        return -ENOTDIR;
    if (exists(to))
        return -EEXIST;
    if (is_elsewhere(from, to))
        return -EXDEV;
    return to->at.slash ? -ENOENT : unchangeable(c);
}

/* What the kernel says of a path before it has looked at the other. */
static int check_path(const struct nomount_call *c, int at, const char *path,
                      const struct located *l)
{
    if (!*path && !(c->request.empty && path == c->path))
        return -ENOENT;
    if (*path != '/' && at != AT_FDCWD && caller_fd_flags(c->caller.thread, at) < 0)
        return -EBADF;
    return l->error;
}

void execute_pair(struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    bool renames = r->deed == NOMOUNT_RENAME, one_is, other_is;
    int rc = nomount_check(r, NULL);
    struct located one, other;

    locate(c, r->at, c->path, renames, &one);
    locate(c, r->at2, c->path2, true, &other);
    one_is = located_is_kernels(c, &one);
    other_is = located_is_kernels(c, &other);
    if (one_is && other_is) {
        answer_go_on(c);
        return;
    }
    if (rc == 0)
        rc = check_path(c, r->at, c->path, &one);
    if (rc == 0)
        rc = c->fault < 0 ? c->fault : check_path(c, r->at2, c->path2, &other);
    if (rc == 0 && (one.view->gone || other.view->gone))
        rc = -ENOTCONN;
    if (rc == 0 && (one_is != other_is || one.view != other.view))
        rc = (!one_is && !may_exist(&one)) ? -ENOENT : -EXDEV;
    if (rc == 0)
        rc = renames ? rename_result(c, &one, &other) : link_result(c, &one, &other);
    answer_result(c, rc);
}
