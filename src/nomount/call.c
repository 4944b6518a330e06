/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/text.h"
#include "nomount/internal.h"
#include "nomount/outside.h"

/* The conversation with a caller: its memory, the order of stages, the answer. */

#define CHUNK 512u /* bytes of a path that are read at a time */
#define PAGE  4096u

#define LOOKS_MAX 40

/* quick: -EAGAIN instead of waiting. */
static int copy_in(struct nomount_call *c, int line, bool quick, uint64_t address, void *out,
                   size_t len)
{
    const struct caller caller = call_caller(c, line);
    const struct caller_piece piece = {address, len, out};

    if (quick && !caller_resident(c->n->seen, c->caller.thread, c->caller.id, &piece, 1))
        return -EAGAIN;
    return caller_read(&caller, &piece, 1);
}

/* Not beyond the end of a page, behind which there may be nothing. */
static int read_path(struct nomount_call *c, int line, bool quick, uint64_t address, char *out)
{
    size_t at = 0;

    while (address && at < PATH_MAX) {
        size_t len = PAGE - (address + at) % PAGE;
        int rc;

        len = len < CHUNK ? len : CHUNK;
        len = len < PATH_MAX - at ? len : PATH_MAX - at;
        rc = copy_in(c, line, quick, address + at, out + at, len);
        if (rc < 0)
            return rc;
        if (memchr(out + at, '\0', len))
            return 0;
        at += len;
    }
    return address ? -ENAMETOOLONG : -EFAULT;
}

static int read_how(struct nomount_call *c, int line, bool quick)
{
    struct nomount_request *r = &c->request;
    struct open_how how = {0};
    int rc;

    if (r->size < sizeof how)
        return -EINVAL;
    if (r->size > PAGE)
        return -E2BIG;
    rc = copy_in(c, line, quick, r->out, &how, sizeof how);
    if (rc == 0)
        rc = copy_in(c, line, quick, r->out + sizeof how, c->data, r->size - sizeof how);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < r->size - sizeof how; i++)
        if (c->data[i])
            return -E2BIG; /* what we do not know */
    rc = nomount_check_how(&how);
    if (rc < 0)
        return rc;
    r->flags = how.flags;
    r->mode = how.mode;
    r->nofollow = how.flags & O_NOFOLLOW;
    r->resolve = how.resolve;
    return 0;
}

/* As much as one store takes. */
static int read_vectors(struct nomount_call *c, int line, bool quick)
{
    struct iovec v;
    int rc = 0;

    c->len = 0;
    for (uint64_t i = 0; i < c->request.size && c->len < sizeof c->data && rc == 0; i++) {
        rc = copy_in(c, line, quick, c->request.out + i * sizeof v, &v, sizeof v);
        if (rc < 0)
            return rc;
        if ((ssize_t)v.iov_len < 0)
            return -EINVAL;
        if (v.iov_len > sizeof c->data - c->len)
            v.iov_len = sizeof c->data - c->len;
        rc = copy_in(c, line, quick, (uintptr_t)v.iov_base, c->data + c->len, v.iov_len);
        c->len += v.iov_len;
    }
    return rc;
}

/* Of stat(2) and the like on a descriptor. */
static bool may_be_null(const struct nomount_request *r)
{
    return r->empty && (r->deed == NOMOUNT_STAT || r->deed == NOMOUNT_STATX);
}

static bool is_pair(enum nomount_deed deed)
{
    return deed == NOMOUNT_RENAME || deed == NOMOUNT_LINK;
}

/* What is wrong with it is judged after the first path. A name is shorter, and otherwise of no
 * length that is possible. */
static int read_path2(struct nomount_call *c, int line, bool quick)
{
    int rc = read_path(c, line, quick, c->request.path2, c->path2);

    if (rc == -ENAMETOOLONG && c->request.deed == NOMOUNT_XATTR)
        return 0;
    if (rc != -EFAULT && rc != -ENAMETOOLONG)
        return rc;
    c->fault = rc;
    return 0;
}

static bool is_splice(enum nomount_deed deed)
{
    return deed == NOMOUNT_SENDFILE || deed == NOMOUNT_SPLICE || deed == NOMOUNT_COPY;
}

