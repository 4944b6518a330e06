/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nomount/internal.h"

static mode_t type_bits(const struct sysfs_entry *e)
{
    if (e->device)
        return S_IFCHR;
    switch (e->type) {
    case SYSFS_TYPE_DIR:
        return S_IFDIR;
    case SYSFS_TYPE_LINK:
        return S_IFLNK;
    default:
        return S_IFREG;
    }
}

static const char *class_of(sysfs_ino ino, const char *name)
{
    switch (sysfs_dir_of(ino).kind) {
    case SYSFS_VFIO_GROUP_NODE:
        return "vfio";
    case SYSFS_VFIO_CDEV_NODE:
        return "vfio-dev";
    case SYSFS_DEV_NODE:
        return strcmp(name, "z90crypt") == 0 ? "misc" : "zcrypt";
    default:
        return "misc";
    }
}

/* The number of a device node is in its attribute dev. */
static dev_t number_of(const struct sysfs_tree *t, sysfs_ino ino)
{
    text_auto node = {0}, path = {0}, number = {0};
    unsigned major = 0, minor = 0;
    sysfs_ino dev;
    const char *name;

    sysfs_path(t, ino, &node);
    name = strrchr(node.data, '/') ? strrchr(node.data, '/') + 1 : node.data;
    text_addf(&path, "class/%s/%s/dev", class_of(ino, name), name);
    if (sysfs_resolve(t, path.data, &dev) < 0 || sysfs_show(t, dev, &number) < 0 ||
        sscanf(number.data, "%u:%u", &major, &minor) != 2)
        return 0;
    return makedev(major, minor);
}

static dev_t device_of(const struct nomount_view *v)
{
    return makedev(0, NOMOUNT_DEVICE + v->id);
}

/* As over FUSE: directories have one link, too, which programs take for "unknown". */
static void fill(const struct nomount_view *v, const struct sysfs_entry *e, struct stat *out)
{
    const struct timespec *born = &v->n->born;

    *out = (struct stat){.st_dev = device_of(v),
                         .st_ino = e->ino,
                         .st_mode = type_bits(e) | e->mode,
                         .st_nlink = 1,
                         .st_uid = e->uid ? e->uid : geteuid(),
                         .st_gid = e->gid ? e->gid : getegid(),
                         .st_rdev = e->device ? number_of(view_tree(v), e->ino) : 0,
                         .st_size = e->type == SYSFS_TYPE_FILE && !e->device ? 4096 : 0,
                         .st_blksize = 4096,
                         .st_atim = *born,
                         .st_mtim = *born,
                         .st_ctim = *born};
}

static struct statx_timestamp time_of(const struct timespec *t)
{
    return (struct statx_timestamp){.tv_sec = t->tv_sec, .tv_nsec = (uint32_t)t->tv_nsec};
}

static struct statx extended(const struct stat *s)
{
    return (struct statx){.stx_mask = STATX_BASIC_STATS,
                          .stx_blksize = (uint32_t)s->st_blksize,
                          .stx_nlink = (uint32_t)s->st_nlink,
                          .stx_uid = s->st_uid,
                          .stx_gid = s->st_gid,
                          .stx_mode = (uint16_t)s->st_mode,
                          .stx_ino = s->st_ino,
                          .stx_size = (uint64_t)s->st_size,
                          .stx_blocks = (uint64_t)s->st_blocks,
                          .stx_atime = time_of(&s->st_atim),
                          .stx_ctime = time_of(&s->st_ctim),
                          .stx_mtime = time_of(&s->st_mtim),
                          .stx_rdev_major = major(s->st_rdev),
                          .stx_rdev_minor = minor(s->st_rdev),
                          .stx_dev_major = major(s->st_dev),
                          .stx_dev_minor = minor(s->st_dev)};
}

void call_stat_known(struct nomount_call *c, const struct stat *st)
{
    struct statx x;

    if (c->request.deed == NOMOUNT_STATX) {
        x = extended(st);
        answer_bytes(c, &x, sizeof x, 0);
    } else {
        answer_bytes(c, st, sizeof *st, 0);
    }
}

/* The kernel and 64-bit C libraries share struct stat and struct statfs. */
void call_statfs(struct nomount_call *c)
{
    struct statfs s = {.f_type = SYSFS_MAGIC, .f_bsize = 4096, .f_frsize = 4096, .f_namelen = 255};

    answer_bytes(c, &s, sizeof s, 0);
}

void call_stat_ino(struct nomount_call *c, sysfs_ino ino)
{
    struct sysfs_entry e;
    struct stat st;
    int rc = sysfs_stat(call_tree(c), ino, &e);

    if (rc < 0) {
        answer_result(c, rc);
    } else if (c->request.deed == NOMOUNT_STATFS) {
        call_statfs(c);
    } else {
        fill(c->view, &e, &st);
        call_stat_known(c, &st);
    }
}

/* A directory on the way to ours that the computer does not have. */
static struct stat bare(const struct nomount_view *v)
{
    const struct timespec *born = &v->n->born;

    return (struct stat){.st_dev = device_of(v),
                         .st_ino = 2,
                         .st_mode = S_IFDIR | 0755,
                         .st_nlink = 1,
                         .st_uid = geteuid(),
                         .st_gid = getegid(),
                         .st_blksize = 4096,
                         .st_atim = *born,
                         .st_mtim = *born,
                         .st_ctim = *born};
}

void call_stat(struct nomount_call *c, const struct walk_result *at)
{
    struct stat st;

    if (!at->exists) {
        answer_result(c, -ENOENT);
    } else if (at->kind == WALK_OURS) {
        call_stat_ino(c, at->ino);
    } else if (c->request.deed == NOMOUNT_STATFS) {
        call_statfs(c);
    } else if (lstat(at->path, &st) == 0) {
        call_stat_known(c, &st);
    } else if (at->kind == WALK_UNION) {
        st = bare(c->view);
        call_stat_known(c, &st);
    } else {
        answer_result(c, -errno);
    }
}
