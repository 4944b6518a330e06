/* SPDX-License-Identifier: MIT */
/* The end of the file, where changes are put: room is promised before a command, and most of what
 * is put there needs no system call. */
#include "store/state_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "file/own_file.h"

#define ROOM_MIN (256u * 1024u) /* kept free beyond one more copy of the state */
#define WINDOW   (256u * 1024u) /* of the file that is in memory: a multiple of all page sizes */

/* Room for all objects once more, which is the most that one command can change. */
static size_t room_needed(const struct state *s)
{
    return atomic_load(&s->end) + ROOM_MIN;
}

/* File systems without fallocate are asked how much is free. */
static int promise(struct state *s, size_t upto)
{
    struct statvfs fs;
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        upto > limit.rlim_cur)
        return -EFBIG;
    if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)upto) < 0) {
        if (errno != EOPNOTSUPP)
            return -errno;
        if (fstatvfs(s->fd, &fs) < 0)
            return -errno;
        return (uint64_t)fs.f_bavail * fs.f_frsize < upto - s->base ? -ENOSPC : 0;
    }
    s->allocated = upto;
    return 0;
}

int state_room_promise(struct state *s)
{
    size_t end = atomic_load(&s->end), needed = room_needed(s);
    int rc;

    if (s->allocated >= end + needed)
        return 0;
    rc = promise(s, end + 2 * needed);
    return rc < 0 ? promise(s, end + needed) : 0;
}

bool state_room_has_changes(const struct state *s)
{
    return atomic_load(&s->end) > s->base + ROOM_MIN;
}

static void close_window(struct state *s)
{
    if (s->window)
        munmap(s->window, WINDOW);
    s->window = NULL;
    s->window_from = s->window_end = 0;
}

void state_room_cut(struct state *s)
{
    size_t end = atomic_load(&s->end);

    close_window(s);
    if (end && ftruncate(s->fd, (off_t)end) == 0)
        s->allocated = end;
}

/* NULs from end up to upto: the file has these pages then, all at once, and what is wrong with the
 * medium shows here and not as a signal. */
static int fill(const struct state *s, size_t end, size_t upto)
{
    static const char nothing[WINDOW / 16];
    int rc = 0;

    for (size_t n; end < upto && rc == 0; end += n) {
        n = upto - end < sizeof nothing ? upto - end : sizeof nothing;
        rc = own_file_write(s->fd, (off_t)end, nothing, n);
    }
    return rc;
}

/* Whether a page that has its room needs no other when it is written again, as it does where files
 * are copied on write, and nobody else is asked. What fails in memory is a signal, not an error. */
static bool overwrites(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && (fs.f_type == EXT4_SUPER_MAGIC ||
                                     fs.f_type == XFS_SUPER_MAGIC || fs.f_type == TMPFS_MAGIC);
}

static bool map_window(struct state *s, size_t from)
{
    void *at = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, (off_t)from);

    if (at == MAP_FAILED)
        return false;
    s->window = at;
    s->window_from = from;
    s->window_end = from + WINDOW;
    if (madvise(at, WINDOW, MADV_POPULATE_WRITE) == 0)
        return true;
    close_window(s);
    return false;
}

/* Moves the window to the end of the file, if there is room for all of it. What fails once (before
 * Linux 5.14 pages cannot be populated) is not tried again. */
static void move_window(struct state *s)
{
    size_t end = atomic_load(&s->end), from = end - end % WINDOW;

    close_window(s);
    if (s->no_window || from + WINDOW > s->allocated)
        return;
    s->no_window = !overwrites(s->fd) || fill(s, end, from + WINDOW) < 0 || !map_window(s, from);
}

int state_room_append(struct state *s, const struct text *bytes)
{
    size_t end = atomic_load(&s->end);

    if (end + bytes->len > s->window_end)
        move_window(s);
    if (end + bytes->len > s->window_end)
        return own_file_write(s->fd, (off_t)end, bytes->data, bytes->len);
    memcpy(s->window + (end - s->window_from), bytes->data, bytes->len);
    return 0;
}
