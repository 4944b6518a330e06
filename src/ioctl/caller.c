/* SPDX-License-Identifier: MIT */
#include "ioctl/caller.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGES_MAX    16   /* that are copied without a thread of their own */
#define FDS_MAX      4096 /* of a caller that are looked through */
#define FDINFO_BYTES 256

static int failure(void)
{
    switch (errno) {
    case EPERM:
        return -EACCES;
    case ESRCH:
        return -ESRCH;
    default:
        return -EFAULT;
    }
}

int caller_read(const struct caller *c, const struct iovec *remote, unsigned count, void *out,
                size_t len)
{
    struct iovec local = {out, len};
    ssize_t n;

    if (!len)
        return 0;
    if (!c->waits(c->line, c->id))
        return -ENODEV;
    n = process_vm_readv(c->thread, &local, 1, remote, count, 0);
    if (n < 0)
        return failure();
    if (c->careful && !c->waits(c->line, c->id)) {
        explicit_bzero(out, len);
        return -ENODEV;
    }
    return (size_t)n == len ? 0 : -EFAULT;
}

static int open_proc(pid_t thread, const char *name, int flags)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)thread, name);
    fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    switch (errno) {
    case EACCES:
    case EPERM:
        return -EACCES;
    case ENOENT:
        return -ESRCH;
    default:
        return -errno;
    }
}

/* Whether the program itself might write there. */
static bool may_write(FILE *maps, uintptr_t at, size_t len)
{
    uintptr_t start, end;
    size_t size = 0;
    char *line = NULL, mode[5];

    rewind(maps);
    while (len && getline(&line, &size, maps) > 0 &&
           sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, mode) == 3 && start <= at) {
        size_t here = at < end ? end - at : 0;

        if (here && mode[1] != 'w')
            break;
        len -= here < len ? here : len;
        at += here;
    }
    free(line);
    return len == 0;
}

static int write_piece(int memory, FILE *maps, const struct iovec *remote,
                       const struct iovec *local)
{
    uintptr_t at = (uintptr_t)remote->iov_base;
    ssize_t n;

    if (!may_write(maps, at, local->iov_len))
        return -EFAULT;
    n = pwrite(memory, local->iov_base, local->iov_len, (off_t)at);
    return n >= 0 && (size_t)n == local->iov_len ? 0 : -EFAULT;
}

/* Both files stand for the memory that the thread had when they were opened. The first one may
 * write wherever a debugger may. */
static int write_carefully(const struct caller *c, const struct iovec *remote,
                           const struct iovec *local, unsigned count)
{
    int memory = open_proc(c->thread, "mem", O_WRONLY), list, rc;
    FILE *maps = NULL;

    if (memory < 0)
        return memory;
    rc = list = open_proc(c->thread, "maps", O_RDONLY);
    if (list >= 0) {
        maps = fdopen(list, "r");
        rc = !maps ? -ENOMEM : c->waits(c->line, c->id) ? 0 : -ENODEV;
    }
    for (unsigned i = 0; rc == 0 && i < count; i++)
        rc = write_piece(memory, maps, &remote[i], &local[i]);
    if (maps)
        fclose(maps);
    else if (list >= 0)
        close(list);
    close(memory);
    return rc;
}

int caller_write(const struct caller *c, const struct iovec *remote, const struct iovec *local,
                 unsigned count)
{
    size_t len = 0;
    ssize_t n;

    for (unsigned i = 0; i < count; i++)
        len += local[i].iov_len;
    if (!len)
        return 0;
    if (c->careful)
        return write_carefully(c, remote, local, count);
    if (!c->waits(c->line, c->id))
        return -ENODEV;
    n = process_vm_writev(c->thread, local, count, remote, count, 0);
    if (n < 0)
        return failure();
    return (size_t)n == len ? 0 : -EFAULT;
}

/* Adds the pages of one piece; false: too many. */
static bool add_pages(const struct iovec *piece, void *pages[PAGES_MAX], unsigned *count)
{
    const uintptr_t size = 4096; /* a smaller step than the real page only costs a little */
    uintptr_t at = (uintptr_t)piece->iov_base & ~(size - 1);
    uintptr_t last = (uintptr_t)piece->iov_base + piece->iov_len - 1;

    if (!piece->iov_len)
        return true;
    if (last < (uintptr_t)piece->iov_base || (last - at) / size >= PAGES_MAX)
        return false;
    for (; at <= last && at + size; at += size) {
        unsigned i = 0;

        while (i < *count && pages[i] != (void *)at)
            i++;
        if (i == PAGES_MAX)
            return false;
        pages[i] = (void *)at;
        *count += i == *count;
    }
    return true;
}

static struct caller_seen *seen_of(struct caller_seen *seen, pid_t thread, void *page)
{
    return &seen[((uintptr_t)page / 4096 * 31 + (unsigned)thread) % CALLER_SEEN_SIZE];
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool caller_resident(struct caller_seen seen[CALLER_SEEN_SIZE], pid_t thread,
                     const struct iovec *remote, unsigned count)
{
    unsigned page_count = 0, unseen = 0;
    void *pages[PAGES_MAX];
    int status[PAGES_MAX];
    uint64_t time = now();

    for (unsigned i = 0; i < count; i++)
        if (!add_pages(&remote[i], pages, &page_count))
            return false;
    for (unsigned i = 0; i < page_count; i++) {
        const struct caller_seen *s = seen_of(seen, thread, pages[i]);

        if (s->thread != thread || s->page != (uintptr_t)pages[i] ||
            time - s->when > CALLER_SEEN_NS)
            pages[unseen++] = pages[i];
    }
    /* Without target nodes nothing moves: it only tells where pages are, or that they are not. */
    if (unseen && syscall(SYS_move_pages, thread, (unsigned long)unseen, pages, NULL, status, 0))
        return false;
    for (unsigned i = 0; i < unseen; i++) {
        if (status[i] < 0)
            return false;
        *seen_of(seen, thread, pages[i]) = (struct caller_seen){thread, (uintptr_t)pages[i], time};
    }
    return true;
}

static bool fdinfo_names(int dir, const char *name, uint64_t ino)
{
    char text[FDINFO_BYTES + 1], *line;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, FDINFO_BYTES);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    line = strstr(text, "\nino:");
    return line && strtoull(line + 5, NULL, 10) == ino;
}

int caller_check_file(pid_t thread, uint64_t ino)
{
    char path[64];
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)thread);
    dir = opendir(path);
    if (!dir)
        return errno == EACCES || errno == EPERM ? -EACCES : -EOPNOTSUPP;
    for (unsigned i = 0; !found && i < FDS_MAX; i++) {
        struct dirent *e = readdir(dir);

        if (!e)
            break;
        found = *e->d_name != '.' && fdinfo_names(dirfd(dir), e->d_name, ino);
    }
    closedir(dir);
    return found ? 0 : -EOPNOTSUPP;
}
