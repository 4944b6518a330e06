/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nomount/internal.h"

/*
 * sendfile(2) and splice(2) into an attribute: the data come from another open file of the caller,
 * and are taken from there only when they have been stored. The kernel may move less than it is
 * asked for, so one call is one store.
 */

#define LOOK_MS 100 /* how often a caller that waits for data is looked after */

#define KNOWN 0x0fu /* flags of splice(2) */

static bool is_sendfile(const struct nomount_call *c)
{
    return c->request.deed == NOMOUNT_SENDFILE;
}

static size_t wanted(const struct nomount_call *c)
{
    return c->request.size < sizeof c->data ? c->request.size : sizeof c->data;
}

/* What the call is about. */
struct ends {
    bool known; /* both are open */
    bool reads, writes, appends;
    mode_t kind; /* of the file that the data come from */
};

static void link_of(const struct nomount_call *c, char out[64])
{
    snprintf(out, 64, "/proc/%d/fd/%d", (int)c->caller.thread, c->request.at2);
}

static struct ends look(const struct nomount_call *c)
{
    int from = caller_fd_flags(c->caller.thread, c->request.at2);
    int to = caller_fd_flags(c->caller.thread, c->request.at);
    struct statx st = {0};
    char path[64];

    link_of(c, path);
    if (from < 0 || to < 0 || from & O_PATH ||
        statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
        return (struct ends){0};
    return (struct ends){.known = true,
                         .reads = (from & O_ACCMODE) != O_WRONLY,
                         .writes = (to & O_ACCMODE) != O_RDONLY,
                         .appends = to & O_APPEND,
                         .kind = st.stx_mode & S_IFMT};
}

static bool is_ours(const struct nomount_call *c, int fd)
{
    struct behind b;

    behind_look(c->n, c->caller.thread, fd, &b);
    return b.kind == BEHIND_FILE;
}

/* All in the kernel's order. */
int splice_refuse_copy(const struct nomount_call *c)
{
    const struct ends e = look(c);

    if (e.known && e.kind != S_IFREG)
        return e.kind == S_IFDIR ? -EISDIR : -EINVAL;
    if (!e.known || !e.reads || !e.writes || e.appends)
        return -EBADF;
    return is_ours(c, c->request.at2) ? -EINVAL : -EXDEV;
}

/* fault: of the offset. */
static int check_sendfile(const struct nomount_call *c, const struct ends *e, int fault)
{
    if (fault < 0)
        return fault;
    if (!e->known || !e->reads)
        return -EBADF;
    if (c->request.out && (e->kind == S_IFIFO || e->kind == S_IFSOCK))
        return -ESPIPE;
    if (c->offset < 0)
        return -EINVAL;
    if (!e->writes)
        return -EBADF;
    return c->node || e->appends || (e->kind != S_IFREG && e->kind != S_IFBLK) ? -EINVAL : 0;
}

static int check_splice(const struct nomount_call *c, const struct ends *e, int fault)
{
    if (c->request.flags & ~(uint64_t)KNOWN)
        return -EINVAL;
    if (!e->known)
        return -EBADF;
    if (e->kind == S_IFIFO && c->request.path2)
        return -ESPIPE;
    if (fault < 0)
        return fault;
    if (!e->reads || !e->writes)
        return -EBADF;
    return c->node || e->appends || e->kind != S_IFIFO || c->offset < 0 ? -EINVAL : 0;
}

/* For reading alone: where the system forbids more, the offset of a file cannot be moved. It is by
 * this process's rights, so for who has them as well. */
static int open_again(const struct nomount_call *c)
{
    char path[64];
    int fd = -1;

    link_of(c, path);
    if ((!is_sendfile(c) || c->request.out) && c->user.uid == geteuid() &&
        user_is_as_able(c->caller.thread))
        fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -EINVAL : fd;
}

static int open_input(struct nomount_call *c)
{
    c->input = caller_take_fd(c->caller.thread, c->request.at2);
    if (c->input == -EACCES)
        c->input = open_again(c);
    return c->input < 0 ? c->input : 0;
}

static int read_file(struct nomount_call *c)
{
    ssize_t len;

    if (!c->request.out)
        c->offset = lseek(c->input, 0, SEEK_CUR);
    len = pread(c->input, c->data, wanted(c), c->offset);
    c->len = len < 0 ? 0 : (size_t)len;
    return len < 0 ? -errno : 0;
}

/* Copies what is in the pipe to another one, once there is something. */
static ssize_t look_into(const struct nomount_call *c, int line, int to)
{
    int flags = caller_fd_flags(c->caller.thread, c->request.at2);
    bool stays = c->request.flags & SPLICE_F_NONBLOCK || (flags >= 0 && flags & O_NONBLOCK);
    struct pollfd pipe = {.fd = c->input, .events = POLLIN};
    ssize_t len;

    while ((len = tee(c->input, to, wanted(c), SPLICE_F_NONBLOCK)) < 0 && errno == EAGAIN &&
           !stays) {
        if (!c->waits(line, c->caller.id))
            return -ESRCH;
        poll(&pipe, 1, LOOK_MS);
    }
    return len < 0 ? -errno : len;
}

static int read_pipe(struct nomount_call *c, int line)
{
    int ends[2];
    ssize_t len;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    len = look_into(c, line, ends[1]);
    if (len > 0)
        len = read(ends[0], c->data, (size_t)len);
    close(ends[0]);
    close(ends[1]);
    c->len = len < 0 ? 0 : (size_t)len;
    return len < 0 ? (int)len : 0;
}

static int read_offset(struct nomount_call *c, int line)
{
    const struct caller caller = call_caller(c, line);
    const struct caller_piece piece = {c->request.out, sizeof c->offset, &c->offset};

    c->offset = 0;
    return c->request.out ? caller_read(&caller, &piece, 1) : 0;
}

int splice_read(struct nomount_call *c, int line)
{
    const struct ends ends = look(c);
    int rc;

    c->len = 0;
    if (!is_sendfile(c) && !c->request.size)
        return 0;
    rc = read_offset(c, line);
    rc = is_sendfile(c) ? check_sendfile(c, &ends, rc) : check_splice(c, &ends, rc);
    if (rc == 0)
        rc = open_input(c);
    if (rc < 0)
        return rc;
    return is_sendfile(c) ? read_file(c) : read_pipe(c, line);
}

/* Never waits, should another reader have been faster. */
static int drain(const struct nomount_call *c)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    splice(c->input, NULL, ends[1], NULL, (size_t)c->result, SPLICE_F_NONBLOCK);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

int splice_take(struct nomount_call *c, int line)
{
    const struct caller caller = call_caller(c, line);
    const struct caller_piece piece = {c->request.out, sizeof c->offset, &c->offset};
    int rc = 0;

    c->offset += c->result;
    if (!is_sendfile(c))
        rc = drain(c);
    else if (!c->request.out && lseek(c->input, c->offset, SEEK_SET) < 0)
        rc = -errno;
    return rc == 0 && c->request.out ? caller_write(&caller, &piece, 1) : rc;
}
