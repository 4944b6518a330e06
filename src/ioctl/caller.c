/* SPDX-License-Identifier: MIT */
#include "ioctl/caller.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "ioctl/lender.h"

#define PAGES_MAX     16    /* limit for copying on the event loop */
#define PAGE          4096u /* if real pages are larger, this only costs a little */
#define WINDOWS_BYTES 8192u
#define FDS_MAX       4096 /* limit of descriptors of a caller that are searched */

/* ENOSYS is another way of forbidding the call. */
static int failure(void)
{
    switch (errno) {
    case EPERM:
    case ENOSYS:
        return -EACCES;
    case ESRCH:
        return -ESRCH;
    default:
        return -EFAULT;
    }
}

typedef ssize_t vm_copy(pid_t, const struct iovec *, unsigned long, const struct iovec *,
                        unsigned long, unsigned long);

static int copy(const struct caller *c, vm_copy *how, const struct caller_piece *pieces,
                unsigned count)
{
    struct iovec local[CALLER_PIECES_MAX], remote[CALLER_PIECES_MAX];
    size_t len = 0;
    ssize_t n;

    for (unsigned i = 0; i < count; i++) {
        local[i] = (struct iovec){pieces[i].here, pieces[i].len};
        remote[i] = (struct iovec){(void *)(uintptr_t)pieces[i].address, pieces[i].len};
        len += pieces[i].len;
    }
    if (!len)
        return 0;
    if (!c->waits(c->line, c->id))
        return -ENODEV;
    n = how(c->thread, local, count, remote, count, 0);
    if (n < 0)
        return failure();
    return (size_t)n == len ? 0 : -EFAULT;
}

static uint64_t first_page(const struct caller_piece *p)
{
    return p->address / PAGE;
}

static uint64_t last_page(const struct caller_piece *p)
{
    return (p->address + p->len - 1) / PAGE;
}

/* Extends window to include the piece, if that adds no further page. */
static bool widen(struct caller_piece *window, const struct caller_piece *p)
{
    uint64_t end = window->address + window->len;

    if (first_page(p) > last_page(window) + 1 || last_page(p) + 1 < first_page(window))
        return false;
    if (p->address + p->len > end)
        end = p->address + p->len;
    if (p->address < window->address)
        window->address = p->address;
    window->len = end - window->address;
    return true;
}

/* Computes ranges that contain all pieces. Returns their number; 0: the pieces are too large or
 * invalid. */
static unsigned windows_of(const struct caller_piece *pieces, unsigned count,
                           struct caller_piece *windows, uint8_t room[WINDOWS_BYTES])
{
    unsigned n = 0;
    size_t len = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned w = 0;

        if (pieces[i].len > WINDOWS_BYTES || pieces[i].address + pieces[i].len < pieces[i].len)
            return 0;
        while (pieces[i].len && w < n && !widen(&windows[w], &pieces[i]))
            w++;
        if (pieces[i].len && w == n)
            windows[n++] = pieces[i];
    }
    for (unsigned w = 0; w < n; w++) {
        if (windows[w].len > WINDOWS_BYTES - len)
            return 0;
        windows[w].here = room + len;
        len += windows[w].len;
    }
    return n;
}

static void take_out(const struct caller_piece *p, const struct caller_piece *windows)
{
    while (p->len &&
           (p->address < windows->address || p->address + p->len > windows->address + windows->len))
        windows++;
    if (p->len)
        memcpy(p->here, (const uint8_t *)windows->here + (p->address - windows->address), p->len);
}

/*
 * The kernel looks up the pages of each range separately, so operands that are close together
 * (members of a structure, or on the stack) are read as one range, including what is between them.
 */
static int read_windows(const struct caller *c, const struct caller_piece *pieces, unsigned count)
{
    struct caller_piece windows[CALLER_PIECES_MAX];
    uint8_t room[WINDOWS_BYTES];
    unsigned n = count > 1 ? windows_of(pieces, count, windows, room) : 0;
    int rc;

    if (!n)
        return copy(c, process_vm_readv, pieces, count);
    rc = copy(c, process_vm_readv, windows, n);
    for (unsigned i = 0; i < count && rc == 0; i++)
        take_out(&pieces[i], windows);
    for (unsigned w = 0; w < n; w++)
        explicit_bzero(windows[w].here, windows[w].len);
    return rc;
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

/* Whether the program itself could write, or read, there. */
static bool may_access(FILE *maps, uintptr_t at, size_t len, bool write)
{
    uintptr_t start, end;
    size_t size = 0;
    char *line = NULL, mode[5];

    rewind(maps);
    while (len && getline(&line, &size, maps) > 0 &&
           sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, mode) == 3 && start <= at) {
        size_t here = at < end ? end - at : 0;

        if (here && (write ? mode[1] != 'w' : mode[0] != 'r'))
            break;
        len -= here < len ? here : len;
        at += here;
    }
    free(line);
    return len == 0;
}

