/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nomount/internal.h"

static void locate_descriptor(const struct nomount_call *c, bool nofollow, struct located *out);

/* base: where the path starts, "" being the root directory. */
static void locate_path(const struct nomount_call *c, const char *base, const char *path,
                        bool nofollow, struct located *out)
{
    struct walk_world world = c->n->world;

    world.tree = view_tree(out->view);
    world.resolve = c->request.resolve;
    world.base = base;
    world.entry = out->entry;
    out->error = walk(&world, path, !nofollow, &out->at);
    out->forced |= out->at.crossed;
    out->concerns = out->forced || out->at.kind != WALK_REAL;
    if (out->error < 0 && !out->at.crossed && !out->forced)
        out->concerns = false; /* the kernel will say the same */
    if (out->error == 0 && out->at.kind == WALK_REAL)
        locate_descriptor(c, nofollow, out);
}

static void locate_behind(const struct nomount_call *c, const struct behind *b, struct located *out)
{
    out->concerns = b->kind != BEHIND_REAL;
    out->forced = true;
    if (b->view)
        out->view = b->view;
    switch (b->kind) {
    case BEHIND_REAL:
        return;
    case BEHIND_GONE:
        out->error = b->view->gone ? -ENOTCONN : -ENOENT;
        return;
    case BEHIND_FILE:
        out->is_ino = true;
        out->ino = b->ino;
        out->node = b->node;
        out->bare = b->bare;
        return;
    default:
        locate_path(c, b->path, b->path, true, out);
    }
}

bool locate_proc_base(const struct nomount_call *c, const char *path, struct behind *out,
                      const char **rest)
{
    char who[16], fd[16], link[64];
    int len = 0;

    if ((sscanf(path, "/proc/%15[^/]/fd/%15[0-9]%n", who, fd, &len) != 2 || !len) &&
        (sscanf(path, "/proc/%*[^/]/task/%15[^/]/fd/%15[0-9]%n", who, fd, &len) != 2 || !len)) {
        snprintf(fd, sizeof fd, "cwd");
        if (sscanf(path, "/proc/%15[^/]/cwd%n", who, &len) != 1 || !len)
            return false;
    }
    if (path[len] && path[len] != '/')
        return false;
    if (strcmp(who, "self") == 0 || strcmp(who, "thread-self") == 0)
        snprintf(who, sizeof who, "%d", (int)c->caller.thread);
    else if (strspn(who, "0123456789") != strlen(who))
        return false;
    snprintf(link, sizeof link, "/proc/%s/%s%s", who, *fd == 'c' ? "" : "fd/", fd);
    behind_link(c->n, link, out);
    *rest = path + len;
    return true;
}

static void locate_proc(const struct nomount_call *c, const struct behind *b, const char *rest,
                        bool nofollow, struct located *out)
{
    char path[2 * PATH_MAX];

    if (b->kind == BEHIND_REAL || (!*rest && nofollow))
        return;
    if (c->request.resolve & ~(uint64_t)RESOLVE_CACHED) {
        out->concerns = true; /* the way led through a link of /proc */
        out->error =
            c->request.resolve & (RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS) ? -ELOOP : -EXDEV;
        return;
    }
    if (!*rest || b->kind != BEHIND_DIRECTORY) {
        locate_behind(c, b, out);
        return;
    }
    out->forced = true;
    out->view = b->view;
    snprintf(path, sizeof path, "%s%s", b->path, rest);
    locate_path(c, b->path, path, nofollow, out);
}

/* A walk has come to the caller's own descriptor, as from /dev/stdin, or below. What that is of the
 * computer's only the kernel can open. */
static void locate_descriptor(const struct nomount_call *c, bool nofollow, struct located *out)
{
    const char *rest;
    struct behind b;

    if (!locate_proc_base(c, out->at.path, &b, &rest))
        return;
    if (b.kind != BEHIND_REAL)
        locate_proc(c, &b, rest, nofollow, out);
    else if (out->forced && (*rest || !nofollow))
        out->error = -EACCES;
}

/* A path relative to a directory. */
static void locate_below(const struct nomount_call *c, int at, const char *path, bool nofollow,
                         struct located *out)
{
    char joined[2 * PATH_MAX];
    struct behind b;

    behind_look(c->n, c->caller.thread, at, &b);
    if (b.view)
        out->view = b.view;
    switch (b.kind) {
    case BEHIND_FILE:
    case BEHIND_NAME:
        out->concerns = true;
        out->error = -ENOTDIR;
        return;
    case BEHIND_GONE:
        out->concerns = true;
        out->error = b.view->gone ? -ENOTCONN : -ENOENT;
        return;
    default:
        break;
    }
    snprintf(joined, sizeof joined, "%s/%s", b.path, path);
    out->forced = b.kind == BEHIND_DIRECTORY;
    if (*b.path == '/' && (out->forced || walk_may_concern(joined)))
        locate_path(c, strcmp(b.path, "/") == 0 ? "" : b.path, joined, nofollow, out);
}

