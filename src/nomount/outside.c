/* SPDX-License-Identifier: MIT */
#include "nomount/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as in the kernel */

struct way {
    bool follow, quick;
    unsigned links;
    dev_t dev; /* of /dev, once the way leads there */
    size_t len;
    char at[PATH_MAX]; /* without links; "" is the root */
    char rest[2 * PATH_MAX];
};

static int open_path(const char *path, int flags, uint64_t resolve, bool quick)
{
    struct open_how how = {.flags = (unsigned)(O_PATH | O_CLOEXEC | flags),
                           .resolve = resolve | (quick ? RESOLVE_CACHED : 0)};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);

    return fd < 0 ? -errno : fd;
}

/* What is in none of these file systems. */
static bool is_elsewhere(int fd)
{
    static const char *const places[] = {"/sys", "/dev", "/proc"};
    struct stat place, found;

    if (fstat(fd, &found) < 0)
        return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (stat(places[i], &place) == 0 && place.st_dev == found.st_dev)
            return false;
    return true;
}

/* Whether the kernel, which follows links, finds something elsewhere. Those of /proc that lead to
 * another place for each process are not followed: it would be ours. */
static bool leads_elsewhere(const char *path, bool quick)
{
    int fd = open_path(path, 0, RESOLVE_NO_MAGICLINKS, quick);
    bool elsewhere = fd >= 0 && is_elsewhere(fd);

    if (fd >= 0)
        close(fd);
    return elsewhere;
}

/* 1: there are links, and it is not plain that they do not matter. Most paths have none: then the
 * kernel says so, in one call. Of the last component it is only asked if that matters, since a file
 * that is to be made has yet to be looked for. */
static int has_links(const char *path, bool follow, bool quick)
{
    char directory[PATH_MAX];
    int fd;

    if (!follow) {
        snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') + 1 - path), path);
        path = directory;
    }
    fd = open_path(path, 0, RESOLVE_NO_SYMLINKS, quick);
    if (fd >= 0)
        close(fd);
    if (fd == -ELOOP)
        return !leads_elsewhere(path, quick);
    return quick && fd == -EAGAIN ? fd : 0;
}

/* Links of the root file system can be read at once, as whatever is needed to run lies there. */
static bool is_on_root(const struct stat *st)
{
    struct stat root;

    return stat("/", &root) == 0 && root.st_dev == st->st_dev;
}

/* What is there, and where it leads if it is a link, else "". 0 or -errno. */
static int look(const struct way *w, struct stat *st, char target[PATH_MAX])
{
    int fd = open_path(w->at, O_NOFOLLOW, 0, w->quick), rc = 0;
    ssize_t len = 0;

    if (fd < 0)
        return fd;
    if (fstat(fd, st) < 0)
        rc = -errno;
    else if (S_ISLNK(st->st_mode) && w->quick && !is_on_root(st))
        rc = -EAGAIN;
    else if (S_ISLNK(st->st_mode))
        len = readlinkat(fd, "", target, PATH_MAX - 1);
    close(fd);
    target[len < 0 ? 0 : len] = '\0';
    return len < 0 ? -errno : rc;
}

static void step_up(struct way *w)
{
    while (w->len && w->at[--w->len] != '/')
        ;
    w->at[w->len] = '\0';
}

/* 0 or -ENAMETOOLONG. */
static int step_down(struct way *w, const char *name, size_t len)
{
    if (w->len + len + 2 > sizeof w->at)
        return -ENAMETOOLONG;
    w->at[w->len++] = '/';
    memcpy(w->at + w->len, name, len);
    w->len += len;
    w->at[w->len] = '\0';
    return 0;
}

/* What follows the link goes on behind its target. 0, -ELOOP or -ENAMETOOLONG. */
static int follow(struct way *w, const char *target, const char *rest)
{
    char joined[sizeof w->rest];

    if (++w->links > LINKS_MAX)
        return -ELOOP;
    if (snprintf(joined, sizeof joined, "%s%s", target, rest) >= (int)sizeof joined)
        return -ENAMETOOLONG;
    memcpy(w->rest, joined, sizeof joined);
    if (*target == '/')
        w->len = 0;
    else
        step_up(w);
    w->at[w->len] = '\0';
    return 0;
}

/* From there on others look, who know the machine; in /dev not below what is mounted there. */
static bool is_there(struct way *w, int rc, const struct stat *st)
{
    if (strcmp(w->at, "/sys") == 0 || strcmp(w->at, "/proc") == 0)
        return true;
    if (strcmp(w->at, "/dev") == 0) {
        w->dev = st->st_dev;
        return rc < 0;
    }
    return strncmp(w->at, "/dev/", 5) == 0 && (rc == -ENOENT || (rc == 0 && st->st_dev == w->dev));
}

/* Takes the first component off the rest. 1: there is more to do; 0: it is there; or -errno. */
static int step(struct way *w)
{
    const char *name = w->rest + strspn(w->rest, "/"), *rest;
    size_t len = strcspn(name, "/");
    char target[PATH_MAX] = "";
    struct stat st = {0};
    int rc = 0;

    if (!len)
        return -ENOENT; /* it has come to its end elsewhere */
    rest = name + len;
    if (len == 2 && memcmp(name, "..", 2) == 0)
        step_up(w);
    else if (len != 1 || *name != '.')
        rc = step_down(w, name, len);
    if (rc == 0 && w->len)
        rc = look(w, &st, target);
    if (w->len && rc != -EAGAIN && is_there(w, rc, &st)) {
        memmove(w->rest, rest, strlen(rest) + 1);
        return 0;
    }
    if (rc == 0 && *target && (w->follow || *rest))
        rc = follow(w, target, rest);
    else
        memmove(w->rest, rest, strlen(rest) + 1);
    return rc < 0 ? rc : 1;
}

int outside_lead(const char *path, bool follow, bool quick, char out[PATH_MAX])
{
    struct way w = {.follow = follow, .quick = quick};
    int rc = strlen(path) < PATH_MAX ? has_links(path, follow, quick) : 0;

    if (rc <= 0)
        return rc;
    strcpy(w.rest, path);
    while ((rc = step(&w)) > 0)
        ;
    if (rc < 0 || !w.links)
        return rc == -EAGAIN ? rc : 0;
    return snprintf(out, PATH_MAX, "%s%s", w.at, w.rest) < PATH_MAX;
}