static int move_piece(int memory, FILE *maps, const struct caller_piece *p, bool write)
{
    ssize_t n;

    if (!may_access(maps, (uintptr_t)p->address, p->len, write))
        return -EFAULT;
    n = write ? pwrite(memory, p->here, p->len, (off_t)p->address)
              : pread(memory, p->here, p->len, (off_t)p->address);
    return n >= 0 && (size_t)n == p->len ? 0 : -EFAULT;
}

static bool still_waits(const void *data)
{
    const struct caller *c = data;

    return c->waits(c->line, c->id);
}

static int open_memory(const struct caller *c, bool write)
{
    int fd = open_proc(c->thread, "mem", write ? O_WRONLY : O_RDONLY);

    return fd == -EACCES ? lender_open(c->home, c->thread, still_waits, c) : fd;
}

/* Both files refer to the memory that the thread had when they were opened. mem ignores page
 * protections, as for a debugger, hence the check by maps. */
static int move_by_file(const struct caller *c, const struct caller_piece *pieces, unsigned count,
                        bool write)
{
    int memory = open_memory(c, write), list, rc;
    FILE *maps = NULL;

    if (memory < 0)
        return memory;
    rc = list = open_proc(c->thread, "maps", O_RDONLY);
    if (list >= 0) {
        maps = fdopen(list, "r");
        rc = !maps ? -ENOMEM : c->waits(c->line, c->id) ? 0 : -ENODEV;
    }
    for (unsigned i = 0; rc == 0 && i < count; i++)
        rc = move_piece(memory, maps, &pieces[i], write);
    if (maps)
        fclose(maps);
    else if (list >= 0)
        close(list);
    close(memory);
    return rc;
}

int caller_read(const struct caller *c, const struct caller_piece *pieces, unsigned count)
{
    int rc = read_windows(c, pieces, count);

    if (rc == -EACCES)
        rc = move_by_file(c, pieces, count, false);
    if (rc < 0 || !c->careful || c->waits(c->line, c->id))
        return rc;
    for (unsigned i = 0; i < count; i++)
        explicit_bzero(pieces[i].here, pieces[i].len);
    return -ENODEV;
}

int caller_write(const struct caller *c, const struct caller_piece *pieces, unsigned count)
{
    int rc = c->careful ? -EACCES : copy(c, process_vm_writev, pieces, count);

    return rc == -EACCES ? move_by_file(c, pieces, count, true) : rc;
}

bool caller_line_is_quiet(int line, short events)
{
    struct pollfd fd = {.fd = line, .events = events};

    return poll(&fd, 1, 0) == 0;
}

bool caller_trusted(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

bool caller_is_ours(pid_t process)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d", (int)process);
    return geteuid() == 0 || (stat(path, &st) == 0 && st.st_uid == geteuid());
}

int caller_probe(pid_t thread)
{
    char byte;
    struct iovec here = {&byte, 1}, nowhere = {NULL, 1};
    int memory;

    /* Rights are looked at first, and then nothing is there. */
    if (process_vm_readv(thread, &here, 1, &nowhere, 1, 0) >= 0 ||
        (errno != EPERM && errno != ENOSYS))
        return 0;
    memory = open_proc(thread, "mem", O_RDWR);
    if (memory < 0)
        return memory;
    close(memory);
    return 0;
}

/* Adds the pages of a piece. False: too many. */
static bool add_pages(const struct caller_piece *piece, void *pages[PAGES_MAX], unsigned *count)
{
    if (!piece->len)
        return true;
    if (piece->address + piece->len - 1 < piece->address ||
        last_page(piece) - first_page(piece) >= PAGES_MAX)
        return false;
    for (uint64_t at = first_page(piece); at <= last_page(piece); at++) {
        void *page = (void *)(uintptr_t)(at * PAGE);
        unsigned i = 0;

        while (i < *count && pages[i] != page)
            i++;
        if (i == PAGES_MAX)
            return false;
        pages[i] = page;
        *count += i == *count;
    }
    return true;
}

