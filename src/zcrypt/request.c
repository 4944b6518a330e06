/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "zcrypt/internal.h"

/*
 * The life of a request [zcrypt-retries]. Its zcrypt_call is in z->calls from call_new to
 * call_free.
 *
 *   call_start: choose a queue <--------------------------------------------+
 *        |  none: ENODEV ...        after ten tries: EIO                    |
 *        v                                                                  |
 *   ap_queue_message ---- EAGAIN -------------------------------------------+
 *        |                                                                  |
 *        +-- lost, or answered "try again" ---------------------------------+
 *        +-- answered --> EFFECT_REPLY
 *        +-- zcrypt_cancel: the caller is gone, the reply is dropped
 */

#define TRIES_MAX 10u

static struct zcrypt_call *call_of(struct ap_message *msg)
{
    return (struct zcrypt_call *)msg;
}

/* Copies a span into the call's memory and points it to the copy. */
static void keep(struct span *s, uint8_t **at)
{
    if (s->len)
        memcpy(*at, s->data, s->len);
    s->data = *at;
    *at += s->len;
}

static struct zcrypt_call *call_new(struct zcrypt *z, const struct zcrypt_request *request,
                                    const struct zcrypt_block *block, uint64_t token)
{
    struct zcrypt_call *call = xcalloc(1, sizeof *call);
    struct zcrypt_request *r = &call->request;
    size_t targets = request->target_count * sizeof *request->targets;
    struct span *spans[9];
    unsigned count = 0;
    uint8_t *at;

    *r = *request;
    call->zcrypt = z;
    call->block = *block;
    call->token = token;
    call->last_qn = -1;
    TAILQ_INSERT_TAIL(&z->calls, call, link);
    if (token)
        HASH_ADD(by_token, z->tokens->calls, token, sizeof call->token, call);
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

static void call_free(struct zcrypt_call *call)
{
    struct zcrypt *z = call->zcrypt;

    TAILQ_REMOVE(&z->calls, call, link);
    if (call->token)
        HASH_DELETE(by_token, z->tokens->calls, call);
    ap_message_done(&call->message);
    explicit_bzero(call->copy, call->copy_len); /* may hold clear keys */
    free(call->copy);
    free(call);
}

void zcrypt_calls_free(struct zcrypt *z)
{
    while (!TAILQ_EMPTY(&z->calls))
        call_free(TAILQ_FIRST(&z->calls));
}

/* The load is accounted even if the queue was unbound meanwhile: its slot stays allocated. */
static void load_add(const struct zcrypt_call *call, int sign)
{
    struct zcrypt_card *zc = &call->zcrypt->cards[AP_QN_APID(call->message.qn)];

    zc->queues[AP_QN_APQI(call->message.qn)].load += (unsigned)sign * call->weight;
    zc->load += (unsigned)sign * call->weight;
}

static const struct ap_card *card_of(const struct zcrypt_call *call)
{
    return ap_bus_card(call->zcrypt->bus, AP_QN_APID(call->message.qn));
}

static void put32(struct text *out, uint32_t value)
{
    text_add(out, (const char *)&value, sizeof value);
}

/* Ends a call: EFFECT_REPLY with the result and the parts of the reply, if any, for its token. */
static void call_finish(struct zcrypt_call *call, int rc, const struct outcome *outcome,
                        struct effects *fx)
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
            text_add_private(&fx->pool, (const char *)outcome->control.data, control);
            text_add_private(&fx->pool, (const char *)outcome->data.data, data);
            fx->is_private = true;
        }
        e->len = (uint32_t)(fx->pool.len - e->text);
    }
    call_free(call);
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

static int call_send(struct zcrypt_call *call, uint64_t now)
{
    int rc = zcrypt_message_format(&call->request, &call->block, card_of(call),
                                   AP_QN_APQI(call->message.qn), &call->message);

    if (rc == 0)
        rc = ap_queue_message(call->zcrypt->bus, &call->message, now);
    if (rc < 0)
        ap_message_done(&call->message);
    return rc;
}

/*
 * Chooses a queue and sends; tries further queues while they refuse. An administrative request is
 * sent once: EIO wherever another one would be tried again. -EINPROGRESS, or the error
 * that ends the call. */
