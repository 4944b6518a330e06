/* SPDX-License-Identifier: MIT */
#include "run/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include "base/error.h"
#include "run/error.h"

int layout_refuse(int err, const char *doing, const char *path)
{
    text_auto remedy = {0};

    if (err == ENOSYS)
        text_adds(&remedy, "; apus requires Linux 5.2 or later");
    else if (err == ENOSPC)
        text_adds(&remedy, "; raise /proc/sys/fs/mount-max or free some memory");
    else if (err == EPERM || err == EACCES) {
        text_adds(&remedy, "; ");
        run_advice(RIGHTS_MOUNT_TREE, err, &remedy);
    }
    run_error(err, "cannot %s %s: %s%s", doing, path, error_text(err),
              remedy.data ? remedy.data : "");
    return -err;
}

int layout_open_dir(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

DIR *layout_list_dir(int at)
{
    int fd = layout_open_dir(at, ".");
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d && fd >= 0)
        close(fd);
    return d;
}

const char *layout_next_name(DIR *d)
{
    const struct dirent *e;

    while ((e = readdir(d))) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            return e->d_name;
    }
    return NULL;
}

int layout_each(int real, const char *path, layout_visit *visit, void *data)
{
    dir_auto *all = layout_list_dir(real);
    const char *name;
    struct stat st;
    int ret = 0;

    if (!all || fstat(real, &st) < 0)
        return layout_refuse(errno, "read", path);
    while (ret == 0 && (name = layout_next_name(all))) {
        char sub[PATH_MAX];

        snprintf(sub, sizeof(sub), "%.2000s/%s", path, name);
        ret = visit(data, sub, name, st.st_dev);
    }
    return ret;
}

#define CLONE_FLAGS                                                                                \
    (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

int layout_clone(int at, const char *name)
{
    return open_tree(at, name, CLONE_FLAGS | AT_RECURSIVE);
}

int layout_clone_alone(int at, const char *name)
{
    int fd = open_tree(at, name, CLONE_FLAGS);

    return fd < 0 && errno == EINVAL ? layout_clone(at, name) : fd;
}

int layout_clone_read_only(int at, const char *name)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    int fd = layout_clone(at, name);

    if (fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 &&
        errno != ENOSYS) {
        int err = errno;

        close(fd);
        errno = err;
        return -1;
    }
    return fd;
}

int layout_attach(int clone, int new, const char *name)
{
    return move_mount(clone, "", new, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int layout_place(int clone, int new, const char *name, mode_t mode)
{
    int ret = layout_make_target(new, name, mode);

    return ret < 0 ? ret : layout_attach(clone, new, name);
}

int layout_bind(int from, const char *from_name, int new, const char *name)
{
    fd_auto clone = layout_clone(from, from_name);

    return clone < 0 ? -errno : layout_attach(clone, new, name);
}

int layout_copy_link(int real, int new, const char *name)
{
    return layout_copy_link_as(real, name, new, name);
}

int layout_copy_link_as(int real, const char *real_name, int new, const char *name)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(real, real_name, target, sizeof(target) - 1);

    if (len < 0)
        return -errno;
    target[len] = '\0';
    return symlinkat(target, new, name) < 0 ? -errno : 0;
}

int layout_make_target(int new, const char *name, mode_t mode)
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

int layout_make_parents(int new, const char *path)
{
    char part[PATH_MAX];

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdirat(new, part, 0755) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

int layout_bind_read_only(int from, int new, const char *name, mode_t mode)
{
    fd_auto clone = layout_clone_read_only(from, name);

    return clone < 0 ? -errno : layout_place(clone, new, name, mode);
}

/* Access control lists and labels. Those that cannot be taken along are none that count here. */
static void copy_attributes(int real, int new, const char *name)
{
    char from[NAME_MAX + 32], to[NAME_MAX + 32], names[4096], value[4096];
    ssize_t all, len;

    snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", real, name);
    snprintf(to, sizeof(to), "/proc/self/fd/%d/%s", new, name);
    all = llistxattr(from, names, sizeof(names));
    for (const char *n = names; n < names + all; n += strlen(n) + 1) {
        len = lgetxattr(from, n, value, sizeof(value));
        if (len >= 0)
            lsetxattr(to, n, value, (size_t)len, 0);
    }
}

int layout_copy_owner(int real, int new, const char *name, const struct stat *st)
{
    /* EINVAL: a user namespace does not have that owner; it becomes root's. */
    if (fchownat(new, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EINVAL)
        return -errno;
    if (fchmodat(new, name, st->st_mode & 07777, 0) < 0)
        return -errno;
    copy_attributes(real, new, name);
    return 0;
}

int layout_drop(const char *path, const char *spare)
{
    if (mount(path, spare, NULL, MS_MOVE, NULL) < 0)
        return layout_refuse(errno, "move away", path);
    while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
        ;
    if (mount("apus", path, "tmpfs", TMPFS_FLAGS | MS_RDONLY, "mode=755") < 0)
        return layout_refuse(errno, "mount a tmpfs on", path);
    return mount(spare, path, NULL, MS_MOVE, NULL) < 0 ? layout_refuse(errno, "move back", path)
                                                       : 0;
}
