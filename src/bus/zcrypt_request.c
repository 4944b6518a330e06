/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/zcrypt_internal.h"
#include "message/cca.h"
#include "message/ep11.h"
#include "message/type50.h"

/* The life of a request: into a queue, its reply out of it, another queue if that went wrong
 * (spec 3.3). */

#define TRIES_MAX 10u

static uint64_t psmid_of(const struct zcrypt *z, uint32_t slot)
{
    return (uint64_t)z->slots[slot].generation << 32 | slot;
}

static struct zcrypt_call *call_find(const struct zcrypt *z, uint64_t psmid)
{
    uint32_t slot = (uint32_t)psmid;

    return slot < z->slot_count && psmid_of(z, slot) == psmid ? z->slots[slot].call : NULL;
}

static void call_register(struct zcrypt *z, struct zcrypt_call *call)
{
    uint32_t slot = z->slot_hint;

    while (slot < z->slot_count && z->slots[slot].call)
        slot++;
    if (slot == z->slot_count) {
        uint32_t grown = z->slot_count ? z->slot_count * 2 : 16;

        z->slots = xrealloc(z->slots, grown * sizeof *z->slots);
        memset(z->slots + z->slot_count, 0, (grown - z->slot_count) * sizeof *z->slots);
        z->slot_count = grown;
    }
    z->slot_hint = slot + 1;
    z->slots[slot].generation++;
    z->slots[slot].call = call;
    call->psmid = psmid_of(z, slot);
}

static void call_free(struct zcrypt *z, struct zcrypt_call *call)
{
    uint32_t slot = (uint32_t)call->psmid;

    z->slots[slot].call = NULL;
    if (slot < z->slot_hint)
        z->slot_hint = slot;
    explicit_bzero(call->copy, call->copy_len); /* clear keys */
    free(call->copy);
    free(call);
}

/* Copies one span into the call's memory and points it there. */
static void keep(struct span *s, uint8_t **at)
{
    if (s->len)
        memcpy(*at, s->data, s->len);
    s->data = *at;
    *at += s->len;
}

static struct zcrypt_call *call_new(const struct zcrypt_request *request, uint64_t token)
{
    struct zcrypt_call *call = xcalloc(1, sizeof *call);
    struct zcrypt_request *r = &call->request;
    size_t targets = request->target_count * sizeof *request->targets;
    struct span *spans[9];
    unsigned count = 0;
    uint8_t *at;

    *r = *request;
    call->token = token;
    call->last_qn = -1;
    if (r->kind == ZCRYPT_RSA) {
        spans[count++] = &r->rsa.input;
        if (r->rsa.crt) {
            spans[count++] = &r->rsa.key.p;
            spans[count++] = &r->rsa.key.q;
            spans[count++] = &r->rsa.key.dp;
            spans[count++] = &r->rsa.key.dq;
            spans[count++] = &r->rsa.key.u;
        } else {
            spans[count++] = &r->rsa.me.exponent;
            spans[count++] = &r->rsa.me.modulus;
        }
    } else {
        spans[count++] = &r->control;
        spans[count++] = &r->data;
    }
    call->copy_len = targets;
    for (unsigned i = 0; i < count; i++)
        call->copy_len += spans[i]->len;
    at = call->copy = xcalloc(1, call->copy_len);
    if (targets)
        memcpy(at, request->targets, targets);
    r->targets = (const void *)at;
    at += targets;
    for (unsigned i = 0; i < count; i++)
        keep(spans[i], &at);
    return call;
}

static void load_add(struct zcrypt *z, const struct zcrypt_call *call, int sign)
{
    struct ap_queue *q = queue_get(z->bus, call->qn);
    struct ap_card *card = &z->bus->cards[AP_QN_APID(call->qn)];

    q->load += (unsigned)sign * call->weight;
    card->load += (unsigned)sign * call->weight;
}

static void waiting_remove(struct zcrypt *z, struct zcrypt_call *call)
{
    if (!call->is_waiting)
        return;
    TAILQ_REMOVE(&z->waiting, call, waiting);
    call->is_waiting = false;
    queue_get(z->bus, call->qn)->requestq--;
}

