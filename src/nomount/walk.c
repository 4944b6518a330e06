/* SPDX-License-Identifier: MIT */
#include "nomount/walk.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 40 /* as in the kernel */

/* The only file of ours in /proc. It is found, but not listed: the kernel alone lists processes. */
#define SYSINFO "/proc/sysinfo"

const struct place walk_places[] = {
    {"/dev/iommu", "iommu"}, {"/dev/vfio", "vfio"}, {SYSINFO, "proc/sysinfo"}, {NULL, NULL}};

struct walker {
    const struct walk_world *world;
    struct walk_result *at;
    size_t len;     /* of at->path; 0: the root */
    bool directory; /* what is at may have entries */
    unsigned links;
    dev_t device; /* of /sys or /dev, the last one that the walk has come through */
    size_t mount; /* length of the path of the mount that it is in or at; 0: none */
    bool entered; /* it has come to the base */
    char rest[2 * PATH_MAX];
};

static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

/* The directories of the computer whose links are followed. */
static bool is_watched(const char *path)
{
    return is_below(path, "/sys") || is_below(path, "/dev");
}

/* One component, and what follows it. */
static size_t component(const char *path, const char **rest)
{
    size_t len = strcspn(path, "/");

    *rest = path + len + strspn(path + len, "/");
    return len;
}

bool walk_may_concern(const char *path)
{
    char plain[PATH_MAX] = "";
    size_t at = 0;
    const char *rest = path + strspn(path, "/");

    while (*rest) {
        const char *name = rest;
        size_t len = component(name, &rest);

        if (len == 2 && memcmp(name, "..", 2) == 0) {
            while (at && plain[--at] != '/')
                ;
        } else if (!(len == 1 && *name == '.') && at + len + 1 < sizeof plain) {
            plain[at++] = '/';
            memcpy(plain + at, name, len);
            at += len;
        }
        plain[at] = '\0';
        if (is_watched(plain))
            return true;
    }
    return strcmp(plain, SYSINFO) == 0;
}

static void set_kind(struct walk_result *at, enum walk_kind kind, sysfs_ino ino)
{
    at->kind = kind;
    at->ino = ino;
    at->exists = true;
    at->assumed = false;
    at->real = false;
    at->link = false;
    at->crossed |= kind == WALK_OURS;
}

/* Looks at a file of the computer's, unless that may take forever: then it is assumed to be a
 * directory that is there. */
static int look(struct walker *w, mode_t *mode, bool *assumed)
{
    struct walk_look seen = {.mode = S_IFDIR};
    const char *path = w->at->path;
    int rc;

    *mode = S_IFDIR;
    *assumed = !is_watched(path) || (w->mount && w->len > w->mount);
    if (*assumed)
        return 0;
    rc = w->world->look(w->world->data, path, &seen);
    if (strcmp(path, "/sys") == 0 || strcmp(path, "/dev") == 0)
        w->device = seen.device;
    w->mount = rc == 0 && seen.device != w->device ? w->len : 0;
    *mode = seen.mode;
    return rc;
}

/* What the computer has there. */
static int step_real(struct walker *w)
{
    struct walk_result *at = w->at;
    bool assumed;
    mode_t mode;
    int rc = look(w, &mode, &assumed);

    set_kind(at, WALK_REAL, 0);
    if (places_below(at->path) || strcmp(at->path, "/dev") == 0) {
        at->kind = WALK_UNION; /* even if the computer has none of that name */
        at->real = rc == 0;
        at->crossed |= rc < 0;
        rc = 0;
    }
    at->exists = rc == 0;
    at->assumed = assumed && at->kind == WALK_REAL;
    at->link = rc == 0 && !w->mount && S_ISLNK(mode);
    w->directory = rc == 0 && S_ISDIR(mode);
    return rc == -ENOENT ? 0 : rc;
}

static void take_entry(struct walker *w, const struct sysfs_entry *e)
{
    set_kind(w->at, WALK_OURS, e->ino);
    w->at->link = e->type == SYSFS_TYPE_LINK;
    w->directory = e->type == SYSFS_TYPE_DIR;
}

