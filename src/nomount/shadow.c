/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nomount/shadow.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define FILE_MODE 0644
/* Nobody reads it: readlink(2) is reported, too. */
#define TARGET "machine"

int shadow_open(const char *path, struct shadow *out)
{
    struct stat st;
    char link[64];
    ssize_t len;

    *out = (struct shadow){.version = 1};
    out->root = open(path, DIRECTORY);
    if (out->root < 0)
        return -errno;
    if (fstat(out->root, &st) == 0)
        out->device = st.st_dev;
    snprintf(link, sizeof link, "/proc/self/fd/%d", out->root);
    len = readlink(link, out->path, sizeof out->path - 1);
    if (len < 0) {
        int err = errno;

        close(out->root);
        return -err;
    }
    out->path[len] = '\0';
    out->len = (size_t)len;
    return 0;
}

void shadow_close(struct shadow *s)
{
    if (s->len)
        close(s->root);
    s->len = 0;
}

/* A descriptor, or -1 with errno. Programs of this user can change the directory; a link there
 * leads nowhere, least of all to what would be removed. */
static int open_as(const struct shadow *s, const char *path, uint64_t flags)
{
    const char *below = path + strspn(path, "/");
    struct open_how how = {.flags = flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};

    return (int)syscall(SYS_openat2, s->root, *below ? below : ".", &how, sizeof how);
}

static int open_below(const struct shadow *s, const char *path)
{
    return open_as(s, path, DIRECTORY);
}

/* Regardless of the umask: others than the daemon's user go through it. */
int shadow_make(int parent, const char *name)
{
    if (mkdirat(parent, name, 0755) < 0)
        return -errno;
    return fchmodat(parent, name, 0755, 0) < 0 ? -errno : 0;
}

static int make_in(int parent, const char *name)
{
    int rc = shadow_make(parent, name);

    close(parent);
    return rc == -EEXIST ? 0 : rc;
}

/* Makes the directory and those above it. */
static int make(const struct shadow *s, const char *path)
{
    char above[PATH_MAX] = "", name[NAME_MAX + 1];
    const char *at = path + strspn(path, "/");

    while (*at) {
        size_t len = strcspn(at, "/");
        int parent = open_below(s, above), rc;

        if (parent < 0)
            return -errno;
        snprintf(name, sizeof name, "%.*s", (int)len, at);
        rc = make_in(parent, name);
        if (rc < 0)
            return rc;
        at += len;
        snprintf(above, sizeof above, "%.*s", (int)(at - path), path);
        at += strspn(at, "/");
    }
    return 0;
}

int shadow_directory(const struct shadow *s, const char *path)
{
    int fd = open_below(s, path), rc;

    if (fd >= 0 || errno != ENOENT)
        return fd < 0 ? -errno : fd;
    rc = make(s, path);
    if (rc < 0)
        return rc;
    fd = open_below(s, path);
    return fd < 0 ? -errno : fd;
}

bool shadow_is_current(const struct shadow *s, int directory)
{
    struct stat st;

    return fstat(directory, &st) == 0 && st.st_mtim.tv_nsec == 0 &&
           (uint64_t)st.st_mtim.tv_sec == s->version;
}

void shadow_list(struct shadow_listing *l, char kind, const char *name)
{
    text_add(&l->entries, &kind, 1);
    text_add(&l->entries, name, strlen(name) + 1);
    l->count++;
}

static int by_name(const void *a, const void *b)
{
    const char *const *one = a, *const *other = b;

    return strcmp(*one + 1, *other + 1); /* behind the kind */
}

/* Pointers to all entries, in the order of their names. */
static const char **sorted(const struct shadow_listing *l)
{
    const char **all = xcalloc(l->count + 1, sizeof *all), *at = l->entries.data;

    for (unsigned i = 0; i < l->count; i++) {
        all[i] = at;
        at += strlen(at) + 1;
    }
    qsort(all, l->count, sizeof *all, by_name);
    return all;
}

