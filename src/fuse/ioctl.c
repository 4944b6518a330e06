/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse/caller.h"
#include "fuse/copier.h"
#include "fuse/internal.h"
#include "fuse/zcrypt_abi.h"

/*
 * ioctl(2) on device nodes (spec 3.1, 3.2). Numbers that say how long their data is are answered
 * with it, and the kernel delivers it. The others come with a bare pointer: the caller's memory is
 * read and written from here (fuse/caller.h), at once where that cannot take time, else by the
 * copier, so that no caller holds up another one.
 */

#define STUCK_US 1000000u /* a copy that a signal has to wait for */

enum stage { READING, SENT, WRITING };

struct ioctl_call {
    struct waiting wait;         /* first; waits in stage SENT; mount and req always */
    LIST_ENTRY(ioctl_call) link; /* in the mount's ioctl_copies while the copier has it */
    struct copy copy;
    enum stage stage;
    atomic_bool abandoned; /* the request is answered, the mount may be gone */
    sd_event_source *stuck;
    pid_t thread;
    bool trusted; /* could stop the daemon anyway: need not be kept from letting it wait */
    int session;  /* the mount's descriptor; a duplicate while the copier has it, else -1 */
    uint32_t node, number;
    uint64_t address; /* the ioctl's argument */
    struct zcrypt_work work;
    uint8_t *data; /* operands, later the answer */
    size_t data_len;
    struct zcrypt_answer answer;
    int result;       /* of the copy */
    int final_result; /* of the ioctl, when the answer is written */
};

static void data_free(struct ioctl_call *c)
{
    if (c->data)
        explicit_bzero(c->data, c->data_len);
    free(c->data);
    c->data = NULL;
}

static void call_free(struct ioctl_call *c)
{
    sd_event_source_disable_unref(c->stuck);
    data_free(c);
    if (c->session >= 0)
        close(c->session);
    free(c);
}

static void call_finish(struct ioctl_call *c, int result)
{
    notifier_controlled(c->wait.mount, c->wait.req, result);
    call_free(c);
}

static struct iovec range(uint64_t address, size_t len)
{
    return (struct iovec){(void *)(uintptr_t)address, len};
}

/* Structure and operands. quick: -EAGAIN instead of waiting. May run on the copier. */
static int call_read(struct ioctl_call *c, bool quick)
{
    struct iovec structure = range(c->address, zcrypt_abi_struct_len(c->number));
    struct iovec pieces[ZCRYPT_PIECES];
    uint8_t bytes[ZCRYPT_STRUCT_MAX];
    int rc;

    if (quick && !caller_resident(c->wait.mount->hub->seen, c->thread, &structure, 1))
        return -EAGAIN;
    rc = caller_read(c->thread, &structure, 1, bytes, structure.iov_len);
    if (rc == 0)
        rc = zcrypt_abi_parse(c->number, bytes, &c->work);
    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < c->work.in_count; i++)
        pieces[i] = range(c->work.in[i].address, c->work.in[i].len);
    if (quick && !caller_resident(c->wait.mount->hub->seen, c->thread, pieces, c->work.in_count))
        return -EAGAIN;
    c->data_len = c->work.in_len;
    c->data = xcalloc(1, c->data_len + 1);
    return caller_read(c->thread, pieces, c->work.in_count, c->data, c->data_len);
}

static int call_write(struct ioctl_call *c, int session, bool quick)
{
    struct iovec remote[ZCRYPT_WRITTEN_PIECES], local[ZCRYPT_WRITTEN_PIECES];

    for (unsigned i = 0; i < c->answer.count; i++) {
        remote[i] = range(c->answer.v[i].address, c->answer.v[i].len);
        local[i] = (struct iovec){(void *)c->answer.v[i].data, c->answer.v[i].len};
    }
    if (quick && !caller_resident(c->wait.mount->hub->seen, c->thread, remote, c->answer.count))
        return -EAGAIN;
    return caller_write(c->thread, session, remote, local, c->answer.count);
}

static struct ioctl_call *call_of_copy(struct copy *copy)
{
    return (struct ioctl_call *)((char *)copy - offsetof(struct ioctl_call, copy));
}