/* A path of the tree that is ours in any case: if the tree does not have it, nothing is there. */
static int step_place(struct walker *w, const char *from)
{
    const struct sysfs_tree *tree = w->world->tree;
    struct sysfs_entry e;
    sysfs_ino ino;

    if (tree && sysfs_resolve_nofollow(tree, from, &ino) == 0 && sysfs_stat(tree, ino, &e) == 0) {
        take_entry(w, &e);
        return 0;
    }
    set_kind(w->at, WALK_OURS, 0);
    w->at->exists = false;
    w->directory = false;
    return tree ? 0 : -ENOTCONN;
}

/* A device node: only z90crypt comes before a file of the computer's with that name. */
static int step_dev(struct walker *w, const char *name)
{
    bool first = strcmp(name, "z90crypt") == 0;
    char from[SYSFS_NAME_MAX + 4];
    int rc = first ? 0 : step_real(w);

    if (rc < 0 || (!first && (w->at->exists || !w->world->tree)) || strlen(name) >= SYSFS_NAME_MAX)
        return rc;
    snprintf(from, sizeof from, "dev/%s", name);
    rc = step_place(w, from);
    if (!first && !w->at->exists)
        w->at->kind = WALK_REAL;
    return rc;
}

static int step_ours(struct walker *w, const char *name)
{
    struct sysfs_entry e;
    bool possible = strlen(name) <= NAME_MAX;
    int rc = possible ? sysfs_lookup(w->world->tree, w->at->ino, name, &e) : -ENOENT;

    if (rc == 0)
        take_entry(w, &e);
    if (rc != -ENOENT)
        return rc;
    set_kind(w->at, WALK_OURS, 0);
    w->at->exists = false;
    w->directory = false;
    return 0;
}

const struct place *walk_place(const char *path)
{
    for (const struct place *p = walk_places; p->path; p++)
        if (strcmp(p->path, path) == 0)
            return p;
    return places_find(path);
}

static bool is_in_place(const char *path, const struct place *all)
{
    for (const struct place *p = all; p->path; p++)
        if (is_below(path, p->path))
            return true;
    return false;
}

/* Where the walk has gone up to: kinds follow from the path alone. */
static int look_again(struct walker *w)
{
    sysfs_ino parent = w->at->kind == WALK_OURS ? sysfs_parent(w->world->tree, w->at->ino) : 0;
    struct walk_result *at = w->at;

    w->directory = true;
    if (w->len == 0) {
        w->mount = 0;
        set_kind(at, WALK_REAL, 0);
        return 0;
    }
    if (!is_in_place(at->path, places) && !is_in_place(at->path, walk_places))
        return step_real(w);
    set_kind(at, WALK_OURS, parent);
    return 0;
}

static bool is_confined(const struct walker *w, uint64_t resolve)
{
    return w->world->resolve & resolve;
}

static bool is_at_base(const struct walker *w)
{
    return is_confined(w, RESOLVE_BENEATH | RESOLVE_IN_ROOT) && w->len == strlen(w->world->base);
}

static int step_up(struct walker *w)
{
    char *path = w->at->path;

    if (is_at_base(w))
        return is_confined(w, RESOLVE_BENEATH) ? -EXDEV : 0;
    while (w->len && path[w->len - 1] != '/')
        w->len--;
    if (w->len)
        w->len--;
    path[w->len] = '\0';
    return look_again(w);
}

static int step_down(struct walker *w, const char *name, size_t len)
{
    struct walk_result *at = w->at;
    bool ours = at->kind == WALK_OURS, dev = strcmp(at->path, "/dev") == 0;
    const struct place *place;

    if (w->len + len + 2 > sizeof at->path)
        return -ENAMETOOLONG;
    at->path[w->len] = '/';
    memmove(at->path + w->len + 1, name, len);
    w->len += len + 1;
    at->path[w->len] = '\0';
    name = at->path + w->len - len;
    if (ours)
        return step_ours(w, name);
    place = walk_place(at->path);
    if (place)
        return step_place(w, place->from);
    return dev ? step_dev(w, name) : step_real(w);
}