static struct caller_seen *seen_of(struct caller_seen *seen, uint64_t call, void *page)
{
    return &seen[((uintptr_t)page / PAGE + 61 * call) % CALLER_SEEN_SIZE];
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool caller_resident(struct caller_seen seen[CALLER_SEEN_SIZE], pid_t thread, uint64_t call,
                     const struct caller_piece *wanted, unsigned count)
{
    unsigned page_count = 0, unseen = 0;
    void *pages[PAGES_MAX];
    int status[PAGES_MAX];
    uint64_t time = now();

    if (lender_exists())
        return false;
    for (unsigned i = 0; i < count; i++)
        if (!add_pages(&wanted[i], pages, &page_count))
            return false;
    for (unsigned i = 0; i < page_count; i++) {
        const struct caller_seen *s = seen_of(seen, call, pages[i]);

        if (s->call != call || s->page != (uintptr_t)pages[i] || time - s->when > CALLER_SEEN_NS)
            pages[unseen++] = pages[i];
    }
    /* Without target nodes move_pages moves nothing; it only reports which pages are present. */
    if (unseen && syscall(SYS_move_pages, thread, (unsigned long)unseen, pages, NULL, status, 0))
        return false;
    for (unsigned i = 0; i < unseen; i++) {
        if (status[i] < 0)
            return false;
        *seen_of(seen, call, pages[i]) = (struct caller_seen){call, (uintptr_t)pages[i], time};
    }
    return true;
}

pid_t caller_process(pid_t thread)
{
    static const char name[] = "\nTgid:\t";
    char text[1024], *at; /* Tgid is the fourth line; a newline in the name is escaped */
    int fd = open_proc(thread, "status", O_RDONLY), process;
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    at = strstr(text, name);
    if (!at || number_parse_int(at + strlen(name), strspn(at + strlen(name), "0123456789"), 10,
                                &process) < 0)
        return thread;
    return process;
}

/* A number of the first lines of fdinfo; what follows can be long. */
static int64_t fd_info(pid_t thread, int fd, const char *name, int base)
{
    char file[32], text[128], *found;
    ssize_t len;
    int info;

    snprintf(file, sizeof file, "fdinfo/%d", fd);
    info = open_proc(thread, file, O_RDONLY);
    if (info < 0)
        return -1;
    len = read(info, text, sizeof text - 1);
    close(info);
    text[len < 0 ? 0 : len] = '\0';
    found = strstr(text, name);
    return found ? strtoll(found + strlen(name), NULL, base) : -1;
}

int caller_fd_flags(pid_t thread, int fd)
{
    return (int)fd_info(thread, fd, "flags:", 8);
}

int64_t caller_fd_offset(pid_t thread, int fd)
{
    return fd_info(thread, fd, "pos:", 10);
}

/* Of a thread, whose descriptors may be its own; before Linux 6.9 there are only those of
 * processes. */
static int open_pidfd(pid_t thread)
{
    int fd = (int)syscall(SYS_pidfd_open, thread, O_EXCL);

    return fd < 0 && errno == EINVAL ? (int)syscall(SYS_pidfd_open, caller_process(thread), 0) : fd;
}

static bool is_same_file(pid_t thread, int fd, int copy)
{
    struct statx theirs, ours;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)thread, fd);
    return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &theirs) == 0 &&
           statx(copy, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &ours) == 0 &&
           theirs.stx_ino == ours.stx_ino && theirs.stx_dev_major == ours.stx_dev_major &&
           theirs.stx_dev_minor == ours.stx_dev_minor;
}

int caller_take_fd(pid_t thread, int fd)
{
    int process = open_pidfd(thread), copy;

    if (process < 0)
        return errno == ENOSYS || errno == EPERM ? -EACCES : -errno;
    copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    if (copy < 0)
        copy = errno == EPERM || errno == ENOSYS ? -EACCES : -errno;
    close(process);
    if (copy >= 0 && !is_same_file(thread, fd, copy)) {
        close(copy);
        return -EBADF;
    }
    return copy;
}

/* The daemon lacks descriptors or memory; that is not the caller's fault. */
static bool is_shortage(int err)
{
    return err == EMFILE || err == ENFILE || err == ENOMEM;
}

/* As caller_check_file, for one descriptor. AT_STATX_DONT_SYNC: does not access the file system,
 * which may be our own. fdinfo would not do, because its text can be long. */
static int fd_names(int dir, const char *name, uint64_t ino)
{
    const int how = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
    int fd = openat(dir, name, O_PATH | O_CLOEXEC);
    struct statx st;
    bool same;

    if (fd < 0)
        return is_shortage(errno)                  ? -errno
               : errno == EACCES || errno == EPERM ? -EACCES
                                                   : -EOPNOTSUPP;
    same = statx(fd, "", how, STATX_INO, &st) == 0 && st.stx_ino == ino;
    close(fd);
    return same ? 0 : -EOPNOTSUPP;
}

int caller_check_file(pid_t thread, uint64_t ino)
{
    char path[64];
    int rc = -EOPNOTSUPP;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)thread);
    dir = opendir(path);
    if (!dir && is_shortage(errno))
        return -errno;
    if (!dir)
        return errno == EACCES || errno == EPERM ? -EACCES : -EOPNOTSUPP;
    for (unsigned i = 0; rc == -EOPNOTSUPP && i < FDS_MAX; i++) {
        struct dirent *e = readdir(dir);

        if (!e)
            break;
        if (*e->d_name != '.')
            rc = fd_names(dirfd(dir), e->d_name, ino);
    }
    closedir(dir);
    return rc;
}
