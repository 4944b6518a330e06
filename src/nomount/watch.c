/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "nomount/internal.h"

/* Its directory, and its name there. The directory's path, or NULL. */
static const char *place_of(const struct nomount_view *v, sysfs_ino ino, struct text *out,
                            const char **name)
{
    char *last;

    walk_path_of(view_tree(v), ino, out);
    last = out->len ? strrchr(out->data, '/') : NULL;
    if (!last)
        return NULL;
    *last = '\0';
    *name = last + 1;
    return out->data;
}

void call_open_watch(struct nomount_call *c, sysfs_ino ino)
{
    struct sysfs_entry e;
    text_auto path = {0};
    const char *directory, *name;
    int rc = sysfs_stat(call_tree(c), ino, &e);

    if (rc == 0)
        rc = user_may_entry(&c->user, &e, MAY_READ);
    directory = rc == 0 ? place_of(c->view, ino, &path, &name) : NULL;
    if (rc == 0)
        rc = directory ? shadow_file(&c->view->shadow, directory, name) : -ENOENT;
    c->n->watched |= rc >= 0;
    answer_fd(c, rc);
}

void watch_changed(const struct nomount_view *v, sysfs_ino ino, bool stored)
{
    const struct sysfs_tree *tree = view_tree(v);
    const char *directory, *name;
    text_auto path = {0};
    struct sysfs_entry e;

    if (!v->n->watched || !tree || sysfs_stat(tree, ino, &e) < 0)
        return; /* by that it may have gone */
    directory = place_of(v, ino, &path, &name);
    if (directory)
        shadow_touch(&v->shadow, directory, name, stored);
}