static void copy_work(struct copy *copy)
{
    struct ioctl_call *c = call_of_copy(copy);

    if (atomic_load(&c->abandoned))
        return;
    c->result = c->stage == READING ? call_read(c, false) : call_write(c, c->session, false);
}

/* Answers the request while the copier still has the call. */
static void call_abandon(struct ioctl_call *c, int result)
{
    LIST_REMOVE(c, link);
    atomic_store(&c->abandoned, true);
    notifier_controlled(c->wait.mount, c->wait.req, result);
    c->wait.mount = NULL;
}

/* The caller's memory does not answer, and a signal wants it back, perhaps to end it. */
static int on_stuck(sd_event_source *source, uint64_t usec, void *data)
{
    struct ioctl_call *c = data;

    if (!atomic_load(&c->abandoned)) {
        fuse_req_interrupt_func(c->wait.req, NULL, NULL);
        call_abandon(c, -EINTR);
    }
    return 0;
}

/* Nothing is lost when reading ends early. A write that has begun is waited for: after its ioctl
 * has returned, nothing may be written into a program that goes on. */
static void on_copy_interrupt(fuse_req_t req, void *data)
{
    struct ioctl_call *c = data;

    if (c->stage == READING)
        call_abandon(c, -EINTR);
    else if (!c->stuck)
        sd_event_add_time_relative(c->wait.mount->hub->event, &c->stuck, CLOCK_MONOTONIC, STUCK_US,
                                   0, on_stuck, c);
}

static void call_send(struct ioctl_call *c);

static void copy_done(struct copy *copy)
{
    struct ioctl_call *c = call_of_copy(copy);

    if (atomic_load(&c->abandoned)) {
        call_free(c);
        return;
    }
    fuse_req_interrupt_func(c->wait.req, NULL, NULL);
    LIST_REMOVE(c, link);
    close(c->session);
    c->session = -1;
    if (c->result < 0)
        call_finish(c, c->result);
    else if (c->stage == READING)
        call_send(c);
    else
        call_finish(c, c->final_result);
}

static void call_copy(struct ioctl_call *c, enum stage stage)
{
    struct fuse_mount *m = c->wait.mount;

    c->session = fcntl(fuse_session_fd(m->session), F_DUPFD_CLOEXEC, 0);
    if (c->session < 0) {
        call_finish(c, -ENOMEM);
        return;
    }
    c->stage = stage;
    c->copy.work = copy_work;
    c->copy.done = copy_done;
    LIST_INSERT_HEAD(&m->ioctl_copies, c, link);
    copier_submit(m->hub->copier, &c->copy);
    fuse_req_interrupt_func(c->wait.req, on_copy_interrupt, c);
}

static void call_answer(struct ioctl_call *c, int result)
{
    struct fuse_mount *m = c->wait.mount;
    int rc = 0;

    if (c->answer.count)
        rc = c->trusted ? call_write(c, fuse_session_fd(m->session), true) : -EAGAIN;
    c->final_result = result;
    if (rc == -EAGAIN)
        call_copy(c, WRITING);
    else
        call_finish(c, rc < 0 ? rc : result);
}

static void on_reply(struct waiting *w, int result, const char *text, size_t len)
{
    struct ioctl_call *c = (struct ioctl_call *)w;
    struct zcrypt_reply reply;
    int rc;

    if (len == 0) {
        call_finish(c, result);
        return;
    }
    c->data_len = len;
    c->data = xcalloc(1, len);
    memcpy(c->data, text, len);
    rc = zcrypt_reply_parse((const char *)c->data, len, &reply);
    if (rc == 0)
        rc = zcrypt_abi_answer(&c->work, c->address, result, &reply, &c->answer);
    if (rc < 0)
        call_finish(c, rc);
    else
        call_answer(c, result);
}

/* The operands are in; the request goes to zcrypt. */
static void call_send(struct ioctl_call *c)
{
    struct fuse_mount *m = c->wait.mount;
    struct door *door = m->hub->door;
    size_t count = c->number == IOCTL_ZSENDEP11CPRB ? c->work.in[0].len / ZCRYPT_TARGET_BYTES : 0;
    struct zcrypt_target *targets = count ? xcalloc(count, sizeof *targets) : NULL;
    struct command cmd = {.kind = CMD_ZCRYPT, .token = m->hub->next_token++};
    struct reply reply = {0};

    zcrypt_abi_request(&c->work, c->data, targets, &cmd.zcrypt.request);
    cmd.zcrypt.request.node = c->node;
    cmd.zcrypt.tree = m->tree;
    door->execute(door, &cmd, &reply);
    reply_done(&reply);
    free(targets);
    data_free(c);
    if (reply.result != -EINPROGRESS) {
        call_finish(c, reply.result);
        return;
    }
    c->stage = SENT;
    c->wait.token = cmd.token;
    c->wait.complete = on_reply;
    waiting_add(&c->wait);
}