/* All that the call needs of the caller's memory. */
static int call_read(struct nomount_call *c, int line, bool quick)
{
    const struct nomount_request *r = &c->request;
    int rc = 0;

    if (r->deed == NOMOUNT_WRITE) {
        c->len = r->size < sizeof c->data ? r->size : sizeof c->data;
        return c->len ? copy_in(c, line, quick, r->out, c->data, c->len) : 0;
    }
    if (r->deed == NOMOUNT_WRITE_VECTOR)
        return read_vectors(c, line, quick);
    if (is_splice(r->deed))
        return quick ? -EAGAIN : splice_read(c, line);
    if (r->has_path && (r->path || !may_be_null(r)))
        rc = read_path(c, line, quick, r->path, c->path);
    if (rc == 0 && c->path2)
        rc = read_path2(c, line, quick);
    if (rc == 0 && r->deed == NOMOUNT_TIMES && r->out && r->size) {
        c->len = r->size;
        rc = copy_in(c, line, quick, r->out, c->data, c->len);
    }
    if (rc == 0 && r->deed == NOMOUNT_OPEN_HOW)
        rc = read_how(c, line, quick);
    return rc;
}

static int call_write(struct nomount_call *c, int line, bool quick)
{
    const struct caller caller = call_caller(c, line);
    const struct caller_piece piece = {c->request.out, c->len, c->data};

    if (quick && !caller_resident(c->n->seen, c->caller.thread, c->caller.id, &piece, 1))
        return -EAGAIN;
    return caller_write(&caller, &piece, 1);
}

static void call_free(struct nomount_call *c)
{
    free(c->from[0]);
    free(c->from[1]);
    if (c->input >= 0)
        close(c->input);
    if (c->fd >= 0)
        close(c->fd);
    text_done(&c->listing.entries);
    free(c->path2);
    free(c);
}

static void call_finish(struct nomount_call *c, int64_t result)
{
    c->n->way.answer(&c->caller, result);
    LIST_REMOVE(c, link);
    call_free(c);
}

static void call_go_on(struct nomount_call *c)
{
    c->n->way.go_on(&c->caller);
    LIST_REMOVE(c, link);
    call_free(c);
}

static void call_give(struct nomount_call *c)
{
    int rc = c->n->way.give(&c->caller, c->fd, -1, c->request.flags & O_CLOEXEC);

    if (rc < 0)
        c->n->way.answer(&c->caller, rc);
    LIST_REMOVE(c, link);
    call_free(c);
}

static void call_work(struct nomount_call *c, enum nomount_stage stage);

static void call_reply_bytes(struct nomount_call *c)
{
    int rc = caller_trusted(c->user.uid) ? call_write(c, c->caller.line, true) : -EAGAIN;

    if (rc == -EAGAIN)
        call_work(c, NOMOUNT_WRITING);
    else
        call_finish(c, rc < 0 ? rc : c->result);
}

/* What is acknowledged survives. */
static void call_reply_stored(struct nomount_call *c)
{
    if (c->result >= 0) {
        watch_changed(c->view, c->ino, true);
        call_moved(c);
    }
    c->unsynced = c->sync.unsynced && c->sync.unsynced(c->sync.data);
    if (c->unsynced || (c->input >= 0 && c->result >= 0))
        call_work(c, NOMOUNT_SETTLING);
    else
        call_finish(c, c->result);
}

static void call_reply(struct nomount_call *c)
{
    switch (c->answer) {
    case ANSWER_RESULT:
        call_finish(c, c->result);
        return;
    case ANSWER_GO_ON:
        call_go_on(c);
        return;
    case ANSWER_FD:
        call_give(c);
        return;
    case ANSWER_BYTES:
        call_reply_bytes(c);
        return;
    case ANSWER_FILL:
        call_work(c, NOMOUNT_FILLING);
        return;
    case ANSWER_ELSEWHERE:
        call_work(c, NOMOUNT_ELSEWHERE);
        return;
    case ANSWER_LATER:
        c->stage = NOMOUNT_STORING;
        return;
    case ANSWER_STORED:
        call_reply_stored(c);
        return;
    }
}

void calls_reply(struct nomount *n, uint64_t token, int result)
{
    struct nomount_call *c;

    LIST_FOREACH (c, &n->calls, link)
        if (c->stage == NOMOUNT_STORING && c->token == token) {
            answer_stored(c, result);
            call_reply(c);
            return;
        }
}