static void put32(struct text *out, uint32_t value)
{
    text_add(out, (const char *)&value, sizeof value);
}

/* The end of a call: its token gets the result, and the reply's parts if there are any. */
static void call_finish(struct zcrypt *z, struct zcrypt_call *call, int rc,
                        const struct outcome *outcome, struct effects *fx)
{
    struct effect *e;

    if (call->token) {
        effects_reply(fx, call->token, rc);
        e = &fx->v[fx->count - 1];
        e->text = (uint32_t)fx->pool.len;
        if (outcome) {
            size_t control = rc == 0 ? outcome->control.len : 0;
            size_t data = rc == 0 ? outcome->data.len : 0;

            put32(&fx->pool, outcome->status);
            put32(&fx->pool, (uint32_t)control);
            put32(&fx->pool, (uint32_t)data);
            text_add(&fx->pool, (const char *)outcome->control.data, control);
            text_add(&fx->pool, (const char *)outcome->data.data, data);
        }
        e->len = (uint32_t)(fx->pool.len - e->text);
    }
    call_free(z, call);
}

int zcrypt_reply_parse(const char *text, size_t len, struct zcrypt_reply *out)
{
    uint32_t head[3];
    const uint8_t *body = (const uint8_t *)text + sizeof head;

    if (len < sizeof head)
        return -EINVAL;
    memcpy(head, text, sizeof head);
    if ((uint64_t)head[1] + head[2] != len - sizeof head)
        return -EINVAL;
    *out = (struct zcrypt_reply){head[0], {body, head[1]}, {body + head[1], head[2]}};
    return 0;
}

#define MESSAGE_MAX     65536u /* that a queue can answer with */
#define RSA_MESSAGE_MAX 8192u

/* A CPRB that leaves the domain open gets that of its queue. */
static void cprb_set_domain(struct buffer *message, unsigned apqi)
{
    struct cprbx cca;
    struct span control = {message->data + TYPE6_HEADER_BYTES, message->len - TYPE6_HEADER_BYTES};

    if (cprbx_parse(control, &cca) == 0 && cca.domain == 0xffff)
        be16_put(message->data + TYPE6_HEADER_BYTES + 170, (uint16_t)apqi);
}

static int format_cca(const struct zcrypt_request *r, unsigned apqi, struct buffer *out,
                      bool *special)
{
    struct type6 message = {.agent = {r->agent[0], r->agent[1]},
                            .reply_control = r->reply_control,
                            .reply_data = r->reply_data,
                            .control = r->control,
                            .data = r->data};
    struct cprbx cca;
    int rc = cprbx_parse(r->control, &cca);

    if (rc < 0)
        return -EINVAL;
    if (cca.params.len >= 2)
        memcpy(message.function, cca.params.data, 2);
    *special = cca_function_special(message.function);
    rc = type6_format(&message, true, out);
    if (rc == 0)
        cprb_set_domain(out, apqi);
    return rc;
}

static int format_ep11(const struct zcrypt_request *r, unsigned apqi, struct buffer *out,
                       bool *special)
{
    uint8_t *control = xcalloc(1, r->control.len);
    struct ep11_cprb ep11;
    int rc;

    memcpy(control, r->control.data, r->control.len);
    rc = ep11_parse(r->control, &ep11);
    if (rc == 0 && !zcrypt_is_admin(r))
        rc = ep11_set_domain(control, r->control.len, apqi);
    if (rc == 0)
        rc = ep11_format_message((struct span){control, r->control.len}, r->reply_control, out);
    *special = rc == 0 && ep11.flags & EP11_FLAG_SPECIAL;
    free(control);
    return rc < 0 ? -EINVAL : 0;
}

static int format(const struct zcrypt *z, const struct zcrypt_call *call, struct buffer *out,
                  bool *special)
{
    const struct ap_card *card = &z->bus->cards[AP_QN_APID(call->qn)];
    unsigned apqi = AP_QN_APQI(call->qn);

    *special = false;
    switch (call->request.kind) {
    case ZCRYPT_RSA:
        if (card->mode == AP_MODE_ACCEL)
            return type50_format(&call->request.rsa, out);
        return cca_rsa_format(&call->request.rsa, (uint16_t)apqi, out);
    case ZCRYPT_CCA:
        return format_cca(&call->request, apqi, out, special);
    case ZCRYPT_EP11:
        return format_ep11(&call->request, apqi, out, special);
    }
    return -EINVAL;
}

