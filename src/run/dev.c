/* SPDX-License-Identifier: MIT */
#include "run/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "run/layout.h"
#include "seccomp/node.h"

#define HIDDEN ".host"

#define PTMX            makedev(5, 2)
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST  143

/* nodes, here and below: device nodes can be created. */
static int copy_dir(bool nodes, int real, int new, const char *path);

static bool is_device(mode_t mode)
{
    return S_ISCHR(mode) || S_ISBLK(mode);
}

/* A terminal: its node works only in a devpts. */
static bool is_terminal(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && major(st->st_rdev) >= PTS_MAJOR_FIRST &&
           major(st->st_rdev) <= PTS_MAJOR_LAST;
}

bool dev_is_ptmx(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == PTMX;
}

/* May fail for some devices only: a container can forbid individual ones. */
static int make_node(bool nodes, int real, int new, const char *name, const struct stat *st)
{
    if (!nodes || is_terminal(st))
        return -EPERM;
    if (mknodat(new, name, st->st_mode, st->st_rdev) < 0)
        return -errno;
    return layout_copy_owner(real, new, name, st);
}

/* Mounts a new, empty file system. */
static int mount_fresh(int new, const char *name, const char *type, const char *options)
{
    char path[64 + NAME_MAX];

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", new, name);
    return mount("apus", path, type, MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

/* Handles a file system that is mounted in /dev. */
static int copy_mount(int real, int new, const char *name, mode_t mode)
{
    fd_auto dir = layout_open_dir(real, name);
    struct statfs fs = {0};
    char options[64];
    int ret = -ENODEV;

    if (dir >= 0 && fstatfs(dir, &fs) < 0)
        return -errno;
    if (fs.f_type == TMPFS_MAGIC || fs.f_type == HUGETLBFS_MAGIC) {
        ret = layout_make_target(new, name, mode);
        snprintf(options, sizeof(options), "mode=%o", mode & 07777);
        if (fs.f_type == HUGETLBFS_MAGIC)
            snprintf(options + strlen(options), 32, ",pagesize=%ld", (long)fs.f_bsize);
        if (ret == 0)
            ret = mount_fresh(new, name, fs.f_type == TMPFS_MAGIC ? "tmpfs" : "hugetlbfs", options);
        if (ret < 0)
            unlinkat(new, name, AT_REMOVEDIR);
    }
    return ret < 0 ? layout_bind_read_only(real, new, name, mode) : 0;
}

static int copy_sub(bool nodes, int real, int new, const char *path, const char *name,
                    const struct stat *st)
{
    int ret = layout_make_target(new, name, st->st_mode);

    if (ret == 0)
        ret = layout_copy_owner(real, new, name, st);
    if (ret < 0)
        return layout_refuse(-ret, "set up", path);

    fd_auto sub_real = layout_open_dir(real, name);
    fd_auto sub_new = layout_open_dir(new, name);

    if (sub_real < 0 || sub_new < 0)
        return errno == ENOENT ? 0 : layout_refuse(errno, "open", path);
    return copy_dir(nodes, sub_real, sub_new, path);
}

/* Copies one real entry. device: the device number of the file system of its directory. */
static int copy_entry(bool nodes, int real, int new, const char *path, const char *name,
                      dev_t device)
{
    struct stat st;
    int ret = fstatat(real, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

    if (ret == 0 && S_ISDIR(st.st_mode) && st.st_dev == device && nodes)
        return copy_sub(nodes, real, new, path, name, &st);
    if (ret < 0)
        ;
    else if (S_ISLNK(st.st_mode))
        ret = layout_copy_link(real, new, name);
    else if (S_ISDIR(st.st_mode) && st.st_dev != device)
        ret = copy_mount(real, new, name, st.st_mode);
    else if (!is_device(st.st_mode) || make_node(nodes, real, new, name, &st) < 0)
        ret = layout_bind_read_only(real, new, name, st.st_mode);
    /* -ENOENT: the device was removed in the meantime. */
    return ret < 0 && ret != -ENOENT ? layout_refuse(-ret, "set up", path) : 0;
}

struct copying {
    bool nodes;
    bool top; /* /dev itself */
    int real, new;
};

/* Whether an entry must not be copied. */
static bool is_left_out(const struct copying *c, const char *name)
{
    static const char *const names[] = {"z90crypt", "zcrypt", "vfio", "iommu",
                                        "apus",     HIDDEN,   NULL};
    struct stat st;

    if (!c->top)
        return false;
    for (int i = 0; names[i]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return !c->nodes && strcmp(name, "ptmx") == 0 &&
           fstatat(c->real, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && dev_is_ptmx(&st);
}

static int visit_entry(void *data, const char *path, const char *name, dev_t device)
{
    const struct copying *c = data;

    return is_left_out(c, name) ? 0 : copy_entry(c->nodes, c->real, c->new, path, name, device);
}

static int copy_dir(bool nodes, int real, int new, const char *path)
{
    struct copying c = {nodes, strcmp(path, "/dev") == 0, real, new};

    return layout_each(real, path, visit_entry, &c);
}

/* Nobody can create a file in /proc. Where there is one it stays the computer's: what covers a part
 * of /proc keeps containers inside from mounting a /proc of their own. */
static int place_sysinfo(int tree, int new)
{
    struct stat st;
    int ret;

    if (fstatat(tree, "proc/sysinfo", &st, 0) < 0)
        return errno == ENOENT ? 0 : layout_refuse(errno, "access", "proc/sysinfo");
    ret = layout_make_target(new, "apus", S_IFDIR | 0755);
    if (ret == 0)
        ret = layout_make_target(new, "apus/sysinfo", S_IFREG | 0444);
    if (ret == 0)
        ret = layout_bind(tree, "proc/sysinfo", new, "apus/sysinfo");
    return ret < 0 ? layout_refuse(-ret, "set up", "/dev/apus/sysinfo") : 0;
}

static int place_ours(int tree, int new, enum dev_z90crypt z90crypt)
{
    struct stat st;
    int ret = 0;

    if (fstatat(tree, "dev", &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : layout_refuse(errno, "access", "dev");
    if (z90crypt == DEV_OWN_NODE) {
        ret = seccomp_node_place("/dev", "z90crypt", 0666);
    } else if (z90crypt == DEV_OF_TREE) {
        ret = layout_make_target(new, "z90crypt", S_IFREG | 0666);
        if (ret == 0)
            ret = layout_bind(tree, "dev/z90crypt", new, "z90crypt");
    }
    if (ret < 0)
        return layout_refuse(-ret, "set up", "/dev/z90crypt");
    ret = layout_make_target(new, "zcrypt", S_IFDIR | 0755);
    if (ret == 0)
        ret = layout_bind(tree, "dev", new, "zcrypt");
    return ret < 0 ? layout_refuse(-ret, "set up", "/dev/zcrypt") : place_sysinfo(tree, new);
}

/* clone: a clone of the real /dev, made before it was covered. */
static int place_ptmx(int real, int clone, int new)
{
    struct stat st;
    int ret;

    if (fstatat(real, "ptmx", &st, AT_SYMLINK_NOFOLLOW) < 0 || !dev_is_ptmx(&st))
        return 0;
    ret = clone < 0 ? -EINVAL : layout_make_target(new, HIDDEN, S_IFDIR | 0755);
    if (ret == 0)
        ret = layout_attach(clone, new, HIDDEN);
    if (ret == 0 && symlinkat(HIDDEN "/ptmx", new, "ptmx") < 0)
        ret = -errno;
    return ret < 0 ? layout_refuse(-ret, "set up", "/dev/ptmx") : 0;
}

/* Whether device nodes can be created here and opened. */
static bool can_make_nodes(int new)
{
    int fd = -1;

    if (mknodat(new, "null", S_IFCHR | 0600, makedev(1, 3)) < 0)
        return false;
    fd = openat(new, "null", O_RDONLY | O_CLOEXEC);
    unlinkat(new, "null", 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int fill(int real, int clone, int new, int tree, enum dev_z90crypt z90crypt)
{
    bool nodes = can_make_nodes(new);
    int ret = copy_dir(nodes, real, new, "/dev");

    if (ret == 0)
        ret = place_ours(tree, new, z90crypt);
    return ret == 0 && !nodes ? place_ptmx(real, clone, new) : ret;
}

int dev_lay_out(int tree, enum dev_z90crypt z90crypt, const char *spare)
{
    fd_auto real = layout_open_dir(AT_FDCWD, "/dev");
    fd_auto clone = real < 0 ? -1 : layout_clone_read_only(real, "");
    int ret;

    if (real < 0)
        return layout_refuse(errno, "open", "/dev");
    if (mount("apus", "/dev", "tmpfs", TMPFS_FLAGS, "mode=755") < 0)
        return layout_refuse(errno, "mount a tmpfs on", "/dev");

    fd_auto new = layout_open_dir(AT_FDCWD, "/dev");

    if (new < 0)
        return layout_refuse(errno, "open", "/dev");
    ret = fill(real, clone, new, tree, z90crypt);
    return ret == 0 ? layout_drop("/dev", spare) : ret;
}
