/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nomount/internal.h"

/* Trees that programs see, and which of them a process sees. */

static void name_of(const struct nomount_view *v, char out[16])
{
    snprintf(out, 16, "%u", v->id);
}

static int open_shadow(struct nomount_view *v)
{
    const struct shadow *all = &v->n->shadow;
    char name[16], path[PATH_MAX];
    int rc;

    name_of(v, name);
    if (snprintf(path, sizeof path, "%s/%s", all->path, name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    rc = shadow_make(all->root, name);
    if (rc < 0)
        return rc;
    return shadow_open(path, &v->shadow);
}

int view_new(struct nomount *n, unsigned tree, struct nomount_view **out)
{
    struct nomount_view *v = xcalloc(1, sizeof *v);
    int rc;

    v->n = n;
    v->id = n->next_view++;
    v->tree = tree;
    rc = open_shadow(v);
    if (rc < 0) {
        free(v);
        return rc;
    }
    LIST_INSERT_HEAD(&n->views, v, link);
    *out = v;
    return 0;
}

struct nomount_view *view_find(struct nomount *n, uint64_t id)
{
    struct nomount_view *v;

    LIST_FOREACH (v, &n->views, link)
        if (v->id == id)
            return v;
    return id < n->next_view ? &n->gone : NULL;
}

struct nomount_view *view_of_tree(const struct nomount *n, unsigned tree)
{
    struct nomount_view *v;

    LIST_FOREACH (v, &n->views, link)
        if (v->tree == tree)
            return v;
    return NULL;
}

void view_free(struct nomount_view *v)
{
    char name[16];

    name_of(v, name);
    LIST_REMOVE(v, link);
    issued_free(v);
    shadow_close(&v->shadow);
    shadow_remove(&v->n->shadow, "/", name);
    free(v);
}

/* Its guest has stopped. */
static void drop(struct nomount_view *v)
{
    struct nomount *n = v->n;
    struct nomount_file *f;
    struct nomount_call *c;

    LIST_FOREACH (f, &n->files, link)
        if (f->view == v)
            f->view = &n->gone;
    LIST_FOREACH (c, &n->calls, link)
        if (c->view == v)
            c->view = &n->gone;
    view_free(v);
}

void views_sweep(struct nomount *n)
{
    struct nomount_view *v = LIST_FIRST(&n->views), *next;

    for (; v; v = next) {
        next = LIST_NEXT(v, link);
        if (!view_tree(v))
            drop(v);
    }
}

/* The hard limit of another user's process. */
static int read_limit(pid_t thread, uint64_t *out)
{
    static const char row[] = "Max realtime timeout";
    char path[64], text[4096], soft[32], hard[32], *at;
    ssize_t len;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/limits", (int)thread);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len < 0 ? 0 : len] = '\0';
    at = strstr(text, row);
    if (!at || sscanf(at + strlen(row), "%31s %31s", soft, hard) != 2)
        return -ESRCH;
    *out = strcmp(hard, "unlimited") == 0 ? UINT64_MAX : strtoull(hard, NULL, 10);
    return 0;
}

static int limit_of(pid_t thread, uint64_t *out)
{
    struct rlimit limit;

    if (prlimit(thread, RLIMIT_RTTIME, NULL, &limit) < 0)
        return errno == EPERM ? read_limit(thread, out) : -errno;
    *out = limit.rlim_max;
    return 0;
}

int view_of_caller(struct nomount *n, pid_t thread, struct nomount_view **out)
{
    uint64_t limit, badge;
    int rc = n->badge_count ? limit_of(thread, &limit) : 0;

    *out = n->host;
    if (rc < 0 || !n->badge_count || !nomount_is_badge(limit))
        return rc;
    badge = NOMOUNT_BADGE_FIRST - limit;
    *out = badge < n->badge_count ? view_find(n, n->badges[badge]) : &n->gone;
    return 0;
}

/* A process can only have a badge after those that it has had, so another one is needed unless the
 * last one that was given out is of the same tree. */
static uint32_t badge_for(struct nomount *n, unsigned view)
{
    if (!n->badge_count || n->badges[n->badge_count - 1] != view) {
        n->badges = xrealloc(n->badges, (n->badge_count + 1) * sizeof *n->badges);
        n->badges[n->badge_count++] = view;
    }
    return (uint32_t)(n->badge_count - 1);
}

int nomount_badge(struct nomount *n, unsigned tree, uint32_t *out)
{
    struct nomount_view *v = view_of_tree(n, tree);
    int rc = v ? 0 : view_new(n, tree, &v);

    if (rc == 0)
        *out = badge_for(n, v->id);
    return rc;
}
