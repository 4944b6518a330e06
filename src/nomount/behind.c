/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "nomount/internal.h"

/*
 * Whether a file is ours is told by what the kernel calls it. A program can make a memfd with such
 * a name, too, but none that belongs to this user, unless it is this user, who could open the
 * attribute as well. In a mount namespace of its own it can call any file so, but that is on
 * another file system than the kernel's for memfds, where no path leads. A number that was never
 * given out stands for nothing (issued.c).
 */

#define MEMFD "/memfd:apus:"

static const char gone[] = " (deleted)";

static void link_of(pid_t thread, int fd, char out[64])
{
    if (fd == AT_FDCWD)
        snprintf(out, 64, "/proc/%d/cwd", (int)thread);
    else
        snprintf(out, 64, "/proc/%d/fd/%d", (int)thread, fd);
}

static bool is_own_memfd(const struct nomount *n, const char *link)
{
    const unsigned want = STATX_TYPE | STATX_UID;
    struct statx x;

    return statx(AT_FDCWD, link, AT_STATX_DONT_SYNC, want, &x) == 0 && x.stx_uid == geteuid() &&
           makedev(x.stx_dev_major, x.stx_dev_minor) == n->memory;
}

static void look_file(struct nomount *n, const char *link, struct behind *out)
{
    const char *name = out->path + strlen(MEMFD);
    struct nomount_view *view;
    char *end;

    if (!is_own_memfd(n, link))
        return;
    if (*name == '@') {
        out->kind = BEHIND_NAME;
        memmove(out->path, name + 1, strlen(name));
        if (text_ends_with(out->path, gone))
            out->path[strlen(out->path) - strlen(gone)] = '\0';
        return;
    }
    view = view_find(n, strtoull(name, &end, 16));
    if (!view || *end != ':')
        return;
    out->ino = strtoull(end + 1, &end, 16);
    if (!view->gone && !issued_has(view, out->ino))
        return;
    out->kind = BEHIND_FILE;
    out->view = view;
    out->bare = strncmp(end, FILE_BARE, strlen(FILE_BARE)) == 0;
}

static void look_socket(const struct nomount *n, struct behind *out)
{
    const struct nomount_file *f = node_find(n, strtoull(out->path + 8, NULL, 10));

    if (!f)
        return;
    out->kind = BEHIND_FILE;
    out->view = f->view;
    out->node = true;
    out->ino = f->ino;
}

/* The path in the directory of all shadows begins with the id of a view. */
static void look_directory(struct nomount *n, struct behind *out)
{
    const char *name = out->path + n->shadow.len + 1;
    struct nomount_view *view;
    char *end;

    view = view_find(n, strtoull(name, &end, 10));
    if (!view || end == name || (*end && *end != '/'))
        return;
    out->view = view;
    out->kind = text_ends_with(out->path, gone) ? BEHIND_GONE : BEHIND_DIRECTORY;
    memmove(out->path, end, strlen(end) + 1);
}

void behind_link(struct nomount *n, const char *link, struct behind *out)
{
    const struct shadow *s = &n->shadow;
    ssize_t len = readlink(link, out->path, sizeof out->path - 1);

    out->kind = BEHIND_REAL;
    out->view = NULL;
    out->ino = 0;
    out->node = out->bare = false;
    out->path[len < 0 ? 0 : len] = '\0';
    if (strncmp(out->path, MEMFD, strlen(MEMFD)) == 0) {
        look_file(n, link, out);
    } else if (strncmp(out->path, "socket:[", 8) == 0) {
        look_socket(n, out);
    } else if (strncmp(out->path, s->path, s->len) == 0 && out->path[s->len] == '/') {
        look_directory(n, out);
    }
}

void behind_look(struct nomount *n, pid_t thread, int fd, struct behind *out)
{
    char link[64];

    link_of(thread, fd, link);
    behind_link(n, link, out);
}

void behind_name(const struct behind *b, struct text *out)
{
    const struct sysfs_tree *tree = b->kind == BEHIND_FILE ? view_tree(b->view) : NULL;
    struct sysfs_entry e;

    if (b->kind != BEHIND_FILE)
        text_adds(out, b->path);
    else if (tree && sysfs_stat(tree, b->ino, &e) == 0)
        walk_path_of(tree, b->ino, out);
}