static struct outcome judge(const struct zcrypt *z, const struct zcrypt_call *call,
                            struct span reply)
{
    if (call->request.kind != ZCRYPT_RSA)
        return type86_judge_cprb(reply,
                                 call->request.kind == ZCRYPT_CCA ? CPRBX_VERSION : EP11_VERSION);
    if (z->bus->cards[AP_QN_APID(call->qn)].mode == AP_MODE_ACCEL)
        return type50_judge(reply, call->request.rsa.input.len);
    return type86_judge_rsa(reply, call->request.rsa.input.len);
}

/* Room for the call's message: type 50, or header, control block and data block with padding. */
static size_t message_room(const struct zcrypt_call *call)
{
    if (call->request.kind == ZCRYPT_RSA)
        return RSA_MESSAGE_MAX;
    return TYPE6_HEADER_BYTES + call->request.control.len + call->request.data.len + 8;
}

/* The call stays until its queue takes it. */
static void call_wait(struct zcrypt *z, struct zcrypt_call *call)
{
    TAILQ_INSERT_TAIL(&z->waiting, call, waiting);
    call->is_waiting = true;
    queue_get(z->bus, call->qn)->requestq++;
}

/* Puts the call's message into its queue. 0: it is inside, or waits for room; -EAGAIN: the queue
 * does not take it. */
static int call_send(struct zcrypt *z, struct zcrypt_call *call, uint64_t now)
{
    size_t room = message_room(call);
    struct buffer message = buffer_of(xcalloc(1, room), room);
    struct ap_nqap nqap = {.psmid = call->psmid};
    struct ap_queue *q = queue_get(z->bus, call->qn);
    int rc = format(z, call, &message, &nqap.special);
    enum ap_rc ap = AP_RC_RESET_IN_PROGRESS;

    nqap.data = message.data;
    nqap.len = message.len;
    if (rc == 0 && q->reset == RESET_NONE)
        ap = apqsw_rc(z->bus->hw.ops->nqap(z->bus->hw.ctx, call->qn, &nqap));
    explicit_bzero(message.data, message.len);
    free(message.data);
    if (rc < 0)
        return rc;
    switch (ap) {
    case AP_RC_NORMAL:
        if (q->pendingq++ == 0)
            q->alive = now;
        return 0;
    case AP_RC_RESET_IN_PROGRESS:
        if (q->reset == RESET_NONE)
            q->reset = RESET_WAIT;
        call_wait(z, call);
        return 0;
    case AP_RC_Q_FULL:
        call_wait(z, call);
        return 0;
    case AP_RC_REQ_FAC_NOT_INST:
    case AP_RC_MESSAGE_TOO_BIG:
    case AP_RC_INVALID_DOMAIN:
        return -EINVAL;
    default:
        return -EAGAIN;
    }
}

/* Chooses a queue and sends; as long as queues refuse, others are tried. -EINPROGRESS, or why it is
 * over. */
static int call_start(struct zcrypt *z, struct zcrypt_call *call, uint64_t now)
{
    while (call->tries++ < TRIES_MAX) {
        struct ap_queue *q;
        int rc = zcrypt_select(z, call, &call->qn, &call->weight);

        if (rc < 0)
            return rc;
        q = queue_get(z->bus, call->qn);
        load_add(z, call, 1);
        rc = call_send(z, call, now);
        if (rc == 0) {
            q->requests++;
            z->bus->cards[AP_QN_APID(call->qn)].requests++;
            return -EINPROGRESS;
        }
        load_add(z, call, -1);
        call->last_qn = call->qn;
        if (rc != -EAGAIN)
            return rc;
    }
    return -EIO;
}