static int call_start(struct zcrypt_call *call, uint64_t now)
{
    while (call->tries++ < TRIES_MAX) {
        int rc = zcrypt_select(call->zcrypt, call, &call->message.qn, &call->weight);

        if (rc < 0)
            return rc;
        load_add(call, 1);
        rc = call_send(call, now);
        if (rc == 0)
            return -EINPROGRESS;
        load_add(call, -1);
        call->last_qn = call->message.qn;
        if (rc != -EAGAIN)
            return rc;
        if (call->block.admin)
            break;
    }
    return -EIO;
}

/* The call has left its queue without a final reply. */
static void call_retry(struct zcrypt_call *call, struct effects *fx)
{
    int rc;

    call->last_qn = call->message.qn;
    rc = call_start(call, fx->now);
    if (rc != -EINPROGRESS)
        call_finish(call, rc, NULL, fx);
}

/* An adapter has, or may have, seen the request. */
static void call_failed(struct zcrypt_call *call, const struct outcome *outcome, struct effects *fx)
{
    if (call->tries < TRIES_MAX && !call->block.admin)
        call_retry(call, fx);
    else
        call_finish(call, -EIO, outcome, fx);
}

int zcrypt_send(struct zcrypt *z, const struct zcrypt_request *request, struct effects *fx)
{
    struct zcrypt_block block;
    struct zcrypt_call *call;
    int rc = zcrypt_message_parse(request, &block);

    if (rc < 0)
        return rc;
    call = call_new(z, request, &block, fx->token);
    rc = call_start(call, fx->now);
    if (rc == -ENODEV) {
        /* As in the kernel: a device may have appeared that the bus does not know yet. */
        ap_bus_scan(z->bus, fx);
        rc = call_start(call, fx->now);
    }
    if (rc != -EINPROGRESS)
        call_free(call);
    return rc;
}

/* A message in the hardware queue stays there; its reply will be ignored. */
static void call_withdraw(struct zcrypt_call *call)
{
    ap_cancel_message(call->zcrypt->bus, &call->message);
    load_add(call, -1);
}

void zcrypt_cancel(struct zcrypt_tokens *tokens, uint64_t token)
{
    struct zcrypt_call *call;

    HASH_FIND(by_token, tokens->calls, &token, sizeof token, call);
    if (!call)
        return;
    call_withdraw(call);
    call_free(call);
}

void zcrypt_abandon(struct zcrypt *z, struct effects *fx)
{
    while (!TAILQ_EMPTY(&z->calls)) {
        struct zcrypt_call *call = TAILQ_FIRST(&z->calls);

        call_withdraw(call);
        call_finish(call, -ENODEV, NULL, fx);
    }
}

static void queue_set_offline(struct zcrypt *z, ap_qn qn, struct effects *fx)
{
    effects_log(fx, LOG_LEVEL_WARNING, "%02x.%04x: unknown reply; setting the queue offline",
                AP_QN_APID(qn), AP_QN_APQI(qn));
    zcrypt_queue_at(z, qn)->offline = true;
    effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
    ap_queue_send_online(z->bus, qn, false, fx);
}

void zcrypt_received(void *ctx, struct ap_message *msg, struct span reply, struct effects *fx)
{
    struct zcrypt_call *call = call_of(msg);
    const struct zcrypt_request *r = &call->request;
    struct outcome outcome = zcrypt_message_judge(r, card_of(call)->mode, reply);

    load_add(call, -1);
    if (outcome.offline)
        queue_set_offline(ctx, msg->qn, fx);
    if (outcome.error == 0 && r->kind != ZCRYPT_RSA &&
        (outcome.control.len > r->reply_control || outcome.data.len > r->reply_data))
        outcome.error = -EMSGSIZE;
    if (outcome.error == -EAGAIN)
        call_failed(call, &outcome, fx);
    else
        call_finish(call, outcome.error, &outcome, fx);
}

void zcrypt_lost(void *ctx, struct ap_message *msg, int err, struct effects *fx)
{
    struct zcrypt_call *call = call_of(msg);

    ap_message_done(msg);
    load_add(call, -1);
    if (err == -EAGAIN && !call->block.admin)
        call_retry(call, fx);
    else if (err == -EAGAIN || err == -EIO)
        call_failed(call, NULL, fx);
    else
        call_finish(call, err, NULL, fx);
}