/* A directory with all that is in it, or anything else. */
static void remove_entry(int at, const char *name)
{
    struct dirent *e;
    int fd;
    DIR *d;

    if (unlinkat(at, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
        return;
    fd = openat(at, name, DIRECTORY);
    d = fd < 0 ? NULL : fdopendir(fd);
    while (d && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_entry(fd, e->d_name);
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
    unlinkat(at, name, AT_REMOVEDIR);
}

/* Removes what is not among the entries, and marks those that are there. */
static void remove_others(int directory, const struct shadow_listing *l, const char **all,
                          bool *there)
{
    int fd = openat(directory, ".", DIRECTORY);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    char key[NAME_MAX + 2];
    const char *wanted = key, **found;
    struct dirent *e;

    while (d && (e = readdir(d))) {
        snprintf(key, sizeof key, "?%s", e->d_name);
        found = bsearch(&wanted, all, l->count, sizeof *all, by_name);
        if (found)
            there[found - all] = true;
        else if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_entry(directory, e->d_name);
    }
    if (d)
        closedir(d);
    else if (fd >= 0)
        close(fd);
}

/* A file as a further link to the one called first, which takes less memory; where that is not
 * possible, as the file system has a limit of links, one of its own. */
static int make_file(int directory, const char *name, const char **first)
{
    int fd;

    if (*first && linkat(directory, *first, directory, name, 0) == 0)
        return 0;
    fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -errno;
    close(fd);
    *first = name;
    return 0;
}

static int make_entry(int directory, const char *entry, const char **first)
{
    const char *name = entry + 1;
    int rc;

    switch (*entry) {
    case 'd':
        rc = shadow_make(directory, name);
        break;
    case 'l':
        rc = symlinkat(TARGET, directory, name) < 0 ? -errno : 0;
        break;
    default:
        rc = make_file(directory, name, first);
    }
    return rc == -EEXIST ? 0 : rc;
}

static int fill(int directory, const struct shadow_listing *l, const char **all, bool *there)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)l->version}};
    const char *first = NULL;
    int rc = 0;

    remove_others(directory, l, all, there);
    for (unsigned i = 0; i < l->count && rc == 0; i++)
        if (!there[i])
            rc = make_entry(directory, all[i], &first);
    if (rc == 0 && futimens(directory, times) < 0)
        rc = -errno;
    return rc;
}

/* One at a time: of two fills of a directory with different versions it would get a part of each.
 */
int shadow_fill(int directory, const struct shadow_listing *l)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const char **all = sorted(l);
    bool *there = xcalloc(l->count + 1, sizeof *there);
    int rc;

    pthread_mutex_lock(&lock);
    rc = fill(directory, l, all, there);
    pthread_mutex_unlock(&lock);
    free(there);
    free(all);
    return rc;
}

void shadow_remove(const struct shadow *s, const char *path, const char *name)
{
    int fd = open_below(s, path);

    if (fd < 0)
        return;
    remove_entry(fd, name);
    close(fd);
}

#define PLAIN (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define OWN   ".own"

/* Without being seen by who watches the directory. */
static int open_unseen(const struct shadow *s, const char *path)
{
    return open_as(s, path, DIRECTORY | O_PATH);
}

static bool has_own(int directory, const char *name)
{
    struct stat st;

    return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_nlink == 1;
}

/* Made where nobody watches. */
static int make_own(const struct shadow *s, int directory, const char *name)
{
    int fd;

    unlinkat(s->root, OWN, 0);
    fd = openat(s->root, OWN, O_WRONLY | O_CREAT | O_EXCL | PLAIN, FILE_MODE);
    if (fd < 0)
        return -errno;
    close(fd);
    return renameat(s->root, OWN, directory, name) < 0 ? -errno : 0;
}

int shadow_file(const struct shadow *s, const char *path, const char *name)
{
    int directory = shadow_directory(s, path), fd, rc;

    if (directory < 0)
        return directory;
    close(directory);
    directory = open_unseen(s, path);
    if (directory < 0)
        return -errno;
    rc = has_own(directory, name) ? 0 : make_own(s, directory, name);
    fd = rc < 0 ? rc : openat(directory, name, O_RDONLY | PLAIN);
    if (rc == 0 && fd < 0)
        fd = -errno;
    close(directory);
    return fd;
}

void shadow_touch(const struct shadow *s, const char *path, const char *name, bool written)
{
    int directory = open_unseen(s, path), fd;

    if (directory < 0)
        return; /* nobody has looked there */
    if (written) {
        fd = openat(directory, name, O_WRONLY | O_CREAT | PLAIN, FILE_MODE);
        if (fd >= 0 && ftruncate(fd, 0) < 0)
            errno = 0; /* it is another kind of file by now */
        if (fd >= 0)
            close(fd);
    } else if (utimensat(directory, name, NULL, AT_SYMLINK_NOFOLLOW) < 0) {
        errno = 0;
    }
    close(directory);
}