static void call_retry(struct zcrypt *z, struct zcrypt_call *call, struct effects *fx)
{
    uint32_t slot = (uint32_t)call->psmid;
    int rc;

    load_add(z, call, -1);
    call->last_qn = call->qn;
    /* A message that stayed behind is another one, also when this one comes to the same queue. */
    z->slots[slot].generation++;
    call->psmid = psmid_of(z, slot);
    rc = call_start(z, call, fx->now);
    if (rc != -EINPROGRESS)
        call_finish(z, call, rc, NULL, fx);
}

/* An adapter has, or may have, seen the call. That of an administrator is not made twice. */
static void call_failed(struct zcrypt *z, struct zcrypt_call *call, const struct outcome *outcome,
                        struct effects *fx)
{
    if (call->tries < TRIES_MAX && !zcrypt_is_admin(&call->request)) {
        call_retry(z, call, fx);
        return;
    }
    load_add(z, call, -1);
    call_finish(z, call, -EIO, outcome, fx);
}

static int request_check(const struct zcrypt *z, const struct zcrypt_request *r)
{
    struct ep11_cprb ep11;
    struct cprbx cca;

    switch (r->kind) {
    case ZCRYPT_RSA:
        if (r->rsa.input.len > RSA_BYTES_MAX)
            return -ENODEV;
        return rsa_request_check(&r->rsa);
    case ZCRYPT_CCA:
        if (cprbx_parse(r->control, &cca) < 0 || r->control.len == CPRBX_BYTES ||
            r->reply_control < CPRBX_BYTES)
            return -EINVAL;
        return 0;
    case ZCRYPT_EP11:
        return ep11_parse(r->control, &ep11) < 0 || r->reply_control < EP11_CPRB_BYTES ? -EINVAL
                                                                                       : 0;
    }
    return -EINVAL;
}

int zcrypt_send(struct zcrypt *z, const struct zcrypt_request *request, struct effects *fx)
{
    struct zcrypt_call *call;
    int rc = request_check(z, request);

    if (rc < 0)
        return rc;
    call = call_new(request, fx->token);
    call_register(z, call);
    rc = call_start(z, call, fx->now);
    if (rc == -ENODEV) {
        /* Perhaps something has come that the bus does not know yet. */
        ap_bus_scan(z->bus, fx);
        rc = call_start(z, call, fx->now);
    }
    if (rc != -EINPROGRESS)
        call_free(z, call);
    return rc;
}

/* The call has left its queue, by whatever way. */
static void call_leave(struct zcrypt *z, struct zcrypt_call *call)
{
    if (call->is_waiting) {
        waiting_remove(z, call);
    } else {
        queue_get(z->bus, call->qn)->pendingq--;
    }
}

/* A message that is inside its queue stays there; nobody knows its reply any more. */
static void call_drop(struct zcrypt *z, struct zcrypt_call *call)
{
    call_leave(z, call);
    load_add(z, call, -1);
    call_free(z, call);
}

void zcrypt_cancel(struct zcrypt *z, uint64_t token)
{
    for (uint32_t slot = 0; slot < z->slot_count && token; slot++)
        if (z->slots[slot].call && z->slots[slot].call->token == token)
            call_drop(z, z->slots[slot].call);
}

void zcrypt_abandon(struct zcrypt *z, struct effects *fx)
{
    for (uint32_t slot = 0; slot < z->slot_count; slot++) {
        struct zcrypt_call *call = z->slots[slot].call;

        if (!call)
            continue;
        call_leave(z, call);
        load_add(z, call, -1);
        call_finish(z, call, -ENODEV, NULL, fx);
    }
}

static void queue_set_offline(struct zcrypt *z, ap_qn qn, struct effects *fx)
{
    struct ap_queue *q = queue_get(z->bus, qn);

    effects_log(fx, LOG_LEVEL_WARNING, "%02x.%04x: unknown reply; the queue is set offline",
                AP_QN_APID(qn), AP_QN_APQI(qn));
    q->user_online = false;
    queue_uevent(z->bus, qn, "change", "ONLINE=0", fx);
}

static void reply_arrived(struct zcrypt *z, struct zcrypt_call *call, struct span reply,
                          struct effects *fx)
{
    struct outcome outcome = judge(z, call, reply);

