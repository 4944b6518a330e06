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
#include "fuse/device.h"
#include "run/error.h"

#define HIDDEN_DEV  ".host"
#define TMPFS_FLAGS (MS_NOSUID | MS_NOEXEC)

/* What is ours: where it goes, and its path in our file system. */
static const struct place {
    const char *path, *from;
} places[] = {
    {"/sys/bus/ap", "bus/ap"},
    {"/sys/bus/matrix", "bus/matrix"},
    {"/sys/bus/mdev", "bus/mdev"},
    {"/sys/class/mdev_bus", "class/mdev_bus"},
    {"/sys/class/zcrypt", "class/zcrypt"},
    {"/sys/devices/ap", "devices/ap"},
    {"/sys/devices/vfio_ap", "devices/vfio_ap"},
    {"/sys/devices/virtual/zcrypt", "devices/virtual/zcrypt"},
    {"/sys/kernel/iommu_groups", "kernel/iommu_groups"},
    {"/dev/z90crypt", "dev/z90crypt"},
    {"/dev/zcrypt", "dev"},
    {NULL, NULL},
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define fd_auto __attribute__((cleanup(close_fd))) int

static void close_dir(DIR **d)
{
    if (*d)
        closedir(*d);
}

#define dir_auto __attribute__((cleanup(close_dir))) DIR

static int refuse(int err, const char *doing, const char *path)
{
    run_error("cannot %s %s: %s%s", doing, path, error_text(err),
              err == ENOSYS   ? "; apus needs Linux 5.2 or newer"
              : err == ENOSPC ? "; raise /proc/sys/fs/mount-max or free some memory"
                              : "");
    return -err;
}

static int open_dir(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whether path is one of ours or, with below, leads to one. */
static bool is_ours(const char *path, bool below)
{
    size_t len = strlen(path);

    for (const struct place *p = places; p->path; p++) {
        if (strncmp(p->path, path, len) == 0 && p->path[len] == (below ? '/' : '\0'))
            return true;
    }
    return false;
}

/* A copy of what is at name, with everything mounted below it, yet without a place. Descriptor or
 * -1. */
static int clone_tree(int at, const char *name)
{
    return open_tree(at, name,
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
                         AT_NO_AUTOMOUNT | AT_EMPTY_PATH);
}

static int attach(int clone, int new, const char *name)
{
    return move_mount(clone, "", new, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Lets name in the directory new show what from_name in from is. */
static int bind_at(int from, const char *from_name, int new, const char *name)
{
    fd_auto clone = clone_tree(from, from_name);

    return clone < 0 ? -errno : attach(clone, new, name);
}

static int copy_link(int real, int new, const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(real, name, target, sizeof(target) - 1);

    if (len < 0)
        return -errno;
    target[len] = '\0';
    return symlinkat(target, new, name) < 0 ? -errno : 0;
}

/* An empty file or directory to bind something onto. */
static int make_target(int new, const char *name, mode_t mode)
{
    int fd;

    if (S_ISDIR(mode))
        return mkdirat(new, name, mode & 0777) < 0 ? -errno : 0;
    fd = openat(new, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

static int copy_dir(int real, int new, const char *path);

/* The directory called name is there; what is in it is still to come. */
static int copy_sub(int real, int new, const char *path, const char *name)
{
    fd_auto sub_real = open_dir(real, name);
    fd_auto sub_new = open_dir(new, name);

    return sub_real < 0 || sub_new < 0 ? refuse(errno, "open", path)
                                       : copy_dir(sub_real, sub_new, path);
}

/* Brings one real entry over. */
static int copy_entry(int real, int new, const char *path, const char *name)
{
    struct stat st;
    int ret = fstatat(real, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

    if (strcmp(path, "/dev/ptmx") == 0)
        return 0; /* see place_ptmx */
    if (ret == 0)
        ret = S_ISLNK(st.st_mode) ? copy_link(real, new, name) : make_target(new, name, st.st_mode);
    if (ret == 0 && S_ISDIR(st.st_mode) && is_ours(path, true))
        return copy_sub(real, new, path, name);
    if (ret == 0 && !S_ISLNK(st.st_mode))
        ret = bind_at(real, name, new, name);
    /* A device can vanish while we look. */
    return ret < 0 && ret != -ENOENT ? refuse(-ret, "lay out", path) : 0;
}

/* Brings all real entries of the directory called path over, except those that we replace. */
static int copy_dir(int real, int new, const char *path)
{
    const struct dirent *e;
    int fd = open_dir(real, ".");
    dir_auto *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d)
        return refuse(errno, "read", path);
    while ((e = readdir(d))) {
        char sub[PATH_MAX];
        int ret;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(sub, sizeof(sub), "%.2000s/%s", path, e->d_name);
        if (is_ours(sub, false))
            continue;
        ret = copy_entry(real, new, sub, e->d_name);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* Creates the directories that lead to the last component of path, which is relative to new. */
static int make_parents(int new, const char *path)
{
    char part[PATH_MAX];

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdirat(new, part, 0755) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

/* Puts what is ours below the directory called path into it. */
static int place_ours(const struct compose *c, int real, int new, const char *path)
{
    size_t len = strlen(path);

    for (const struct place *p = places; p->path; p++) {
        const char *name = p->path + len + 1;
        bool null = c->null_node && strcmp(p->path, "/dev/z90crypt") == 0;
        const char *from = null ? "null" : p->from;
        struct stat st;
        int ret;

        if (strncmp(p->path, path, len) != 0 || p->path[len] != '/')
            continue;
        if (fstatat(null ? real : c->tree, from, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT && !null)
                continue;
            return refuse(errno, "look at", null ? "/dev/null" : from);
        }
        ret = make_parents(new, name);
        if (ret == 0)
            ret = make_target(new, name, st.st_mode);
        if (ret == 0)
            ret = bind_at(null ? real : c->tree, from, new, name);
        if (ret < 0)
            return refuse(-ret, "put in place", p->path);
    }
    return 0;
}

/*
 * /dev/ptmx looks for the directory pts beside it, and a file that is bound alone has nothing
 * beside it. So all of the real /dev, which has to be cloned before it is covered, goes into a
 * hidden directory, and ptmx leads there.
 */
static int place_ptmx(int real, int clone, int new)
{
    struct stat st;
    int ret;

    if (fstatat(real, "ptmx", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISCHR(st.st_mode))
        return 0;
    ret = clone < 0 ? -EINVAL : make_target(new, HIDDEN_DEV, S_IFDIR | 0755);
    if (ret == 0)
        ret = attach(clone, new, HIDDEN_DEV);
    if (ret == 0 && symlinkat(HIDDEN_DEV "/ptmx", new, "ptmx") < 0)
        ret = -errno;
    return ret < 0 ? refuse(-ret, "put in place", "/dev/ptmx") : 0;
}

static int cover(const struct compose *c, const struct compose_layer *layer)
{
    bool is_sys = strncmp(layer->path, "/sys", 4) == 0;
    unsigned long flags = TMPFS_FLAGS | (is_sys ? MS_NODEV : 0);
    fd_auto whole = is_sys ? -1 : clone_tree(layer->real, "");
    int ret;

    if (mount("apus", layer->path, "tmpfs", flags, "mode=755") < 0)
        return refuse(errno, "mount a tmpfs on", layer->path);

    fd_auto new = open_dir(AT_FDCWD, layer->path);

    if (new < 0)
        return refuse(errno, "open", layer->path);
    ret = copy_dir(layer->real, new, layer->path);
    if (ret == 0)
        ret = place_ours(c, layer->real, new, layer->path);
    if (ret == 0 && !is_sys)
        ret = place_ptmx(layer->real, whole, new);
    if (ret < 0)
        return ret;
    /* sysfs lets nobody create anything. */
    if (is_sys &&
        mount(NULL, layer->path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) < 0)
        return refuse(errno, "protect", layer->path);
    return 0;
}

/* Covers a directory that is ours as a whole with what our file system has there, or with nothing.
 */
static int replace(const struct compose *c, const char *path)
{
    const struct place *p = places;
    int ret;

    while (strcmp(p->path, path) != 0)
        p++;
    ret = bind_at(c->tree, p->from, AT_FDCWD, path);
    if (ret == -ENOENT)
        ret = mount("apus", path, "tmpfs", TMPFS_FLAGS | MS_NODEV | MS_RDONLY, "mode=755") < 0
                  ? -errno
                  : 0;
    return ret < 0 ? refuse(-ret, "replace", path) : 0;
}

static int add_layer(struct compose *c, const char *path)
{
    int fd = open_dir(AT_FDCWD, path);

    if (fd < 0)
        return refuse(errno, "open", path);
    c->layers[c->count++] = (struct compose_layer){path, fd};
    return 0;
}

static int choose_layers(struct compose *c)
{
    static const char *const usual[] = {"/sys/bus", "/sys/class", "/sys/devices"};
    bool groups = access("/sys/kernel/iommu_groups", F_OK) == 0;
    bool whole = access("/sys/kernel", F_OK) < 0;
    int ret = 0;

    for (int i = 0; i < 3; i++)
        whole |= access(usual[i], F_OK) < 0;
    if (whole) {
        ret = add_layer(c, "/sys");
    } else {
        for (int i = 0; i < 3 && ret == 0; i++)
            ret = add_layer(c, usual[i]);
        if (ret == 0)
            ret = add_layer(c, groups ? "/sys/kernel/iommu_groups" : "/sys/kernel");
    }
    return ret < 0 ? ret : add_layer(c, "/dev");
}

static void compose_done(struct compose *c)
{
    for (int i = 0; i < c->count; i++)
        close(c->layers[i].real);
    close_fd(&c->tree);
}

int compose_prepare(struct compose *out)
{
    struct compose c = {.tree = -1};
    text_auto why = {0};
    int ret = choose_layers(&c), fuse = -1;

    /* The first layer will be covered: what is mounted there stays out of sight. */
    if (ret == 0) {
        ret = fuse = fuse_device_mount(c.layers[0].path, &why);
        if (ret < 0)
            run_error("%s", why.data);
    }
    if (ret >= 0) {
        c.tree = open(c.layers[0].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (c.tree < 0)
            ret = refuse(errno, "open", c.layers[0].path);
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

/* A working directory that has been covered would still show what was there. */
static void enter_again(void)
{
    char cwd[PATH_MAX];

    if (getcwd(cwd, sizeof(cwd)) && chdir(cwd) < 0 && chdir("/") < 0)
        abort();
}

int compose_finish(struct compose *c)
{
    int ret = 0;

    for (int i = 0; i < c->count && ret == 0; i++) {
        const struct compose_layer *layer = &c->layers[i];

        ret = is_ours(layer->path, false) ? replace(c, layer->path) : cover(c, layer);
    }
    compose_done(c);
    if (ret == 0)
        enter_again();
    return ret;
}
