/* SPDX-License-Identifier: MIT */
#include "nomount/nomount.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "nomount/internal.h"

#define SWEEP_US    50000u               /* interval of the search for dead callers */
#define FIRST_TOKEN (UINT64_C(13) << 60) /* between those of FUSE and of ioctls */

/* Where something is mounted its file system is not asked. */
static int look(void *data, const char *path, struct walk_look *out)
{
    const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    struct statx x;

    if (statx(AT_FDCWD, path, flags, STATX_TYPE, &x) < 0)
        return -errno;
    out->mode = x.stx_mode;
    out->device = makedev(x.stx_dev_major, x.stx_dev_minor);
    return 0;
}

static ssize_t read_link(void *data, const char *path, char *out, size_t size)
{
    ssize_t len = readlink(path, out, size);

    return len < 0 ? -errno : len;
}

static bool is_dead(const struct nomount_call *c, int line)
{
    return !c->n->way.waits(c->caller.line, c->caller.id);
}

static bool is_of(const struct nomount_call *c, int line)
{
    return c->caller.line == line;
}

static bool is_any(const struct nomount_call *c, int line)
{
    return true;
}

static void sweep_later(struct nomount *n)
{
    if (LIST_EMPTY(&n->calls) || sd_event_source_get_enabled(n->sweep, NULL) != 0)
        return;
    sd_event_source_set_time_relative(n->sweep, SWEEP_US);
    sd_event_source_set_enabled(n->sweep, SD_EVENT_ONESHOT);
}

/* There is no notification when a caller dies. */
static int on_sweep(sd_event_source *source, uint64_t usec, void *data)
{
    struct nomount *n = data;

    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    calls_abandon(n, is_dead, -1);
    sweep_later(n);
    return 0;
}

void nomount_abandon(struct nomount *n, int line)
{
    calls_abandon(n, is_of, line);
}

void nomount_served(struct nomount *n)
{
    sweep_later(n);
}

static int open_all(struct nomount *n, const char *shadow)
{
    int rc = shadow_open(shadow, &n->shadow);
    struct stat st;

    if (rc == 0)
        rc = view_new(n, CORE_HOST_TREE, &n->host);
    if (rc == 0)
        rc = n->library = library_new();
    if (rc >= 0)
        rc = fstat(n->library, &st) < 0 ? -errno : 0;
    if (rc >= 0)
        n->memory = st.st_dev;
    if (rc >= 0 && readlink("/proc/self/ns/mnt", n->space, sizeof n->space - 1) < 0)
        rc = -errno;
    if (rc >= 0)
        rc = sd_event_add_time_relative(n->event, &n->sweep, CLOCK_MONOTONIC, SWEEP_US, 0, on_sweep,
                                        n);
    if (rc >= 0)
        rc = sd_event_source_set_enabled(n->sweep, SD_EVENT_OFF);
    return rc;
}

int nomount_new(struct door *door, sd_event *event, struct copier *copier, const char *shadow,
                const struct nomount_way *way, const struct nomount_sync *sync,
                struct nomount **out, struct text *why)
{
    struct nomount *n = xcalloc(1, sizeof *n);
    int rc;

    n->door = door;
    n->event = event;
    n->copier = copier;
    n->way = *way;
    n->sync = *sync;
    n->next_token = FIRST_TOKEN;
    clock_gettime(CLOCK_REALTIME, &n->born);
    n->gone = (struct nomount_view){.n = n, .gone = true};
    n->world = (struct walk_world){.look = look, .readlink = read_link};
    n->library = -1;
    rc = open_all(n, shadow);
    if (rc < 0) {
        text_addf(why, "cannot serve programs without a mount by way of %s: %s%s", shadow,
                  error_text(-rc),
                  rc == -EFBIG ? "; raise the limit of the process (ulimit -f)" : "");
        nomount_free(n);
        return rc;
    }
    core_show_vfio_nodes(door->core);
    *out = n;
    return 0;
}

void nomount_free(struct nomount *n)
{
    struct nomount_call *c;

    if (!n)
        return;
    LIST_FOREACH (c, &n->calls, link)
        n->way.answer(&c->caller, -ENOTCONN);
    calls_abandon(n, is_any, -1);
    node_free_all(n);
    sd_event_source_disable_unref(n->sweep);
    while (!LIST_EMPTY(&n->views))
        view_free(LIST_FIRST(&n->views));
    shadow_close(&n->shadow);
    free(n->badges);
    if (n->library >= 0)
        close(n->library);
    free(n);
}

static void remove_name(const struct nomount *n, unsigned tree, sysfs_ino parent, const char *name)
{
    const struct nomount_view *v = view_of_tree(n, tree);
    text_auto path = {0};

    if (!v)
        return;
    walk_path_of(view_tree(v), parent, &path);
    shadow_remove(&v->shadow, path.data, name);
}

void nomount_effects(struct nomount *n, const struct effects *effects)
{
    struct nomount_view *v;

    views_sweep(n);
    LIST_FOREACH (v, &n->views, link)
        v->shadow.version++;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *e = &effects->v[i];

        if (e->kind == EFFECT_GONE)
            remove_name(n, e->tree, e->node, effect_text(effects, e));
        else if (e->kind == EFFECT_REPLY)
            calls_reply(n, e->node, (int)e->value);
    }
}
