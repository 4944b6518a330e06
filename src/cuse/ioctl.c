/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cuse/internal.h"
#include "ioctl/status.h"

/*
 * ioctl(2) on a node [zcrypt-gate] [zcrypt-ioctls]. Each round is a request of its own. What was
 * read is kept between rounds and not read again, so a program cannot change what was checked.
 */
static struct cuse *owner_of(const struct cuse_call *c)
{
    return c->file->node->owner;
}

static void on_interrupt(fuse_req_t req, void *data)
{
    ioctl_call_interrupt(data);
}

static void call_listen(struct ioctl_call *c)
{
    fuse_req_interrupt_func(((struct cuse_call *)c)->req, on_interrupt, c);
}

static void call_unlisten(struct ioctl_call *c)
{
    fuse_req_t req = ((struct cuse_call *)c)->req;

    if (req)
        fuse_req_interrupt_func(req, NULL, NULL);
}

/* A caller that was killed meanwhile is not told. */
static void reply_result(fuse_req_t req, int result)
{
    fuse_reply_ioctl(req, result, NULL, 0);
}

/* Rounds that have room for the answer bring it. */
static void reply_answer(fuse_req_t req, int result, const struct zcrypt_answer *a)
{
    struct iovec v[ZCRYPT_WRITTEN_PIECES];

    for (unsigned i = 0; i < a->count; i++)
        v[i] = (struct iovec){(void *)a->v[i].data, a->v[i].len};
    fuse_reply_ioctl_iov(req, result, v, (int)a->count);
}

static void call_answer(struct ioctl_call *call, int result)
{
    struct cuse_call *c = (struct cuse_call *)call;

    LIST_REMOVE(c, link);
    if (c->req)
        reply_result(c->req, result);
}

static void call_release(struct ioctl_call *call)
{
    free(call);
}

/* Answers this round with what the next one is to bring. */
static void ask(struct cuse_call *c, enum cuse_wants wants)
{
    struct round *r = &c->round;
    fuse_req_t req = c->req;

    c->wants = wants;
    if (!between_add(owner_of(c), c)) {
        if (wants == CUSE_ROOM)
            ioctl_call_delivered(&c->call, -EMSGSIZE);
        else
            ioctl_call_fetched(&c->call, -ENOMEM);
        return;
    }
    c->req = NULL;
    fuse_reply_ioctl_retry(req, r->in, r->in_count, r->out, r->out_count);
}

static void call_fetch(struct ioctl_call *call)
{
    struct cuse_call *c = (struct cuse_call *)call;

    round_structure(call->address, zcrypt_abi_struct_len(call->number, call->narrow), &c->round);
    ask(c, CUSE_STRUCTURE);
}

static void ask_operands(struct cuse_call *c)
{
    round_operands(&c->call.work, c->call.address, c->done, &c->round);
    ask(c, CUSE_OPERANDS);
}

static void call_deliver(struct ioctl_call *call)
{
    struct cuse_call *c = (struct cuse_call *)call;
    int rc;

    if (!c->req) { /* an orphan */
        ioctl_call_delivered(call, -ENODEV);
    } else if (round_has_room(&c->round, &call->reply)) {
        reply_answer(c->req, call->final_result, &call->reply);
        c->req = NULL;
        ioctl_call_delivered(call, 0);
    } else if ((rc = round_room(&call->reply, call->address, &c->round)) < 0) {
        ioctl_call_delivered(call, rc);
    } else {
        ask(c, CUSE_ROOM);
    }
}

static void take_structure(struct cuse_call *c, const uint8_t *in)
{
    struct ioctl_call *call = &c->call;
    int rc = zcrypt_abi_parse(call->number, call->narrow, in, &call->work);

    if (rc == 0)
        ioctl_call_room(call, call->work.in_len);
    if (rc == 0 && call->work.in_len)
        ask_operands(c);
    else
        ioctl_call_fetched(call, rc);
}

static void take_operands(struct cuse_call *c, const uint8_t *in, size_t len)
{
    memcpy(c->call.data + c->done, in, len);
    c->done += len;
    if (c->done < c->call.work.in_len)
        ask_operands(c);
    else
        ioctl_call_fetched(&c->call, 0);
}

static void go_on(struct cuse_call *c, fuse_req_t req, const uint8_t *in, size_t len)
{
    c->req = req;
    if (len != c->round.in_len) /* no kernel does that */
        ioctl_call_fetched(&c->call, -EIO);
    else if (c->wants == CUSE_STRUCTURE)
        take_structure(c, in);
    else if (c->wants == CUSE_OPERANDS)
        take_operands(c, in, len);
    else {
        reply_answer(req, c->call.final_result, &c->call.reply);
        c->req = NULL;
        ioctl_call_delivered(&c->call, 0);
    }
}

static const struct ioctl_way by_rounds = {.answer = call_answer,
                                           .release = call_release,
                                           .listen = call_listen,
                                           .unlisten = call_unlisten,
                                           .fetch = call_fetch,
                                           .deliver = call_deliver};

/* line: that of the node, which becomes readable at its end. Until then a thread whose request was
 * read sleeps until that is answered. */
static bool connected(int line, uint64_t id)
{
    return caller_line_is_quiet(line, POLLIN);
}

/* For what is longer than a round can bring: written by the daemon itself. */
static const struct ioctl_way by_memory = {.answer = call_answer,
                                           .release = call_release,
                                           .listen = call_listen,
                                           .unlisten = call_unlisten,
                                           .fetch = ioctl_memory_fetch,
                                           .deliver = ioctl_memory_deliver,
                                           .waits = connected};

