/* SPDX-License-Identifier: MIT */
#include "run/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/layout.h"

#define PLACE    "/dev/apus"
#define PROGRAM  "qemu-system-s390x"
#define STANDARD "/usr/bin/" PROGRAM
#define SYSTEM   PLACE "/system-qemu"

static int link_to(const char *target, const char *path)
{
    return symlink(target, path) < 0 ? layout_refuse(errno, "create", path) : 0;
}

static bool is_same_file(const char *one, const char *other)
{
    struct stat a, b;

    return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static int bind_file(const char *from, const char *to)
{
    return mount(from, to, NULL, MS_BIND, NULL) < 0 ? layout_refuse(errno, "cover", to) : 0;
}

/* Ours at the path that libvirt calls; what is there stays within reach. */
static int cover_standard(const char *bin)
{
    char ours[PATH_MAX];
    int ret;

    snprintf(ours, sizeof(ours), "%s/%s", bin, PROGRAM);
    /* In an `apus run` inside another one it is there already. */
    if (access(STANDARD, F_OK) < 0 || is_same_file(STANDARD, ours))
        return 0;
    ret = layout_make_target(AT_FDCWD, SYSTEM, S_IFREG | 0644);
    if (ret < 0)
        return layout_refuse(-ret, "create", SYSTEM);
    ret = bind_file(STANDARD, SYSTEM);
    return ret == 0 ? bind_file(ours, STANDARD) : ret;
}

int emulator_place(const struct emulator *e)
{
    char guest[PATH_MAX];
    int ret;

    snprintf(guest, sizeof(guest), "%s.guest", e->socket);
    if (mkdir(PLACE, 0755) < 0 && errno != EEXIST) /* sysinfo is there (dev.h) */
        return layout_refuse(errno, "create", PLACE);
    ret = link_to(guest, PLACE "/guest");
    if (ret == 0)
        ret = link_to(e->plugin, PLACE "/apus-ap.so");
    if (ret == 0 && e->qemu)
        ret = link_to(e->qemu, PLACE "/qemu");
    if (ret == 0)
        ret = link_to(e->bin, PLACE "/bin");
    return ret == 0 ? cover_standard(e->bin) : ret;
}
