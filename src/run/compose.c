/* SPDX-License-Identifier: MIT */
#include "run/compose.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/places.h"
#include "fuse/device.h"
#include "run/dev.h"
#include "run/error.h"
#include "run/etc.h"
#include "run/layout.h"
#include "run/rundir.h"
#include "run/runtime.h"

#define SYS_FLAGS (TMPFS_FLAGS | MS_NODEV)

static int copy_dir(int real, int new, const char *path);

/* Fills the directory called name, which exists already. */
static int copy_sub(int real, int new, const char *path, const char *name)
{
    fd_auto sub_real = layout_open_dir(real, name);
    fd_auto sub_new = layout_open_dir(new, name);

    return sub_real < 0 || sub_new < 0 ? layout_refuse(errno, "open", path)
                                       : copy_dir(sub_real, sub_new, path);
}

/* Copies one real entry: a link is recreated, a directory with places below it is recreated,
 * anything else is bind-mounted. */
static int copy_entry(int real, int new, const char *path, const char *name)
{
    struct stat st;
    int ret = fstatat(real, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

    if (ret == 0)
        ret = S_ISLNK(st.st_mode) ? layout_copy_link(real, new, name)
                                  : layout_make_target(new, name, st.st_mode);
    if (ret == 0 && S_ISDIR(st.st_mode) && places_below(path))
        return copy_sub(real, new, path, name);
    if (ret == 0 && !S_ISLNK(st.st_mode))
        ret = layout_bind(real, name, new, name);
    /* -ENOENT: the device was removed in the meantime. */
    return ret < 0 && ret != -ENOENT ? layout_refuse(-ret, "set up", path) : 0;
}

/* Copies all real entries of the directory called path, except those that are replaced. */
static int copy_dir(int real, int new, const char *path)
{
    dir_auto *all = layout_list_dir(real);
    const char *name;
    int ret = 0;

    if (!all)
        return layout_refuse(errno, "read", path);
    while (ret == 0 && (name = layout_next_name(all))) {
        char sub[PATH_MAX];

        snprintf(sub, sizeof(sub), "%.2000s/%s", path, name);
        if (!places_find(sub))
            ret = copy_entry(real, new, sub, name);
    }
    return ret;
}

/* Adds one of the machine's directories or links to the directory new. */
static int place_one(const struct compose *c, const struct place *p, int new, const char *name)
{
    struct stat st;
    int ret;

    if (fstatat(c->tree, p->from, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : layout_refuse(errno, "access", p->from);
    ret = layout_make_parents(new, name);
    if (ret == 0 && S_ISLNK(st.st_mode)) {
        ret = layout_copy_link_as(c->tree, p->from, new, name);
    } else if (ret == 0) {
        ret = layout_make_target(new, name, st.st_mode);
        if (ret == 0)
            ret = layout_bind(c->tree, p->from, new, name);
    }
    return ret < 0 ? layout_refuse(-ret, "set up", p->path) : 0;
}

/* Adds the machine's directories that belong below the directory called path. */
static int place_ours(const struct compose *c, int new, const char *path)
{
    size_t len = strlen(path);
    int ret = 0;

    for (const struct place *p = places; p->path && ret == 0; p++) {
        if (strncmp(p->path, path, len) == 0 && p->path[len] == '/')
            ret = place_one(c, p, new, p->path + len + 1);
    }
    return ret;
}

static int cover(struct compose_layer *layer)
{
    if (mount("apus", layer->path, "tmpfs", SYS_FLAGS, "mode=755") < 0)
        return layout_refuse(errno, "mount a tmpfs on", layer->path);
    layer->new = layout_open_dir(AT_FDCWD, layer->path);
    return layer->new < 0 ? layout_refuse(errno, "open", layer->path)
                          : copy_dir(layer->real, layer->new, layer->path);
}

/* Adds what is ours. Then it is read-only, as nothing can be created in a sysfs. */
static int complete(const struct compose *c, const struct compose_layer *layer)
{
    int ret = place_ours(c, layer->new, layer->path);

    if (ret == 0 &&
        mount(NULL, layer->path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | SYS_FLAGS, NULL) < 0)
        ret = layout_refuse(errno, "remount read-only", layer->path);
    return ret;
}

/* Replaces a directory with that of the tree, or with an empty one if the tree has none. */
static int replace(const struct compose *c, const char *path)
{
    const struct place *p = places_find(path);
    int ret = layout_bind(c->tree, p->from, AT_FDCWD, path);
    if (ret == -ENOENT)
        ret = mount("apus", path, "tmpfs", SYS_FLAGS | MS_RDONLY, "mode=755") < 0 ? -errno : 0;
    return ret < 0 ? layout_refuse(-ret, "replace", path) : 0;
}

static int add_layer(struct compose *c, const char *path)
{
    int fd = layout_open_dir(AT_FDCWD, path);

    if (fd < 0)
        return layout_refuse(errno, "open", path);
    c->layers[c->count++] = (struct compose_layer){path, fd, -1};
    return 0;
}

static int choose_layers(struct compose *c)
{
    static const char *const usual[] = {"/sys/bus", "/sys/class", "/sys/devices", "/sys/module",
                                        "/sys/dev/char"};
    const int count = sizeof(usual) / sizeof(*usual);
    bool groups = access("/sys/kernel/iommu_groups", F_OK) == 0;
    bool whole = access("/sys/kernel", F_OK) < 0;
    int ret = 0;

    for (int i = 0; i < count; i++)
        whole |= access(usual[i], F_OK) < 0;
    if (whole) {
        ret = add_layer(c, "/sys");
    } else {
        for (int i = 0; i < count && ret == 0; i++)
            ret = add_layer(c, usual[i]);
        if (ret == 0)
            ret = add_layer(c, groups ? "/sys/kernel/iommu_groups" : "/sys/kernel");
    }
    return ret;
}

static void compose_done(struct compose *c)
{
    for (int i = 0; i < c->count; i++) {
        close(c->layers[i].real);
        if (c->layers[i].new >= 0)
            close(c->layers[i].new);
    }
    if (c->tree >= 0)
        close(c->tree);
}

/*
 * What is mounted on the real /sys may be on the hidden one, too. libvirt takes the last cgroup
 * file system in the list of mounts, and that has to be one that it can reach.
 */
static void show_cgroups_last(void)
{
    static const char cgroups[] = "/sys/fs/cgroup";

    if (access(cgroups, F_OK) == 0)
        mount(cgroups, cgroups, NULL, MS_BIND | MS_REC, NULL);
}

/*
 * In a user namespace the kernel lets a new sysfs be mounted only while the mount namespace has a
 * sysfs that nothing covers, and parts of /sys will be covered. So another one is kept, which
 * nobody sees: in a tmpfs on path, which will be covered as a whole.
 */
static int keep_sysfs(const char *path)
{
    fd_auto sysfs = layout_clone_alone(AT_FDCWD, "/sys");

    if (sysfs < 0)
        return layout_refuse(errno, "clone the mount of", "/sys");
    if (mount("apus", path, "tmpfs", SYS_FLAGS, "mode=755") < 0)
        return layout_refuse(errno, "mount a tmpfs on", path);

    fd_auto hidden = layout_open_dir(AT_FDCWD, path);
    int ret = hidden < 0 ? -errno : layout_make_target(hidden, "sys", S_IFDIR | 0755);

    if (ret == 0)
        ret = layout_attach(sysfs, hidden, "sys");
    if (ret < 0)
        return layout_refuse(-ret, "keep a sysfs below", path);
    show_cgroups_last();
    return 0;
}

int compose_prepare(const char *source, struct compose *out)
{
    struct compose c = {.tree = -1};
    text_auto why = {0};
    int ret = choose_layers(&c), fuse = -1;

    /* The first layer will be covered, so the mount there is not visible. */
    if (ret == 0)
        ret = keep_sysfs(c.layers[0].path);
    if (ret == 0) {
        ret = fuse = fuse_device_mount(source, c.layers[0].path, &why);
        if (ret < 0)
            run_error(-ret, "%s", why.data);
    }
    if (ret >= 0) {
        c.tree = open(c.layers[0].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (c.tree < 0)
            ret = layout_refuse(errno, "open", c.layers[0].path);
    }
    if (ret < 0) {
        if (fuse >= 0)
            close(fuse);
        compose_done(&c);
        return ret;
    }
    *out = c;
    return fuse;
}

/* Enters the working directory again: if it was covered, it would still be the old one. */
static void enter_again(void)
{
    char cwd[PATH_MAX];

    if (getcwd(cwd, sizeof(cwd)) && chdir(cwd) < 0 && chdir("/") < 0)
        abort();
}

int compose_cover(struct compose *c)
{
    mode_t mask = umask(0); /* what is laid out has the modes of what it stands for */
    int ret = 0;

    for (int i = 0; i < c->count && ret == 0; i++)
        if (!places_find(c->layers[i].path))
            ret = cover(&c->layers[i]);
    umask(mask);
    if (ret < 0)
        compose_done(c);
    return ret;
}

static int lay_out(struct compose *c)
{
    const char *spare = c->layers[0].path;
    char base[RUNTIME_PATH_MAX];
    int ret = 0;

    for (int i = 0; i < c->count && ret == 0; i++) {
        const struct compose_layer *layer = &c->layers[i];

        ret = layer->new < 0 ? replace(c, layer->path) : complete(c, layer);
    }
    if (ret == 0)
        ret = dev_lay_out(c->tree, c->z90crypt, spare);
    if (ret == 0 && !c->host_etc)
        ret = etc_lay_out(c->keep_etc, spare);
    if (ret == 0)
        ret = runtime_base(base);
    if (ret == 0)
        ret = rundir_lay_out(base, spare);
    return ret;
}

int compose_finish(struct compose *c)
{
    mode_t mask = umask(0);
    int ret = lay_out(c);

    umask(mask);
    compose_done(c);
    if (ret == 0)
        enter_again();
    return ret;
}
