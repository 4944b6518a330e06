/* SPDX-License-Identifier: MIT */
/*
 * realpath(3). The kernel knows the path of what is open, which takes one call in place of one for
 * each directory on the way.
 */
#include <fcntl.h>
#include <linux/limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "preload/look.h"

/* The C library's: it asks for each of them, and is reported. */
__attribute__((weak)) char *__realpath_chk(const char *path, char *out, size_t size);
#pragma weak malloc

/* Bytes, with the path's end; 0: there is none, or it is not certain. */
static size_t path_of(long fd, char out[PATH_MAX], const struct stat *file)
{
    char name[32];
    struct stat st;
    long len;

    name_descriptor(fd, name);
    len = pass(SYS_readlinkat, AT_FDCWD, (long)name, (long)out, PATH_MAX);
    if (len <= 0 || len == PATH_MAX || *out != '/')
        return 0;
    out[len] = '\0';
    if (pass(SYS_newfstatat, AT_FDCWD, (long)out, (long)&st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !look_is_same(&st, file))
        return 0; /* it was removed, or lies elsewhere than this process sees */
    return (size_t)len + 1;
}

/* -ENOSYS: the C library is to find it. */
static long find_path(const char *path, char out[PATH_MAX], size_t *size)
{
    struct stat st;
    long fd = look_open(AT_FDCWD, path, O_PATH | O_CLOEXEC, &st);

    if (fd < 0)
        return fd;
    *size = path_of(fd, out, &st);
    call(SYS_close, fd, 0, 0, 0, 0, 0);
    return *size ? 0 : -ENOSYS;
}

/* What a C library without a way of its own does. */
static long ask_path(const char *path, char out[PATH_MAX], size_t *size)
{
    long fd = ask(SYS_openat, AT_FDCWD, (long)path, O_PATH | O_CLOEXEC, 0, 0), len;
    char name[32];

    if (fd < 0)
        return fd;
    name_descriptor(fd, name);
    len = ask(SYS_readlinkat, AT_FDCWD, (long)name, (long)out, PATH_MAX, 0);
    call(SYS_close, fd, 0, 0, 0, 0, 0);
    if (len < 0 || len == PATH_MAX)
        return len < 0 ? len : -ENAMETOOLONG;
    out[len] = '\0';
    *size = (size_t)len + 1;
    return 0;
}

/* The first name of a path that is not there, behind where it would lie. Bytes, or 0: that is not
 * certain. */
static size_t find_missing(const char *path, char out[PATH_MAX])
{
    char parent[PATH_MAX];
    size_t end = 0, name, size;
    long rc;

    while (path[end])
        end++;
    do {
        while (end && path[end - 1] == '/')
            end--;
        for (name = end; name && path[name - 1] != '/'; name--)
            ;
        if (name == end || name + 1 >= PATH_MAX || path[name] == '.') /* perhaps ".." */
            return 0;
        for (size_t i = 0; i < name; i++)
            parent[i] = path[i];
        parent[name] = '\0';
        rc = find_path(name ? parent : ".", out, &size);
    } while (rc == -ENOENT && (end = name));
    if (rc < 0 || size + end - name + 1 > PATH_MAX)
        return 0;
    size--;
    if (size > 1) /* not the root */
        out[size++] = '/';
    while (name < end)
        out[size++] = path[name++];
    out[size++] = '\0';
    return size;
}

static char *copy(const char *from, char *to, size_t size)
{
    if (!to)
        to = malloc(size);
    for (size_t i = 0; to && i < size; i++)
        to[i] = from[i];
    return to;
}

SHOWN char *realpath(const char *path, char *out)
{
    char found[PATH_MAX];
    size_t size;
    long rc = path && (out || malloc) ? find_path(path, found, &size) : -ENOSYS;

    /* The C library has in `out` up to where a path is real, and the name that is not there. */
    if (rc < 0 && rc != -ENOSYS && out) {
        size = rc == -ENOENT ? find_missing(path, found) : 0;
        if (size)
            copy(found, out, size);
        else
            rc = -ENOSYS;
    }
    if (rc == -ENOSYS && __realpath_chk)
        return __realpath_chk(path, out, (size_t)-1);
    if (rc == -ENOSYS)
        rc = path && (out || malloc) ? ask_path(path, found, &size) : -EINVAL;
    if (rc == 0)
        return copy(found, out, size);
    answer(rc);
    return NULL;
}
