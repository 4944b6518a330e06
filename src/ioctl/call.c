/* SPDX-License-Identifier: MIT */
#include "ioctl/call.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

/* How long a signal waits: for the end of the request, and for a copy to the caller's memory. */
#define GRACE_US 20000u
#define STUCK_US 1000000u
#define BUCKETS  256

#define HABITS 64

/*
 * The addresses of the operands of a thread's last ioctl. A program that sends many requests
 * usually uses the same ones: then structure and operands are read by a single system call. If the
 * structure turns out to be different, they are read again. Without this a small request takes 4 to
 * 7 % longer.
 */
struct habit {
    pid_t thread;
    uint32_t number;
    uint64_t address;
    unsigned count;
    size_t len;
    struct zcrypt_piece in[ZCRYPT_PIECES];
};

struct ioctl_desk {
    struct door *door;
    sd_event *event;
    struct copier *copier;
    uint64_t next_token, last_serial;
    pid_t unreachable; /* the last process named in the log; 0: of another namespace; -1: none */
    struct caller_seen seen[CALLER_SEEN_SIZE]; /* pages known to be present */
    struct habit habits[HABITS];               /* by thread */
    LIST_HEAD(, ioctl_call) waiting[BUCKETS];  /* by token */
};

static void desk_log(const struct ioctl_desk *d, enum log_level level, const struct text *message)
{
    if (d->door->log)
        d->door->log(d->door, level, message->data);
}

static void on_no_thread(void *desk, int error)
{
    text_auto message = {0};

    text_addf(&message,
              "cannot start a thread that copies the memory of programs, so requests are slow: %s",
              error_text(-error));
    desk_log(desk, LOG_LEVEL_WARNING, &message);
}

static void forbidden(struct ioctl_desk *d, pid_t process)
{
    text_auto message = {0};

    text_addf(&message,
              "an ioctl of process %d fails with EACCES: the daemon may not look at its memory; it "
              "needs the capability SYS_PTRACE (in a container --cap-add SYS_PTRACE)",
              (int)process);
    desk_log(d, LOG_LEVEL_WARNING, &message);
}

static void elsewhere(struct ioctl_desk *d)
{
    text_auto message = {0};

    text_adds(&message,
              "an ioctl fails with EOPNOTSUPP: its program is in a PID namespace that the daemon "
              "does not see; run them in one (docker run --pid=container:NAME), or the daemon "
              "outside of containers");
    desk_log(d, LOG_LEVEL_WARNING, &message);
}

void ioctl_desk_unreachable(struct ioctl_desk *d, pid_t thread, int rc)
{
    pid_t process = rc == -EACCES ? caller_process(thread) : 0;

    if ((rc != -EACCES && rc != -EOPNOTSUPP) || process == d->unreachable)
        return;
    d->unreachable = process;
    if (process)
        forbidden(d, process);
    else
        elsewhere(d);
}

/* Our parent stands for the programs to come: 'apus run' becomes one. */
void ioctl_desk_probe(struct ioctl_desk *d)
{
    text_auto message = {0};

    if (!caller_is_ours(getppid()) || caller_probe(getppid()) != -EACCES)
        return;
    text_adds(&message,
              "requests through device nodes will fail with EACCES: this system does not let the "
              "daemon look at the memory of programs; give it the capability SYS_PTRACE (in a "
              "container --cap-add SYS_PTRACE)");
    desk_log(d, LOG_LEVEL_ERROR, &message);
}

int ioctl_desk_new(struct door *door, sd_event *event, uint64_t first_token,
                   struct ioctl_desk **out)
{
    struct ioctl_desk *d = xcalloc(1, sizeof *d);
    int rc;

    d->door = door;
    d->event = event;
    d->next_token = first_token;
    d->unreachable = -1;
    rc = copier_new(event, on_no_thread, d, &d->copier);
    if (rc < 0) {
        free(d);
        return rc;
    }
    *out = d;
    return 0;
}

struct copier *ioctl_desk_copier(struct ioctl_desk *d)
{
    return d->copier;
}

void ioctl_desk_free(struct ioctl_desk *d)
{
    if (!d)
        return;
    copier_free(d->copier);
    free(d);
}

static void data_free(struct ioctl_call *c)
{
    if (c->data)
        explicit_bzero(c->data, c->data_len);
    free(c->data);
    c->data = NULL;
}

static void call_free(struct ioctl_call *c)
{
    sd_event_source_disable_unref(c->impatient);
    data_free(c);
    c->way->release(c);
}

static void call_finish(struct ioctl_call *c, int result)
{
    if (result == -EACCES)
        ioctl_desk_unreachable(c->desk, c->thread, -EACCES);
    c->way->answer(c, result);
    call_free(c);
}

static void call_listen(struct ioctl_call *c)
{
    if (c->way->listen)
        c->way->listen(c);
}

static void call_unlisten(struct ioctl_call *c)
{
    if (c->way->unlisten)
        c->way->unlisten(c);
}

/* line: the descriptor for the guard. */
static struct caller caller_of(const struct ioctl_call *c, int line)
{
    return (struct caller){c->thread, c->way->waits, line, c->id, !caller_trusted(c->uid)};
}