/* In another root directory, or mount namespace, there is another /sys, and other files beside. */
static bool shares_files(const struct nomount_call *c)
{
    char link[64], root[2], space[sizeof c->n->space] = "";

    snprintf(link, sizeof link, "/proc/%d/root", (int)c->caller.thread);
    if (readlink(link, root, sizeof root) != 1)
        return false;
    snprintf(link, sizeof link, "/proc/%d/ns/mnt", (int)c->caller.thread);
    return readlink(link, space, sizeof space - 1) > 0 && strcmp(space, c->n->space) == 0;
}

/* In place: without "." and further slashes between names, so that others need not look for them.
 * The last "." and slash mean something. */
static void tidy(char *path)
{
    char *to = path;

    for (const char *from = path; *from; from++) {
        bool starts = from == path || from[-1] == '/';

        if (starts && from > path && *from == '/')
            continue;
        if (starts && from > path && from[0] == '.' && from[1] == '/') {
            const char *next = from + 1 + strspn(from + 1, "/");

            if (*next) {
                from = next - 1;
                continue;
            }
        }
        *to++ = *from;
    }
    *to = '\0';
}

/* "/proc/self/root/sys" is /sys. */
static void leave_proc(char *path)
{
    char link[64], root[2], who[16];
    int len = 0;

    if (sscanf(path, "/proc/%15[^/]/root%n", who, &len) != 1 || path[len] != '/')
        return;
    snprintf(link, sizeof link, "/proc/%s/root", who);
    if (strspn(who, "0123456789") == strlen(who) && readlink(link, root, sizeof root) != 1)
        return;
    memmove(path, path + len, strlen(path + len) + 1);
}

void locate_tidy(char *path)
{
    tidy(path);
    if (strncmp(path, "/proc/", 6) == 0)
        leave_proc(path);
}

bool locate_from(const struct nomount_call *c, int at, const char *path, char out[2 * PATH_MAX])
{
    const char *rest = path;
    struct behind b;

    if (*path != '/') {
        behind_look(c->n, c->caller.thread, at, &b);
    } else if (!locate_proc_base(c, path, &b, &rest)) {
        snprintf(out, 2 * PATH_MAX, "%s", path);
        return strncmp(path, "/sys/", 5) != 0 && strncmp(path, "/proc/", 6) != 0;
    }
    snprintf(out, 2 * PATH_MAX, "%s/%s", b.path, rest);
    return *rest && b.kind == BEHIND_REAL && *b.path == '/';
}

void locate(const struct nomount_call *c, int at, const char *path, bool entry, struct located *out)
{
    const struct nomount_request *r = &c->request;
    const char *rest;
    struct behind b;

    *out = (struct located){.view = c->view, .entry = entry, .forced = c->forced};
    if (!*path && r->empty) {
        behind_look(c->n, c->caller.thread, at, &b);
        locate_behind(c, &b, out);
    } else if (!*path) {
        return; /* ENOENT */
    } else if (*path == '/' && r->resolve & RESOLVE_BENEATH) {
        return; /* EXDEV */
    } else if (*path != '/' || r->resolve & RESOLVE_IN_ROOT) {
        locate_below(c, at, path, r->nofollow, out);
    } else if (locate_proc_base(c, path, &b, &rest)) {
        locate_proc(c, &b, rest, r->nofollow, out);
    } else if (walk_may_concern(path)) {
        locate_path(c, "", path, r->nofollow, out);
    }
    if (out->concerns && !out->is_ino && !shares_files(c))
        *out = (struct located){.view = c->view};
}

/* What the kernel does better itself. */
bool located_is_kernels(const struct nomount_call *c, const struct located *l)
{
    enum nomount_deed deed = c->request.deed;

    if (!l->concerns)
        return true;
    if (l->is_ino || l->forced || l->error || l->at.kind == WALK_OURS)
        return false;
    return l->view->gone ||
           !(l->at.kind == WALK_UNION && (!l->at.real || deed == NOMOUNT_OPEN ||
                                          deed == NOMOUNT_OPEN_HOW || deed == NOMOUNT_CHDIR));
}

bool located_is_directory(const struct nomount_call *c, const struct located *l)
{
    struct sysfs_entry e;

    return l->at.kind == WALK_UNION ||
           (l->at.kind == WALK_OURS && sysfs_stat(view_tree(l->view), l->at.ino, &e) == 0 &&
            e.type == SYSFS_TYPE_DIR);
}