/* No link is followed at the end. */
static bool keeps_end(const struct nomount_request *r)
{
    return r->nofollow || (r->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
}

/* 1: a path has been replaced, 0: none, or -EAGAIN, if it is quick. */
static int look(struct nomount_call *c, bool quick)
{
    char to[PATH_MAX];
    int one = 0, other = 0;

    if (c->from[0])
        one = outside_lead(c->from[0], !keeps_end(&c->request), quick, to);
    if (one > 0)
        strcpy(c->path, to);
    if (c->from[1] && one >= 0)
        other = outside_lead(c->from[1], false, quick, to);
    if (other > 0)
        strcpy(c->path2, to);
    return one < 0 || other < 0 ? -EAGAIN : one || other;
}

/* From a directory of the machine's out of it, and back by a link: 1, as look(). The kernel cannot
 * come there. */
static int go_elsewhere(struct nomount_call *c)
{
    char to[PATH_MAX];

    if (outside_lead(c->path, !keeps_end(&c->request), false, to) > 0 &&
        strncmp(to, "/proc", 5) != 0) {
        strcpy(c->path, to);
        c->forced = true;
        return 1;
    }
    call_elsewhere(c);
    return 0;
}

static int transfer_work(struct transfer *t, int line)
{
    struct nomount_call *c = (struct nomount_call *)t;

    switch (c->stage) {
    case NOMOUNT_READING:
        return call_read(c, line, false);
    case NOMOUNT_LOOKING:
        return look(c, false);
    case NOMOUNT_FILLING:
        return shadow_fill(c->fd, &c->listing);
    case NOMOUNT_ELSEWHERE:
        return go_elsewhere(c);
    case NOMOUNT_SETTLING:
        if (c->unsynced)
            c->sync.sync(c->sync.data);
        return c->input >= 0 && c->result >= 0 ? splice_take(c, line) : 0;
    default:
        return call_write(c, line, false);
    }
}

static void call_look(struct nomount_call *c);

/* Where it leads there can be others, behind /proc/self/cwd. */
static void call_have_looked(struct nomount_call *c, int result)
{
    if (result > 0 && ++c->looks < LOOKS_MAX) {
        call_look(c);
        return;
    }
    call_execute(c);
    call_reply(c);
}

/* An absolute path for outside_lead, in place of the last one. */
static void look_from(struct nomount_call *c, int which, int at, char *path)
{
    char from[2 * PATH_MAX];

    locate_tidy(path);
    free(c->from[which]);
    c->from[which] = *path && locate_from(c, at, path, from) ? xstrdup(from) : NULL;
}

/* Where a path comes to the machine by links of the computer's, it is replaced. */
static void call_look(struct nomount_call *c)
{
    const struct nomount_request *r = &c->request;
    int rc;

    if (r->has_path && !(r->resolve & ~(uint64_t)RESOLVE_CACHED))
        look_from(c, 0, r->at, c->path);
    else
        locate_tidy(c->path); /* the kernel says what is wrong with links */
    if (is_pair(r->deed))
        look_from(c, 1, r->at2, c->path2);
    rc = look(c, true);
    if (rc == -EAGAIN)
        call_work(c, NOMOUNT_LOOKING);
    else
        call_have_looked(c, rc);
}

/* What cannot be read of the caller's memory is for the kernel to judge. */
static void call_have_read(struct nomount_call *c, int rc)
{
    enum nomount_deed deed = c->request.deed;
    bool store = deed == NOMOUNT_WRITE || deed == NOMOUNT_WRITE_VECTOR || is_splice(deed);

    if (rc == -EACCES)
        call_tell(c, &c->n->told_closed,
                  "cannot be looked at, as its file can be executed and not read, or it has asked "
                  "for that (PR_SET_DUMPABLE); it sees the computer's files");
    if (rc == 0) {
        call_look(c);
        return;
    }
    if (store)
        answer_result(c, rc);
    else
        answer_go_on(c);
    call_reply(c);
}

static void transfer_done(struct transfer *t, int result)
{
    struct nomount_call *c = (struct nomount_call *)t;

    if (atomic_load(&t->abandoned))
        call_free(c);
    else if (c->stage == NOMOUNT_READING)
        call_have_read(c, result);
    else if (c->stage == NOMOUNT_LOOKING || result > 0)
        call_have_looked(c, result);
    else if (result < 0)
        call_finish(c, result);
    else if (c->stage == NOMOUNT_ELSEWHERE)
        call_reply(c);
    else if (c->stage == NOMOUNT_FILLING)
        call_give(c);
    else
        call_finish(c, c->result);
}

static void call_work(struct nomount_call *c, enum nomount_stage stage)
{
    c->stage = stage;
    c->transfer.thread = c->caller.thread;
    c->transfer.uid = c->user.uid;
    /* A pipe may stay empty, and whoever fills it may need the event loop. */
    c->transfer.trusted = caller_trusted(c->user.uid) && !is_splice(c->request.deed);
    c->transfer.line = c->caller.line;
    c->transfer.work = transfer_work;
    c->transfer.done = transfer_done;
    transfer_start(c->n->copier, &c->transfer);
}

/* Nobody waits for the answer any more. */
static void call_abandon(struct nomount_call *c)
{
    LIST_REMOVE(c, link);
    if (c->stage == NOMOUNT_STORING)
        store_cancel(c);
    else if (!transfer_stop(c->n->copier, &c->transfer))
        return; /* transfer_done frees it */
    call_free(c);
}

void calls_abandon(struct nomount *n, bool (*gone)(const struct nomount_call *c, int line),
                   int line)
{
    struct nomount_call *c = LIST_FIRST(&n->calls), *next;

    for (; c; c = next) {
        next = LIST_NEXT(c, link);
        if (gone(c, line)) {
            call_abandon(c);
            next = LIST_FIRST(&n->calls); /* the cancellation may have ended others */
        }
    }
}

static bool is_descriptors(enum nomount_deed deed)
{
    return deed == NOMOUNT_WRITE || deed == NOMOUNT_WRITE_VECTOR || deed == NOMOUNT_SEEK ||
           deed == NOMOUNT_READ_AT || deed == NOMOUNT_READ_VECTOR || is_splice(deed);
}

static struct nomount_call *call_new(struct nomount *n, struct nomount_view *view,
                                     const struct nomount_caller *caller,
                                     const struct nomount_request *request)
{
    struct nomount_call *c = xmalloc(sizeof *c);

    memset(c, 0, offsetof(struct nomount_call, path));
    c->n = n;
    c->view = view;
    c->waits = n->way.waits;
    c->sync = n->sync;
    c->caller = *caller;
    c->request = *request;
    c->path[0] = '\0';
    if (!request->has_path || (!request->path && request->deed == NOMOUNT_TIMES)) {
        c->request.has_path = false;
        c->request.empty = true; /* of the descriptor itself */
    }
    c->fd = c->input = -1;
    if (request->has_path2)
        c->path2 = xcalloc(1, PATH_MAX + 1);
    LIST_INSERT_HEAD(&n->calls, c, link);
    return c;
}

void nomount_serve(struct nomount *n, const struct nomount_caller *caller,
                   const struct seccomp_data *data)
{
    struct nomount_request request;
    struct nomount_view *view;
    struct nomount_call *c;
    int rc = -ESRCH;

    /* Thread 0: in a PID namespace that this process does not see. */
    if (caller->thread && nomount_decode(data, &request))
        rc = view_of_caller(n, caller->thread, &view);
    if (rc < 0) {
        if (rc == -ESRCH)
            n->way.go_on(caller);
        else
            n->way.answer(caller, rc); /* rather than what it must not see */
        return;
    }
    rc = -EAGAIN;
    c = call_new(n, view, caller, &request);
    if ((is_descriptors(request.deed) && !call_begin_descriptor(c)) ||
        user_look(caller->thread, &c->user) < 0) {
        call_go_on(c);
        return;
    }
    if (is_descriptors(request.deed) && c->result < 0) {
        call_finish(c, c->result);
        return;
    }
    if (caller_trusted(c->user.uid))
        rc = call_read(c, caller->line, true);
    if (rc == -EAGAIN)
        call_work(c, NOMOUNT_READING);
    else
        call_have_read(c, rc);
}