/* Describes the operands; their bytes go to data, one after the other. */
static unsigned pieces_of(const struct zcrypt_piece *in, unsigned count, uint8_t *data,
                          struct caller_piece *out)
{
    for (unsigned i = 0; i < count; i++) {
        out[i] = (struct caller_piece){in[i].address, in[i].len, data};
        data += in[i].len;
    }
    return count;
}

static void data_new(struct ioctl_call *c, size_t len)
{
    data_free(c);
    c->data_len = len;
    c->data = xcalloc(1, len + 1);
}

static struct habit *habit_of(const struct ioctl_call *c)
{
    return &c->desk->habits[(unsigned)c->thread % HABITS];
}

static bool same_places(const struct habit *h, const struct zcrypt_work *work)
{
    if (h->count != work->in_count || h->len != work->in_len)
        return false;
    for (unsigned i = 0; i < h->count; i++)
        if (h->in[i].address != work->in[i].address || h->in[i].len != work->in[i].len)
            return false;
    return true;
}

/* Reads structure and operands at once, from the addresses of the last time. False: these are not
 * known, have changed, or cannot be read without waiting. */
static bool call_read_habit(struct ioctl_call *c, uint8_t *bytes, size_t len)
{
    const struct habit *h = habit_of(c);
    struct caller caller = caller_of(c, c->line);
    struct caller_piece pieces[1 + ZCRYPT_PIECES] = {{c->address, len, bytes}};
    unsigned count;

    if (h->thread != c->thread || h->number != c->number || h->address != c->address)
        return false;
    data_new(c, h->len);
    count = 1 + pieces_of(h->in, h->count, c->data, pieces + 1);
    return caller_resident(c->desk->seen, c->thread, c->serial, pieces, count) &&
           caller_read(&caller, pieces, count) == 0 &&
           zcrypt_abi_parse(c->number, c->narrow, bytes, &c->work) == 0 && same_places(h, &c->work);
}

static void habit_set(const struct ioctl_call *c)
{
    struct habit *h = habit_of(c);

    *h = (struct habit){.thread = c->thread,
                        .number = c->number,
                        .address = c->address,
                        .count = c->work.in_count,
                        .len = c->work.in_len};
    memcpy(h->in, c->work.in, sizeof h->in);
}

/* Reads structure and operands. quick: returns -EAGAIN instead of waiting; only on the event loop.
 * Otherwise runs on a thread of the copier. */
static int call_read(struct ioctl_call *c, int line, bool quick)
{
    struct caller caller = caller_of(c, line);
    uint8_t bytes[ZCRYPT_STRUCT_MAX];
    struct caller_piece pieces[ZCRYPT_PIECES];
    struct caller_piece structure = {c->address, zcrypt_abi_struct_len(c->number, c->narrow),
                                     bytes};
    unsigned count;
    int rc;

    if (quick && call_read_habit(c, bytes, structure.len))
        return 0;
    if (quick && !caller_resident(c->desk->seen, c->thread, c->serial, &structure, 1))
        return -EAGAIN;
    rc = caller_read(&caller, &structure, 1);
    if (rc == 0)
        rc = zcrypt_abi_parse(c->number, c->narrow, bytes, &c->work);
    if (rc < 0)
        return rc;
    data_new(c, c->work.in_len);
    count = pieces_of(c->work.in, c->work.in_count, c->data, pieces);
    if (quick && !caller_resident(c->desk->seen, c->thread, c->serial, pieces, count))
        return -EAGAIN;
    if (quick)
        habit_set(c);
    return caller_read(&caller, pieces, count);
}

static int call_write(struct ioctl_call *c, int line, bool quick)
{
    struct caller caller = caller_of(c, line);
    struct caller_piece pieces[ZCRYPT_WRITTEN_PIECES];

    for (unsigned i = 0; i < c->reply.count; i++)
        pieces[i] = (struct caller_piece){c->reply.v[i].address, c->reply.v[i].len,
                                          (void *)c->reply.v[i].data};
    if (quick && !caller_resident(c->desk->seen, c->thread, c->serial, pieces, c->reply.count))
        return -EAGAIN;
    return caller_write(&caller, pieces, c->reply.count);
}

static struct ioctl_call *call_of(struct transfer *t)
{
    return (struct ioctl_call *)((char *)t - offsetof(struct ioctl_call, transfer));
}

static int transfer_work(struct transfer *t, int line)
{
    struct ioctl_call *c = call_of(t);

    return c->stage == IOCTL_READING ? call_read(c, line, false) : call_write(c, line, false);
}

static void call_send(struct ioctl_call *c);

static void transfer_done(struct transfer *t, int result)
{
    struct ioctl_call *c = call_of(t);

    if (atomic_load(&t->abandoned)) {
        call_free(c);
        return;
    }
    call_unlisten(c);
    if (result < 0)
        call_finish(c, result);
    else if (c->stage == IOCTL_READING)
        call_send(c);
    else
        call_finish(c, c->final_result);
}

/* The request did not end in time, or the caller's memory does not answer, and a signal wants the
 * caller back. */