static struct ioctl_call *call_new(fuse_req_t req, const struct open_file *f, uint32_t number,
                                   void *arg)
{
    struct ioctl_call *c = xcalloc(1, sizeof *c);
    const struct fuse_ctx *ctx = fuse_req_ctx(req);

    c->wait.mount = fuse_req_userdata(req);
    c->wait.req = req;
    c->session = -1;
    c->copy.uid = ctx->uid;
    c->thread = ctx->pid;
    c->trusted = ctx->uid == 0 || ctx->uid == geteuid();
    c->node = f->node;
    c->number = number;
    c->address = (uintptr_t)arg;
    return c;
}

static void start_work(struct ioctl_call *c)
{
    int rc = c->trusted ? call_read(c, true) : -EAGAIN;

    if (rc == -EAGAIN)
        call_copy(c, READING);
    else if (rc < 0)
        call_finish(c, rc);
    else
        call_send(c);
}

static void start_matrix(struct ioctl_call *c, const struct zcrypt *z, bool old)
{
    unsigned cards = old ? ZCRYPT_OLD_CARDS : AP_IDS;
    bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

    c->data_len = (size_t)cards * AP_IDS * ZCRYPT_STATUS_BYTES;
    c->data = xcalloc(1, c->data_len);
    for (uint32_t qn = 0; qn < cards * AP_IDS; qn++) {
        struct zcrypt_status status;

        zcrypt_device_status(z, (uint16_t)qn, &status);
        zcrypt_abi_status(&status, (uint16_t)qn, old, big_endian,
                          c->data + (size_t)qn * ZCRYPT_STATUS_BYTES);
    }
    c->answer.v[0].address = c->address;
    c->answer.v[0].data = c->data;
    c->answer.v[0].len = c->data_len;
    c->answer.count = 1;
    call_answer(c, 0);
}

/* Open device nodes of one system. */
static unsigned open_count(const struct fuse_mount *m)
{
    const struct fuse_mount *other;
    unsigned count = 0;

    TAILQ_FOREACH(other, &m->hub->mounts, link)
    if (other->tree == m->tree && !other->closing)
        count += other->devices_open;
    return count;
}

#define STATUS_BYTES_MAX (AP_IDS * sizeof(uint32_t))

static void fill_bytes(const struct zcrypt *z, size_t cards,
                       uint8_t (*of)(const struct zcrypt *z, unsigned apid), uint8_t *out)
{
    for (unsigned apid = 0; apid < cards; apid++)
        out[apid] = of(z, apid);
}

static void fill_counts(const struct zcrypt *z, size_t cards, uint8_t *out)
{
    for (unsigned apid = 0; apid < cards; apid++) {
        uint32_t count = zcrypt_card_requests(z, apid);

        memcpy(out + apid * sizeof count, &count, sizeof count);
    }
}

/* What a number that says how long its data is answers. -ENOTTY. */
static int status_of(const struct fuse_mount *m, const struct zcrypt *z, uint32_t number,
                     uint8_t out[STATUS_BYTES_MAX])
{
    uint32_t value;

    switch (number) {
    case IOCTL_STATUS_MASK:
        fill_bytes(z, AP_IDS, zcrypt_card_status, out);
        return 0;
    case IOCTL_OLD_STATUS_MASK:
        fill_bytes(z, ZCRYPT_OLD_CARDS, zcrypt_card_status, out);
        return 0;
    case IOCTL_QDEPTH_MASK:
        fill_bytes(z, AP_IDS, zcrypt_card_in_flight, out);
        return 0;
    case IOCTL_OLD_QDEPTH_MASK:
        fill_bytes(z, ZCRYPT_OLD_CARDS, zcrypt_card_in_flight, out);
        return 0;
    case IOCTL_PERDEV_REQCNT:
        fill_counts(z, AP_IDS, out);
        return 0;
    case IOCTL_OLD_PERDEV_REQCNT:
        fill_counts(z, ZCRYPT_OLD_CARDS, out);
        return 0;
    case IOCTL_REQUESTQ_COUNT:
        value = zcrypt_waiting_count(z);
        break;
    case IOCTL_PENDINGQ_COUNT:
        value = zcrypt_sent_count(z);
        break;
    case IOCTL_TOTALOPEN_COUNT:
        value = open_count(m);
        break;
    case IOCTL_DOMAIN_INDEX:
        value = (uint32_t)zcrypt_default_domain(z);
        break;
    default:
        return -ENOTTY;
    }
    memcpy(out, &value, sizeof value);
    return 0;
}