    if (outcome.offline)
        queue_set_offline(z, call->qn, fx);
    if (outcome.error == 0 && call->request.kind != ZCRYPT_RSA &&
        (outcome.control.len > call->request.reply_control ||
         outcome.data.len > call->request.reply_data))
        outcome.error = -EMSGSIZE;
    if (outcome.error == -EAGAIN) {
        call_failed(z, call, &outcome, fx);
        return;
    }
    load_add(z, call, -1);
    call_finish(z, call, outcome.error, &outcome, fx);
}

/* Room has come in a queue: the first that waits for it goes in. False: none does, or it has to
 * wait again. */
static bool send_waiting(struct zcrypt *z, ap_qn qn, struct effects *fx)
{
    struct zcrypt_call *call;
    int rc;

    TAILQ_FOREACH (call, &z->waiting, waiting)
        if (call->qn == qn)
            break;
    if (!call)
        return false;
    waiting_remove(z, call);
    rc = call_send(z, call, fx->now);
    if (rc == -EAGAIN) {
        call_retry(z, call, fx);
    } else if (rc < 0) {
        load_add(z, call, -1);
        call_finish(z, call, rc, NULL, fx);
    }
    return rc != 0 || !call->is_waiting;
}

/* A call that is turned away may come back to the same queue, so there is an end to it. */
void zcrypt_queue_open(struct zcrypt *z, uint16_t qn, struct effects *fx)
{
    unsigned left = queue_get(z->bus, qn)->requestq;

    while (left-- && send_waiting(z, qn, fx))
        ;
}

void zcrypt_poll(struct zcrypt *z, uint16_t qn, struct effects *fx)
{
    text_auto data = {0};

    for (;;) {
        struct ap_dqap dqap = {.room = MESSAGE_MAX, .data = &data};
        struct ap_queue *q = queue_find(z->bus, qn);
        struct zcrypt_call *call;
        uint32_t apqsw;

        text_clear(&data);
        if (!q || q->driver == DRIVER_NONE || !ap_drivers[q->driver].zcrypt)
            return;
        apqsw = z->bus->hw.ops->dqap(z->bus->hw.ctx, qn, &dqap);
        /* Somebody else has reset the queue: what was inside is sent again (spec 1.7). */
        if (apqsw_rc(apqsw) == AP_RC_NO_PENDING_REPLY && apqsw & APQSW_EMPTY && q->pendingq)
            zcrypt_queue_lost(z, qn, fx);
        if (apqsw_rc(apqsw) != AP_RC_NORMAL)
            return;
        call = call_find(z, dqap.psmid);
        if (call && call->qn == qn && !call->is_waiting) {
            q->pendingq--;
            q->alive = fx->now;
            reply_arrived(z, call, (struct span){(uint8_t *)data.data, data.len}, fx);
        }
        send_waiting(z, qn, fx);
    }
}

void zcrypt_queue_lost(struct zcrypt *z, uint16_t qn, struct effects *fx)
{
    if (!queue_get(z->bus, qn)->pendingq && !queue_get(z->bus, qn)->requestq)
        return;
    for (uint32_t slot = 0; slot < z->slot_count; slot++) {
        struct zcrypt_call *call = z->slots[slot].call;
        bool waiting = call && call->is_waiting;

        if (!call || call->qn != qn)
            continue;
        call_leave(z, call);
        if (waiting)
            call_retry(z, call, fx);
        else
            call_failed(z, call, NULL, fx);
    }
}

struct zcrypt *zcrypt_new(struct sysfs_tree *tree, struct ap_bus *bus)
{
    struct zcrypt *z = xcalloc(1, sizeof *z);

    z->tree = tree;
    z->bus = bus;
    TAILQ_INIT(&z->waiting);
    bus->zcrypt = z;
    zcrypt_nodes_register(z);
    return z;
}

void zcrypt_free(struct zcrypt *z)
{
    if (!z)
        return;
    for (uint32_t slot = 0; slot < z->slot_count; slot++)
        if (z->slots[slot].call)
            call_free(z, z->slots[slot].call);
    free(z->slots);
    free(z);
}
