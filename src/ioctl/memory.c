/* SPDX-License-Identifier: MIT */
/* The bytes of a call, copied by the daemon itself from and to the caller's memory: at once if that
 * cannot block, otherwise by the copier. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "ioctl/internal.h"

/* line: the descriptor for the guard. */
static struct caller caller_of(const struct ioctl_call *c, int line)
{
    return (struct caller){c->thread, c->way->waits, line, c->id, !caller_trusted(c->uid), c->line};
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
    ioctl_call_room(c, h->len);
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
    ioctl_call_room(c, c->work.in_len);
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

static void transfer_done(struct transfer *t, int result)
{
    struct ioctl_call *c = call_of(t);

    if (atomic_load(&t->abandoned)) {
        ioctl_call_drop(c);
        return;
    }
    ioctl_call_resume(c);
    if (c->stage == IOCTL_READING)
        ioctl_call_fetched(c, result);
    else
        ioctl_call_delivered(c, result);
}

static void copy_later(struct ioctl_call *c)
{
    c->transfer.thread = c->thread;
    c->transfer.uid = c->uid;
    c->transfer.trusted = caller_trusted(c->uid);
    c->transfer.line = c->line;
    c->transfer.work = transfer_work;
    c->transfer.done = transfer_done;
    if (transfer_start(c->desk->copier, &c->transfer))
        ioctl_call_wait(c);
}

void ioctl_memory_fetch(struct ioctl_call *c)
{
    int rc = -EAGAIN;

    c->serial = ++c->desk->last_serial;
    if (caller_trusted(c->uid))
        rc = call_read(c, c->line, true);
    if (rc == -EAGAIN)
        copy_later(c);
    else
        ioctl_call_fetched(c, rc);
}

void ioctl_memory_deliver(struct ioctl_call *c)
{
    int rc = caller_trusted(c->uid) ? call_write(c, c->line, true) : -EAGAIN;

    if (rc == -EAGAIN)
        copy_later(c);
    else
        ioctl_call_delivered(c, rc);
}
