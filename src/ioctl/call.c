/* SPDX-License-Identifier: MIT */
#include "ioctl/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

/* How long a signal waits: for the end of the request, and for a copy to the caller's memory. */
#define GRACE_US 20000u
#define STUCK_US 1000000u

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

uint8_t *ioctl_call_room(struct ioctl_call *c, size_t len)
{
    data_free(c);
    c->data_len = len;
    c->data = xcalloc(1, len + 1);
    return c->data;
}

void ioctl_call_drop(struct ioctl_call *c)
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
    ioctl_call_drop(c);
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

/* The request did not end in time, or the caller's memory does not answer, and a signal wants the
 * caller back. */
static int on_impatient(sd_event_source *source, uint64_t usec, void *data)
{
    struct ioctl_call *c = data;

    /* Otherwise it is answered already, or will be without waiting. */
    if (c->stage == IOCTL_SENT || (c->transfer.busy && !atomic_load(&c->transfer.abandoned))) {
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

void ioctl_call_wait(struct ioctl_call *c)
{
    if (c->impatient)
        call_hurry(c);
    call_listen(c);
}

void ioctl_call_resume(struct ioctl_call *c)
{
    call_unlisten(c);
}

static void call_deliver(struct ioctl_call *c, int result)
{
    c->final_result = result;
    c->stage = IOCTL_WRITING;
    if (c->reply.count)
        c->way->deliver(c);
    else
        call_finish(c, result);
}

void ioctl_call_delivered(struct ioctl_call *c, int rc)
{
    call_finish(c, rc < 0 ? rc : c->final_result);
}

/* No adapter has answered; what is written back then says so. */
static void call_refused(struct ioctl_call *c, int result)
{
    zcrypt_abi_answer(&c->work, c->address, result, NULL, &c->reply);
    call_deliver(c, result);
}

static void call_replied(struct ioctl_call *c, int result, const char *text, size_t len)
{
    struct zcrypt_reply reply;
    int rc;

    if (len == 0) {
        call_refused(c, result);
        return;
    }
    memcpy(ioctl_call_room(c, len), text, len);
    rc = zcrypt_reply_parse((const char *)c->data, len, &reply);
    if (rc == 0)
        rc = zcrypt_abi_answer(&c->work, c->address, result, &reply, &c->reply);
    if (rc < 0)
        call_finish(c, rc);
    else
        call_deliver(c, result);
}

bool ioctl_desk_reply(struct ioctl_desk *d, uint64_t token, int result, const char *text,
                      size_t len)
{
    struct ioctl_call *c;

    LIST_FOREACH (c, &d->waiting[token % IOCTL_BUCKETS], link)
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
        call_refused(c, reply.result);
        return;
    }
    c->stage = IOCTL_SENT;
    c->token = cmd.token;
    LIST_INSERT_HEAD(&d->waiting[c->token % IOCTL_BUCKETS], c, link);
    call_listen(c);
}

void ioctl_call_fetched(struct ioctl_call *c, int rc)
{
    /* The structure was read, and what is wrong is in it, or where it leads to. */
    if ((rc == -EINVAL || rc == -EFAULT) && c->work.struct_len)
        call_refused(c, rc);
    else if (rc < 0)
        call_finish(c, rc);
    else
        call_send(c);
}

void ioctl_call_work(struct ioctl_call *c)
{
    c->way->fetch(c);
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
    call_deliver(c, 0);
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
    if (c->stage == IOCTL_SENT) {
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
