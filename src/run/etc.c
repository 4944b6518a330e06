/* SPDX-License-Identifier: MIT */
#include "run/etc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "run/copy.h"
#include "run/layout.h"

#define ETC       "/etc"
#define ETC_FLAGS (TMPFS_FLAGS | MS_NODEV)
#define NEW       ".new" /* a copy that is not complete yet */
#define MODULES   "modprobe.d/apus.conf"

static const struct place {
    const char *name; /* below /etc */
    bool always;      /* programs create it where it is missing */
} places[] = {
    {"mdevctl.d", true}, {"udev/rules.d", true}, {"modprobe.d", true},
    {"libvirt", false},  {"zkey", false},        {NULL, false},
};

/* Directories that a tmpfs of ours has taken the place of. */
struct covers {
    char path[3][64];
    unsigned count;
};

static int leave_out(int real, int new, const char *path, const char *name, const struct stat *st)
{
    return 0;
}

static void path_of(const struct place *p, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, ETC "/%s", p->name);
}

/* Copies the computer's directory, or makes an empty one, under another name first: what has its
 * name is complete. */
static int fill(const struct copy_plan *plan, int store, const struct place *p, int real)
{
    char name[64], path[PATH_MAX];
    struct stat st = {.st_mode = 0755};
    int ret;

    snprintf(name, sizeof(name), "%.50s" NEW, p->name);
    path_of(p, path);
    ret = layout_make_parents(store, name);
    if (ret == 0 && mkdirat(store, name, 0755) < 0)
        ret = -errno;

    fd_auto new = ret < 0 ? -1 : layout_open_dir(store, name);

    if (ret == 0 && new < 0)
        ret = -errno;
    if (ret < 0)
        return layout_refuse(-ret, "make a place for", path);
    ret = real < 0 ? 0 : copy_dir(plan, real, new, path);
    if (ret < 0)
        return ret;
    if (real >= 0 && fstat(real, &st) < 0)
        return layout_refuse(errno, "look at", path);
    if (real >= 0 && fchown(new, st.st_uid, st.st_gid) < 0 && errno != EINVAL)
        return layout_refuse(errno, "copy", path);
    if (fchmod(new, st.st_mode & 07777) < 0 || renameat(store, name, store, p->name) < 0)
        return layout_refuse(errno, "copy", path);
    return 0;
}