static struct cuse_call *call_new(fuse_req_t req, struct cuse_file *file,
                                  const struct ioctl_way *way, uint32_t number, bool narrow,
                                  void *arg)
{
    const struct fuse_ctx *ctx = fuse_req_ctx(req);
    struct cuse_call *c = xcalloc(1, sizeof *c);

    c->file = file;
    c->req = req;
    c->call.way = way;
    c->call.desk = file->node->owner->desk;
    c->call.tree = CORE_HOST_TREE;
    c->call.node = file->handle;
    c->call.number = number;
    c->call.narrow = narrow;
    c->call.address = (uintptr_t)arg;
    c->call.thread = ctx->pid;
    c->call.uid = ctx->uid;
    c->call.line = file->node->end;
    LIST_INSERT_HEAD(&file->calls, c, link);
    return c;
}

static int open_count(const struct cuse *c)
{
    const struct cuse_node *n;
    const struct cuse_file *f;
    int count = 0;

    LIST_FOREACH (n, &c->nodes, link)
        LIST_FOREACH (f, &n->files, link)
            count++;
    return count;
}

/* Nothing is read, so nothing need be kept: the second round has room. */
static void give(fuse_req_t req, void *arg, const void *data, size_t len, size_t room)
{
    struct iovec out = {arg, len};

    if (room)
        fuse_reply_ioctl(req, 0, data, len < room ? len : room);
    else
        fuse_reply_ioctl_retry(req, NULL, 0, &out, 1);
}

static void answer_status(fuse_req_t req, struct cuse_file *f, const struct zcrypt *z,
                          uint32_t number, void *arg, size_t room)
{
    uint8_t data[IOCTL_STATUS_MAX];
    int rc = ioctl_status(z, number, open_count(f->node->owner), data);

    if (rc < 0)
        reply_result(req, rc);
    else
        give(req, arg, data, ioctl_status_len(number), room);
}

static void answer_matrix(fuse_req_t req, struct cuse_file *f, const struct zcrypt *z,
                          uint32_t number, void *arg, size_t room)
{
    pid_t thread = fuse_req_ctx(req)->pid;
    size_t len;
    uint8_t *matrix = ioctl_matrix(z, number, &len);

    if (len > ROUND_BYTES && thread) {
        ioctl_call_give(&call_new(req, f, &by_memory, number, false, arg)->call, matrix, len);
        return;
    }
    if (len > ROUND_BYTES) {
        ioctl_desk_unreachable(f->node->owner->desk, thread, -EOPNOTSUPP);
        reply_result(req, -EOPNOTSUPP);
    } else {
        give(req, arg, matrix, len, room);
    }
    free(matrix);
}

/* -ENODEV: the node is gone; -EPERM: its ioctlmask forbids the number. */
static int check(const struct cuse_file *f, uint32_t number, const struct zcrypt **out)
{
    const struct zcrypt *z = core_zcrypt(f->node->owner->door->core, CORE_HOST_TREE);

    *out = z;
    if (!z || f->node->closing)
        return -ENODEV;
    return zcrypt_ioctl_allowed(z, f->handle, number & 0xff);
}

static void next_round(fuse_req_t req, struct cuse_file *f, const void *in, size_t in_len,
                       size_t out_len)
{
    struct cuse_call *c = between_take(f->node->owner, f, out_len);

    if (c)
        go_on(c, req, in, in_len);
    else /* its user has left too many others between rounds */
        reply_result(req, f->node->closing ? -ENODEV : -ENOMEM);
}

void cuse_ioctl(fuse_req_t req, int cmd, void *arg, struct fuse_file_info *fi, unsigned flags,
                const void *in, size_t in_len, size_t out_len)
{
    struct cuse_file *f = cuse_file_of(fi);
    uint32_t number = (uint32_t)cmd;
    bool narrow = flags & FUSE_IOCTL_COMPAT, keeps = zcrypt_abi_struct_len(number, narrow) > 0;
    const struct zcrypt *z;
    int rc;

    if (keeps && (in_len || out_len)) {
        next_round(req, f, in, in_len, out_len);
        return;
    }
    rc = check(f, number, &z);
    if (rc < 0)
        reply_result(req, rc);
    else if (keeps)
        ioctl_call_work(&call_new(req, f, &by_rounds, number, narrow, arg)->call);
    else if (ioctl_is_matrix(number))
        answer_matrix(req, f, z, number, arg, out_len);
    else
        answer_status(req, f, z, number, arg, out_len);
}

/* A call between rounds has no request; its caller hears from the kernel. One that the daemon
 * writes itself has sent no command that it could cancel. */
static void call_end(struct cuse *owner, struct cuse_call *c)
{
    if (!c->req) {
        between_drop(owner, c);
        return;
    }
    call_unlisten(&c->call);
    if (c->call.way == &by_memory) {
        ioctl_call_abandon(&c->call, -ENODEV);
        return;
    }
    reply_result(c->req, -ENODEV);
    c->req = NULL;
    c->file = NULL;
    LIST_REMOVE(c, link);
    LIST_INSERT_HEAD(&owner->orphans, c, link);
}

static void end_calls_of(struct cuse_file *f)
{
    while (!LIST_EMPTY(&f->calls))
        call_end(f->node->owner, LIST_FIRST(&f->calls));
}

void cuse_calls_end(struct cuse_node *n)
{
    struct cuse_file *f;

    LIST_FOREACH (f, &n->files, link)
        end_calls_of(f);
}

void cuse_file_free(struct cuse_file *f)
{
    end_calls_of(f);
    LIST_REMOVE(f, link);
    free(f);
}

void cuse_orphans_free(struct cuse *c)
{
    while (!LIST_EMPTY(&c->orphans))
        ioctl_call_abandon(&LIST_FIRST(&c->orphans)->call, -ENODEV);
}