static int on_impatient(sd_event_source *source, uint64_t usec, void *data)
{
    struct ioctl_call *c = data;

    if (!atomic_load(&c->transfer.abandoned)) {
        call_unlisten(c);
        ioctl_call_abandon(c, -IOCTL_RESTART);
    }
    return 0;
}

/* As long as a signal has to wait at this stage. */
static void call_hurry(struct ioctl_call *c)
{
    uint64_t us = c->transfer.busy && c->stage == IOCTL_WRITING ? STUCK_US : GRACE_US;

    if (c->impatient)
        sd_event_source_set_time_relative(c->impatient, us);
    else
        sd_event_add_time_relative(c->desk->event, &c->impatient, CLOCK_MONOTONIC, us, 0,
                                   on_impatient, c);
}

static void call_copy(struct ioctl_call *c, enum ioctl_stage stage)
{
    c->stage = stage;
    c->transfer.thread = c->thread;
    c->transfer.uid = c->uid;
    c->transfer.trusted = caller_trusted(c->uid);
    c->transfer.line = c->line;
    c->transfer.work = transfer_work;
    c->transfer.done = transfer_done;
    if (transfer_start(c->desk->copier, &c->transfer)) {
        if (c->impatient)
            call_hurry(c);
        call_listen(c);
    }
}

static void call_reply(struct ioctl_call *c, int result)
{
    int rc = 0;

    if (c->reply.count)
        rc = caller_trusted(c->uid) ? call_write(c, c->line, true) : -EAGAIN;
    c->final_result = result;
    if (rc == -EAGAIN)
        call_copy(c, IOCTL_WRITING);
    else
        call_finish(c, rc < 0 ? rc : result);
}

static void call_replied(struct ioctl_call *c, int result, const char *text, size_t len)
{
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
        rc = zcrypt_abi_answer(&c->work, c->address, result, &reply, &c->reply);
    if (rc < 0)
        call_finish(c, rc);
    else
        call_reply(c, result);
}

bool ioctl_desk_reply(struct ioctl_desk *d, uint64_t token, int result, const char *text,
                      size_t len)
{
    struct ioctl_call *c;

    LIST_FOREACH (c, &d->waiting[token % BUCKETS], link)
        if (c->token == token) {
            /* No callback from here on: the request may be freed during an interrupt. */
            call_unlisten(c);
            LIST_REMOVE(c, link);
            call_replied(c, result, text, len);
            return true;
        }
    return false;
}

/* The operands have been read: sends the request to zcrypt. */
static void call_send(struct ioctl_call *c)
{
    struct ioctl_desk *d = c->desk;
    size_t count = c->number == IOCTL_ZSENDEP11CPRB ? c->work.in[0].len / ZCRYPT_TARGET_BYTES : 0;
    struct zcrypt_target *targets = count ? xcalloc(count, sizeof *targets) : NULL;
    struct command cmd = {.kind = CMD_ZCRYPT, .token = d->next_token++};
    struct reply reply = {0};

    zcrypt_abi_request(&c->work, c->data, targets, &cmd.zcrypt.request);
    cmd.zcrypt.request.node = c->node;
    cmd.zcrypt.tree = c->tree;
    d->door->execute(d->door, &cmd, &reply);
    reply_done(&reply);
    free(targets);
    data_free(c);
    if (reply.result != -EINPROGRESS) {
        call_finish(c, reply.result);
        return;
    }
    c->stage = IOCTL_SENT;
    c->token = cmd.token;
    LIST_INSERT_HEAD(&d->waiting[c->token % BUCKETS], c, link);
    call_listen(c);
}

void ioctl_call_work(struct ioctl_call *c)
{
    int rc = -EAGAIN;

    c->serial = ++c->desk->last_serial;
    if (caller_trusted(c->uid))
        rc = call_read(c, c->line, true);
    if (rc == -EAGAIN)
        call_copy(c, IOCTL_READING);
    else if (rc < 0)
        call_finish(c, rc);
    else
        call_send(c);
}

void ioctl_call_give(struct ioctl_call *c, uint8_t *data, size_t len)
{
    c->serial = ++c->desk->last_serial;
    c->data = data;
    c->data_len = len;
    c->reply.v[0].address = c->address;
    c->reply.v[0].data = data;
    c->reply.v[0].len = len;
    c->reply.count = 1;
    call_reply(c, 0);
}

static void call_cancel(const struct ioctl_call *c)
{
    struct door *door = c->desk->door;
    struct command cmd = {.kind = CMD_CANCEL, .token = c->token};
    struct reply reply = {0};

    door->execute(door, &cmd, &reply);
    reply_done(&reply);
}

void ioctl_call_abandon(struct ioctl_call *c, int result)
{
    if (!c->transfer.busy) {
        LIST_REMOVE(c, link);
        call_cancel(c);
    } else if (!transfer_stop(c->desk->copier, &c->transfer)) {
        c->way->answer(c, result);
        return;
    }
    call_finish(c, result);
}

void ioctl_call_interrupt(struct ioctl_call *c)
{
    if (!c->impatient)
        call_hurry(c);
}
