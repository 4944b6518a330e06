/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nomount/internal.h"

/* open(2) of what the walk has found. */

static int flags_of(const struct nomount_call *c)
{
    return (int)c->request.flags;
}

/* What is there must not be. */
static bool excludes(int flags)
{
    return (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
}

/* The kernel lists its own directory. What it has under the name of a place of ours does not show.
 */
static void list_real(struct shadow_listing *l, const char *path)
{
    char sub[PATH_MAX];
    DIR *d = opendir(path);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) >= (int)sizeof sub ||
            walk_place(sub))
            continue;
        shadow_list(l, e->d_type == DT_DIR ? 'd' : e->d_type == DT_LNK ? 'l' : 'f', e->d_name);
    }
    if (d)
        closedir(d);
}

static bool is_listed(const struct shadow_listing *l, const char *name)
{
    const char *at = l->entries.data;

    for (unsigned i = 0; i < l->count; i++) {
        if (strcmp(at + 1, name) == 0)
            return true;
        at += strlen(at) + 1;
    }
    return false;
}

static void list_entry(struct shadow_listing *l, const struct sysfs_entry *e, const char *name)
{
    static const char kinds[] = {
        [SYSFS_TYPE_DIR] = 'd', [SYSFS_TYPE_FILE] = 'f', [SYSFS_TYPE_LINK] = 'l'};

    shadow_list(l, kinds[e->type], name);
}

/* A place that is in path, or on the way to one that is deeper. */
static void list_place(const struct sysfs_tree *t, struct shadow_listing *l, const struct place *p,
                       const char *rest)
{
    size_t len = strcspn(rest, "/");
    char name[NAME_MAX + 1];
    struct sysfs_entry e;
    sysfs_ino ino;

    snprintf(name, sizeof name, "%.*s", (int)len, rest);
    if (is_listed(l, name))
        return;
    if (rest[len])
        shadow_list(l, 'd', name);
    else if (sysfs_resolve_nofollow(t, p->from, &ino) == 0 && sysfs_stat(t, ino, &e) == 0)
        list_entry(l, &e, name);
}

static void list_nodes(const struct sysfs_tree *t, struct shadow_listing *l)
{
    struct sysfs_entry e;
    uint64_t cursor = 0;
    sysfs_ino dir;

    if (sysfs_resolve(t, "dev", &dir) < 0)
        return;
    while (sysfs_next(t, dir, &cursor, &e) > 0)
        if (!is_listed(l, e.name))
            shadow_list(l, 'f', e.name);
}

static void list_places(const struct sysfs_tree *t, struct shadow_listing *l, const char *path,
                        const struct place *all)
{
    size_t len = strlen(path);

    for (const struct place *p = all; p->path; p++)
        if (strncmp(p->path, path, len) == 0 && p->path[len] == '/')
            list_place(t, l, p, p->path + len + 1);
}

static void list_union(const struct sysfs_tree *t, struct shadow_listing *l, const char *path)
{
    list_real(l, path);
    list_places(t, l, path, places);
    list_places(t, l, path, walk_places);
    if (strcmp(path, "/dev") == 0)
        list_nodes(t, l);
}

static void list_ours(const struct sysfs_tree *t, struct shadow_listing *l, sysfs_ino ino)
{
    struct sysfs_entry e;
    uint64_t cursor = 0;

    while (sysfs_next(t, ino, &cursor, &e) > 0)
        list_entry(l, &e, e.name);
}

/* The computer's part of a union can change at any time. */
static void open_directory(struct nomount_call *c, const struct walk_result *at)
{
    const struct shadow *shadow = &c->view->shadow;
    int fd = shadow_directory(shadow, at->path);

    c->n->watched |= c->request.mark == NOMOUNT_MARK;
    if (fd < 0 || flags_of(c) & O_PATH ||
        (at->kind == WALK_OURS && shadow_is_current(shadow, fd))) {
        answer_fd(c, fd);
        return;
    }
    c->listing.version = shadow->version;
    if (at->kind == WALK_OURS)
        list_ours(call_tree(c), &c->listing, at->ino);
    else
        list_union(call_tree(c), &c->listing, at->path);
    answer_fill(c, fd);
}

static int check_directory(int flags)
{
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return -EOPNOTSUPP;
    if (flags & O_PATH)
        return 0;
    if ((flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC))
        return -EISDIR;
    return flags & O_DIRECT ? -EINVAL : 0;
}

/* As on sysfs, not even root may open an attribute for what no permission bit allows. */
static int check_file(const struct nomount_call *c, const struct sysfs_entry *e)
{
    unsigned want = file_wants(flags_of(c)), trunc = flags_of(c) & O_TRUNC ? MAY_WRITE : 0;

    if (flags_of(c) & O_DIRECTORY)
        return -ENOTDIR;
    if (!e->device &&
        ((want & MAY_READ && !(e->mode & 0444)) || (want & MAY_WRITE && !(e->mode & 0222))))
        return -EACCES;
    return user_may_entry(&c->user, e, want | trunc);
}

static void open_file(struct nomount_call *c, const struct sysfs_entry *e)
{
    int flags = flags_of(c), rc = check_file(c, e);
    text_auto content = {0};

    if (rc == 0 && e->device && !(flags & O_PATH))
        rc = node_open(c->view, c->user.uid, e->ino);
    else if (rc == 0 && file_wants(flags) & MAY_READ)
        rc = file_show(c->view, e->ino, &content);
    if (rc == 0)
        rc = file_new(c->view, e->ino, content.data, content.len, flags);
    answer_fd(c, rc == -ENODEV ? -ENOENT : rc);
}

static void open_link(struct nomount_call *c, sysfs_ino ino)
{
    int flags = flags_of(c);

    if (flags & O_DIRECTORY)
        answer_result(c, -ENOTDIR);
    else if (flags & O_PATH)
        answer_fd(c, file_new(c->view, ino, NULL, 0, flags));
    else
        answer_result(c, -ELOOP);
}

static void open_ours(struct nomount_call *c, const struct walk_result *at)
{
    struct sysfs_entry e;
    int rc = sysfs_stat(call_tree(c), at->ino, &e);

    if (rc == 0 && at->slash && e.type != SYSFS_TYPE_DIR)
        rc = -ENOTDIR;
    if (rc == 0 && excludes(flags_of(c)))
        rc = -EEXIST;
    if (rc == 0 && e.type == SYSFS_TYPE_DIR)
        rc = check_directory(flags_of(c));
    if (rc < 0)
        answer_result(c, rc == -ENODEV ? -ENOENT : rc);
    else if (e.type == SYSFS_TYPE_DIR)
        open_directory(c, at);
    else if (e.type == SYSFS_TYPE_LINK)
        open_link(c, at->ino);
    else if (c->request.mark == NOMOUNT_MARK)
        call_open_watch(c, at->ino);
    else
        open_file(c, &e);
}

void call_open(struct nomount_call *c, const struct walk_result *at)
{
    int rc;

    if (at->slash && flags_of(c) & O_CREAT) {
        answer_result(c, -EISDIR);
    } else if (at->kind == WALK_UNION) {
        rc = excludes(flags_of(c)) ? -EEXIST : check_directory(flags_of(c));
        if (rc < 0)
            answer_result(c, rc);
        else
            open_directory(c, at);
    } else if (!at->exists) {
        answer_result(c, flags_of(c) & O_CREAT ? -EACCES : -ENOENT);
    } else {
        open_ours(c, at);
    }
}