/* The link that the walk has come to is replaced by its target. */
static int follow(struct walker *w, const char *rest, bool slash)
{
    char target[PATH_MAX], joined[2 * PATH_MAX];
    struct walk_result *at = w->at;
    const char *base = "";
    text_auto text = {0};
    ssize_t len;

    if (++w->links > LINKS_MAX || is_confined(w, RESOLVE_NO_SYMLINKS))
        return -ELOOP;
    if (at->kind == WALK_OURS) {
        int rc = sysfs_readlink(w->world->tree, at->ino, &text);

        if (rc < 0)
            return rc == -ENODEV ? -ENOENT : rc;
        len = snprintf(target, sizeof target, "%s", text.data);
    } else {
        len = w->world->readlink(w->world->data, at->path, target, sizeof target - 1);
    }
    if (len < 0 || len >= (ssize_t)sizeof target)
        return len < 0 ? (int)len : -ENAMETOOLONG;
    target[len] = '\0';
    if (*target == '/' && is_confined(w, RESOLVE_BENEATH))
        return -EXDEV;
    if (*target == '/' && is_confined(w, RESOLVE_IN_ROOT))
        base = w->world->base;
    if (snprintf(joined, sizeof joined, "%s%s%s%s", base, target, slash ? "/" : "", rest) >=
        (int)sizeof joined)
        return -ENAMETOOLONG;
    memcpy(w->rest, joined, sizeof joined);
    if (*target != '/')
        return step_up(w);
    w->len = 0;
    at->path[0] = '\0';
    return look_again(w);
}

/* Of which file system it is. */
static int area(const char *path)
{
    return is_below(path, "/sys") ? 1 : is_below(path, "/dev") ? 2 : 0;
}

static int check_border(struct walker *w)
{
    if (!is_confined(w, RESOLVE_NO_XDEV))
        return 0;
    w->entered |= w->len >= strlen(w->world->base);
    return w->entered && area(w->at->path) != area(w->world->base) ? -EXDEV : 0;
}

/* Takes the first component off the rest. 1: there is more to do. */
static int step(struct walker *w, bool follows)
{
    const char *name = w->rest + strspn(w->rest, "/"), *rest;
    size_t len = component(name, &rest);
    bool dot = len == 1 && *name == '.', up = len == 2 && memcmp(name, "..", 2) == 0;
    bool last = !*rest, slash = name[len] == '/';
    int rc = 0;

    if (len == 0)
        return 0;
    if (!w->directory || !w->at->exists)
        return w->at->exists ? -ENOTDIR : -ENOENT;
    if (up)
        rc = step_up(w);
    else if (!dot)
        rc = step_down(w, name, len);
    if (rc == 0)
        rc = check_border(w);
    w->at->slash = last && slash;
    w->at->dot = dot;
    w->at->up = up;
    if (rc == 0 && w->at->exists && w->at->link &&
        (!last || follows || (slash && !w->world->entry)))
        rc = follow(w, rest, slash);
    else
        memmove(w->rest, rest, strlen(rest) + 1);
    return rc < 0 ? rc : 1;
}

int walk(const struct walk_world *world, const char *path, bool follows, struct walk_result *out)
{
    struct walker w = {.world = world, .at = out, .directory = true};
    int rc;

    if (strlen(path) >= PATH_MAX)
        return -ENAMETOOLONG;
    strcpy(w.rest, path);
    set_kind(out, WALK_REAL, 0);
    out->slash = out->dot = out->up = out->crossed = false;
    out->path[0] = '\0';
    while ((rc = step(&w, follows)) > 0)
        ;
    if (w.len == 0)
        strcpy(out->path, "/");
    return rc;
}

void walk_path_of(const struct sysfs_tree *tree, sysfs_ino ino, struct text *out)
{
    text_auto path = {0};
    const char *at;

    sysfs_path(tree, ino, &path);
    at = path.len ? path.data : "";
    for (const struct place *p = walk_places; p->path; p++)
        if (is_below(at, p->from)) {
            text_addf(out, "%s%s", p->path, at + strlen(p->from));
            return;
        }
    if (strncmp(at, "sysdev/", 7) == 0)
        text_addf(out, "/sys/dev/%s", at + 7);
    else if (strncmp(at, "dev/", 4) == 0)
        text_addf(out, "/%s", at);
    else
        text_addf(out, "/sys%s%s", *at ? "/" : "", at);
}