static void answer_status(fuse_req_t req, const struct zcrypt *z, uint32_t number, size_t room)
{
    uint8_t data[STATUS_BYTES_MAX];
    size_t len = number >> 16 & 0x3fff; /* where an ioctl's number holds the size */
    int rc = status_of(fuse_req_userdata(req), z, number, data);

    if (rc == 0 && len > room)
        rc = -EINVAL;
    if (rc < 0)
        fuse_reply_err(req, -rc);
    else
        fuse_reply_ioctl(req, 0, data, len);
}

/* -ENODEV: the node, or the system that it belongs to, is gone; -EPERM: its mask forbids it. */
static int check_node(const struct fuse_mount *m, const struct open_file *f, uint32_t number,
                      const struct zcrypt **out)
{
    const struct sysfs_tree *t = mount_tree(m);
    const struct zcrypt *z = t ? core_zcrypt(m->hub->door->core, m->tree) : NULL;
    struct sysfs_entry e;
    int rc = z ? sysfs_stat(t, f->ino, &e) : -ENODEV;

    if (rc == 0)
        rc = zcrypt_ioctl_allowed(z, f->node, number & 0xff);
    if (rc == 0)
        *out = z;
    return rc;
}

/*
 * The numbers of callers must be those of our PID namespace; one caller of a mount tells for all.
 * -EOPNOTSUPP: they are not. -EACCES: we may not look at this caller.
 */
static int check_caller(struct fuse_mount *m, const struct open_file *f, pid_t thread)
{
    int rc;

    if (thread == 0)
        return -EOPNOTSUPP;
    if (m->threads_named)
        return 0;
    rc = caller_check_file(thread, f->ino);
    m->threads_named = rc == 0;
    return rc;
}

static void do_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned number, void *arg,
                     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_len,
                     size_t room)
{
    struct fuse_mount *m = fuse_req_userdata(req);
    bool matrix = number == IOCTL_DEVICE_STATUS || number == IOCTL_ZDEVICESTATUS;
    const struct zcrypt *z = NULL;
    const struct open_file *f;
    int rc = -ENOTTY;

    if (!(flags & FUSE_IOCTL_DIR)) {
        f = file_of(fi);
        rc = f->device ? check_node(m, f, number, &z) : -ENOTTY;
    }
    if (rc == 0 && !matrix && !zcrypt_abi_struct_len(number)) {
        answer_status(req, z, number, room);
        return;
    }
    /* The structures of 32-bit programs are others. */
    if (rc == 0 && flags & FUSE_IOCTL_COMPAT)
        rc = -ENOTTY;
    if (rc == 0)
        rc = check_caller(m, f, fuse_req_ctx(req)->pid);
    if (rc < 0)
        fuse_reply_err(req, -rc);
    else if (matrix)
        start_matrix(call_new(req, f, number, arg), z, number == IOCTL_ZDEVICESTATUS);
    else
        start_work(call_new(req, f, number, arg));
}

void ioctl_abandon(struct fuse_mount *m)
{
    while (!LIST_EMPTY(&m->ioctl_copies)) {
        struct ioctl_call *c = LIST_FIRST(&m->ioctl_copies);

        fuse_req_interrupt_func(c->wait.req, NULL, NULL);
        call_abandon(c, -ENODEV);
    }
}

void ioctl_handlers(struct fuse_lowlevel_ops *ops)
{
    ops->ioctl = do_ioctl;
}