/* What an unfinished start has left behind. */
static void remove_new(int store, const char *name)
{
    fd_auto dir = openat(store, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dir_auto *all = dir < 0 ? NULL : layout_list_dir(dir);
    const char *entry;

    while (all && (entry = layout_next_name(all))) {
        if (unlinkat(dir, entry, 0) < 0)
            remove_new(dir, entry);
    }
    unlinkat(store, name, AT_REMOVEDIR);
}

/* Lays a tmpfs over the directory called path; its entries are bound back. */
static int cover(const char *path)
{
    fd_auto real = layout_open_dir(AT_FDCWD, path);
    dir_auto *all = real < 0 ? NULL : layout_list_dir(real);
    struct stat st;
    const char *name;
    int ret = 0;

    if (!all || fstat(real, &st) < 0)
        return layout_refuse(errno, "read", path);
    if (mount("apus", path, "tmpfs", ETC_FLAGS, "mode=755") < 0)
        return layout_refuse(errno, "mount a tmpfs on", path);

    fd_auto new = layout_open_dir(AT_FDCWD, path);

    if (new < 0)
        return layout_refuse(errno, "open", path);
    while (ret == 0 && (name = layout_next_name(all))) {
        if (fstatat(real, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            ret = -errno;
        else if (S_ISLNK(st.st_mode))
            ret = layout_copy_link(real, new, name);
        else if ((ret = layout_make_target(new, name, st.st_mode)) == 0)
            ret = layout_bind(real, name, new, name);
        ret = ret == -ENOENT ? 0 : ret;
    }
    return ret < 0 ? layout_refuse(-ret, "lay out", path) : 0;
}

/* Makes the mount point of a directory that the computer does not have. */
static int make_point(struct covers *covers, const struct place *p)
{
    char above[PATH_MAX], path[PATH_MAX];
    unsigned i = 0;
    int ret;

    path_of(p, path);
    path_of(p, above);
    do
        *strrchr(above, '/') = '\0';
    while (access(above, F_OK) < 0);
    while (i < covers->count && strcmp(covers->path[i], above) != 0)
        i++;
    if (i == covers->count) {
        ret = cover(above);
        if (ret < 0)
            return ret;
        snprintf(covers->path[covers->count++], sizeof(covers->path[0]), "%.60s", above);
    }

    fd_auto dir = layout_open_dir(AT_FDCWD, above);
    const char *rest = path + strlen(above) + 1;

    ret = dir < 0 ? -errno : layout_make_parents(dir, rest);
    if (ret == 0 && mkdirat(dir, rest, 0755) < 0)
        ret = -errno;
    return ret < 0 ? layout_refuse(-ret, "make a place for", path) : 0;
}

/* Gives the machine one directory of its own. */
static int lay_out_one(const struct copy_plan *plan, int store, struct covers *covers,
                       const struct place *p)
{
    char path[PATH_MAX], unfinished[64];
    struct stat st;
    int ret = 0;

    path_of(p, path);

    fd_auto real = layout_open_dir(AT_FDCWD, path);
    bool missing = real < 0 && errno == ENOENT;

    if (real < 0 && errno == EACCES)
        return 0; /* who cannot read it cannot write it either */
    if (real < 0 && !missing)
        return layout_refuse(errno, "open", path);
    if (missing && !p->always)
        return 0;
    snprintf(unfinished, sizeof(unfinished), "%.50s" NEW, p->name);
    remove_new(store, unfinished);
    if (fstatat(store, p->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        ret = fill(plan, store, p, real);
    if (ret == 0 && missing)
        ret = make_point(covers, p);
    if (ret < 0)
        return ret;

    fd_auto point = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    fd_auto clone = point < 0 ? -1 : layout_clone(store, p->name);

    if (clone < 0 ||
        move_mount(clone, "", point, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return layout_refuse(errno, "put in place", path);
    return 0;
}

static int lay_out_all(const struct copy_plan *plan, int store)
{
    struct covers covers = {0};
    int ret = 0;

    for (const struct place *p = places; p->name && ret == 0; p++)
        ret = lay_out_one(plan, store, &covers, p);
    /* What is written there would be neither the computer's nor kept. */
    for (unsigned i = 0; i < covers.count && ret == 0; i++) {
        if (mount(NULL, covers.path[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | ETC_FLAGS, NULL) <
            0)
            ret = layout_refuse(errno, "protect", covers.path[i]);
    }
    return ret;
}

/*
 * kmod looks for a module's file in /lib/modules, where the computer has none of ours. A command
 * that is to be run instead makes `modprobe vfio_ap` succeed [files-modules].
 */
static int add_modules(int store)
{
    static const char lines[] = "# The machine has these modules.\n"
                                "install ap /bin/true\n"
                                "install vfio_ap /bin/true\n"
                                "install zcrypt /bin/true\n"
                                "install zcrypt_cex2a /bin/true\n"
                                "install zcrypt_cex2c /bin/true\n"
                                "install zcrypt_cex4 /bin/true\n";
    fd_auto fd =
        openat(store, MODULES, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    /* Where no file may grow there is none. */
    sighandler_t old = signal(SIGXFSZ, SIG_IGN);
    int err = fd < 0 || write(fd, lines, sizeof(lines) - 1) < 0 ? errno : 0;

    signal(SIGXFSZ, old);
    if (err == EFBIG)
        unlinkat(store, MODULES, 0);
    return err == 0 || err == EFBIG || err == ENOENT ? 0
                                                     : layout_refuse(err, "write", ETC "/" MODULES);
}

int etc_lay_out(const char *keep, const char *spare)
{
    const struct copy_plan plan = {
        .limit = INT64_MAX, .across = true, .rest = keep ? leave_out : copy_bind_rest};
    const char *where = keep ? keep : spare;
    int ret;

    if (access(ETC, F_OK) < 0)
        return 0;
    if (!keep && mount("apus", spare, "tmpfs", ETC_FLAGS, "mode=700") < 0)
        return layout_refuse(errno, "mount a tmpfs on", spare);

    fd_auto store = layout_open_dir(AT_FDCWD, where);

    ret = store < 0 ? layout_refuse(errno, "open", where) : lay_out_all(&plan, store);
    if (ret == 0)
        ret = add_modules(store);
    if (!keep && umount2(spare, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && ret == 0)
        ret = layout_refuse(errno, "unmount", spare);
    return ret;
}
