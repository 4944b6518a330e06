/* SPDX-License-Identifier: MIT */
#include "run/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "run/copy.h"
#include "run/layout.h"
#include "run/namespace.h"

#define RUN        "/run"
#define RUN_FLAGS  (MS_NOSUID | MS_NODEV)
#define FILE_LIMIT (1 << 20)

static int leave_sockets_out(int real, int new, const char *path, const char *name,
                             const struct stat *st)
{
    return S_ISSOCK(st->st_mode) ? 0 : copy_bind_rest(real, new, path, name, st);
}

static const struct copy_plan usual = {.limit = FILE_LIMIT, .rest = copy_bind_rest};
static const struct copy_plan no_sockets = {.limit = FILE_LIMIT, .rest = leave_sockets_out};

/* The first component of what /etc/resolv.conf is in /run; empty if it is elsewhere. */
static void resolver(char out[NAME_MAX + 1])
{
    char path[PATH_MAX];

    out[0] = '\0';
    if (realpath("/etc/resolv.conf", path) && strncmp(path, RUN "/", 5) == 0)
        snprintf(out, NAME_MAX + 1, "%.*s", (int)strcspn(path + 5, "/"), path + 5);
}

/* Whether the computer keeps it up to date for all programs. */
static bool follows_computer(const char *name)
{
    static const char *const names[] = {"credentials", "systemd", "user", NULL};
    char dns[NAME_MAX + 1];

    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    resolver(dns);
    return strcmp(dns, name) == 0;
}

static int share(int real, int new, const char *name, const struct stat *st)
{
    fd_auto clone =
        namespace_is_initial() ? layout_clone_read_only(real, name) : layout_clone(real, name);

    return clone < 0 ? -errno : layout_place(clone, new, name, st->st_mode);
}

static int lay_out_entry(int real, int new, const char *name, dev_t device)
{
    char path[PATH_MAX];
    struct stat st;
    int ret = fstatat(real, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;

    snprintf(path, sizeof(path), RUN "/%s", name);
    if (ret == 0 && !S_ISLNK(st.st_mode) && follows_computer(name))
        ret = share(real, new, name, &st);
    else if (ret == 0 && S_ISDIR(st.st_mode) && strcmp(name, "libvirt") == 0)
        ret = layout_make_target(new, name, st.st_mode);
    else if (ret == 0)
        return copy_entry(strcmp(name, "udev") == 0 ? &no_sockets : &usual, real, new, path, name,
                          device);
    return ret < 0 && ret != -ENOENT ? layout_refuse(-ret, "lay out", path) : 0;
}

static int fill(int real, int new)
{
    dir_auto *all = layout_list_dir(real);
    const char *name;
    struct stat st;
    int ret = 0;

    if (!all || fstat(real, &st) < 0)
        return layout_refuse(errno, "read", RUN);
    while (ret == 0 && (name = layout_next_name(all)))
        ret = lay_out_entry(real, new, name, st.st_dev);
    return ret;
}

/* Puts the directory that path names, of which clone is one, back into our /run. */
static int put_back(int clone, int new, const char *path)
{
    const char *name = path + strlen(RUN "/");
    int ret = layout_make_parents(new, name);

    if (ret == 0 && mkdirat(new, name, 0700) < 0 && errno != EEXIST)
        ret = -errno;
    if (ret == 0)
        ret = layout_attach(clone, new, name);
    return ret < 0 ? layout_refuse(-ret, "put in place", path) : 0;
}

int rundir_lay_out(const char *keep, const char *spare)
{
    char kept[PATH_MAX];
    bool inside = realpath(keep, kept) && strncmp(kept, RUN "/", 5) == 0;
    fd_auto real = layout_open_dir(AT_FDCWD, RUN);
    fd_auto clone = inside ? layout_clone(AT_FDCWD, kept) : -1;
    int ret;

    if (real < 0)
        return errno == ENOENT ? 0 : layout_refuse(errno, "open", RUN);
    if (inside && clone < 0)
        return layout_refuse(errno, "open", kept);
    if (mount("apus", RUN, "tmpfs", RUN_FLAGS, "mode=755") < 0)
        return layout_refuse(errno, "mount a tmpfs on", RUN);

    fd_auto new = layout_open_dir(AT_FDCWD, RUN);

    if (new < 0)
        return layout_refuse(errno, "open", RUN);
    ret = fill(real, new);
    if (ret == 0 && inside)
        ret = put_back(clone, new, kept);
    return ret == 0 ? layout_drop(RUN, spare) : ret;
}
