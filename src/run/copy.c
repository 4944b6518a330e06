/* SPDX-License-Identifier: MIT */
#include "run/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>

#include "run/layout.h"

#define CHUNK (1u << 20)

static int copy_bytes(int from, int to)
{
    /* A limit of the size of files is an error as any other. */
    sighandler_t old = signal(SIGXFSZ, SIG_IGN);
    ssize_t n;
    int ret;

    do
        n = sendfile(to, from, NULL, CHUNK);
    while (n > 0);
    ret = n < 0 ? -errno : 0;
    signal(SIGXFSZ, old);
    return ret;
}

static int copy_file(int from, int new, const char *name, const struct stat *st)
{
    const struct timespec times[] = {st->st_atim, st->st_mtim};
    fd_auto to = openat(new, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int ret = to < 0 ? -errno : copy_bytes(from, to);

    return ret == 0 && futimens(to, times) < 0 ? -errno : ret;
}

/* A file system that is mounted on a directory, but looks like one that is not. */
static bool is_memory(int dir)
{
    struct statfs fs;

    return fstatfs(dir, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* The open directory or file, if it is one to copy; else -1. */
static int open_entry(const struct copy_plan *plan, int real, const char *name,
                      const struct stat *st, dev_t device)
{
    bool mounted = !plan->across && st->st_dev != device;
    int fd;

    if (S_ISREG(st->st_mode) && !mounted && st->st_size <= plan->limit)
        return openat(real, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (!S_ISDIR(st->st_mode))
        return -1;
    fd = openat(real, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && mounted && !is_memory(fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

int copy_bind_rest(int real, int new, const char *path, const char *name, const struct stat *st)
{
    return layout_bind_read_only(real, new, name, st->st_mode);
}

static int copy_sub(const struct copy_plan *plan, int real, int new, const char *path,
                    const char *name)
{
    fd_auto sub = mkdirat(new, name, 0700) < 0 ? -1 : layout_open_dir(new, name);

    return sub < 0 ? layout_refuse(errno, "copy", path) : copy_dir(plan, real, sub, path);
}

int copy_entry(const struct copy_plan *plan, int real, int new, const char *path, const char *name,
               dev_t device)
{
    struct stat st;
    int ret = fstatat(real, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
    fd_auto fd = ret < 0 ? -1 : open_entry(plan, real, name, &st, device);

    if (ret == 0 && S_ISLNK(st.st_mode)) {
        ret = layout_copy_link(real, new, name);
    } else if (ret == 0 && fd < 0) {
        ret = plan->rest(real, new, path, name, &st);
    } else if (ret == 0 && S_ISDIR(st.st_mode)) {
        ret = copy_sub(plan, fd, new, path, name);
        if (ret < 0)
            return ret;
        ret = layout_copy_owner(real, new, name, &st);
    } else if (ret == 0) {
        ret = copy_file(fd, new, name, &st);
        if (ret == 0)
            ret = layout_copy_owner(real, new, name, &st);
        else if (unlinkat(new, name, 0) == 0 && ret == -EFBIG)
            ret = plan->rest(real, new, path, name, &st);
    }
    return ret < 0 && ret != -ENOENT ? layout_refuse(-ret, "copy", path) : 0;
}

struct copying {
    const struct copy_plan *plan;
    int real, new;
};

static int visit_entry(void *data, const char *path, const char *name, dev_t device)
{
    const struct copying *c = data;

    return copy_entry(c->plan, c->real, c->new, path, name, device);
}

int copy_dir(const struct copy_plan *plan, int real, int new, const char *path)
{
    struct copying c = {plan, real, new};

    return layout_each(real, path, visit_entry, &c);
}
