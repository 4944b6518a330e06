/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "bus/zcrypt_internal.h"
#include "message/cprbx.h"
#include "message/ep11.h"
#include "message/type6.h"

/* Which queue takes a request: who can, and of those the one with the least to do (spec 3.3). */

#define ANY        0xffffu
#define SAME_CARD  1000u /* weight added for the card and the queue that just failed */
#define SAME_QUEUE 10000u

struct masks {
    const struct mask256 *apm, *aqm;
};

static bool usable(const struct ap_card *card)
{
    return card->present && card->driver != DRIVER_NONE && card->config && !card->chkstop &&
           card->user_online;
}

static bool queue_usable(const struct ap_queue *q)
{
    return q->driver != DRIVER_NONE && ap_drivers[q->driver].zcrypt && q->config && !q->chkstop &&
           q->user_online;
}

static bool size_fits(const struct ap_card *card, size_t n)
{
    size_t min = card->mode == AP_MODE_ACCEL ? 1 : 16, max = 512;

    if (card->mode == AP_MODE_ACCEL &&
        (card->functions & (AP_FN_MEX4K | AP_FN_CRT4K)) != (AP_FN_MEX4K | AP_FN_CRT4K))
        max = 256;
    return n >= min && n <= max;
}

/* What the queue gets, in bytes; a longer message only cards with room for it can take. */
static size_t message_len(const struct zcrypt_request *r)
{
    if (r->kind == ZCRYPT_RSA) /* less than any card takes */
        return 0;
    return TYPE6_HEADER_BYTES + (r->control.len + 3) / 4 * 4 + r->data.len;
}

static bool card_can(const struct ap_card *card, const struct zcrypt_call *call)
{
    if (message_len(&call->request) > card_message_max(card))
        return false;
    switch (call->request.kind) {
    case ZCRYPT_RSA:
        return card->mode != AP_MODE_EP11 && size_fits(card, call->request.rsa.input.len);
    case ZCRYPT_CCA:
        return card->mode == AP_MODE_CCA;
    case ZCRYPT_EP11:
        return card->mode == AP_MODE_EP11;
    }
    return false;
}

static bool targeted(const struct zcrypt_request *r, unsigned apid, unsigned apqi)
{
    if (r->kind == ZCRYPT_CCA)
        return r->card == ZCRYPT_ANY_CARD || r->card == apid;
    if (r->kind != ZCRYPT_EP11 || !r->target_count)
        return true;
    for (unsigned i = 0; i < r->target_count; i++)
        if ((r->targets[i].apid == ANY || r->targets[i].apid == apid) &&
            (apqi == ANY || r->targets[i].apqi == ANY || r->targets[i].apqi == apqi))
            return true;
    return false;
}

bool zcrypt_is_admin(const struct zcrypt_request *r)
{
    struct ep11_cprb ep11;
    struct cprbx cca;

    if (r->kind == ZCRYPT_EP11)
        return ep11_parse(r->control, &ep11) == 0 && ep11.flags & EP11_FLAG_ADMIN;
    return r->kind == ZCRYPT_CCA && cprbx_parse(r->control, &cca) == 0 && cca.func_id[0] == 'T' &&
           strchr("3567", cca.func_id[1]) && cca.func_id[1];
}

/*
 * The domain a CPRB names: usage domain that must take it, or ANY; a control-only domain is reached
 * through any queue. What a node with masks allows is asked here, too.
 */
static int target_domain(const struct zcrypt *z, const struct zcrypt_node *node,
                         const struct zcrypt_request *r, unsigned *out)
{
    struct ep11_cprb ep11;
    struct cprbx cca;
    uint32_t domain = ANY;

    if (r->kind == ZCRYPT_CCA && cprbx_parse(r->control, &cca) == 0)
        domain = cca.domain;
    else if (r->kind == ZCRYPT_EP11 && ep11_parse(r->control, &ep11) == 0)
        domain = ep11.target;
    if (node && zcrypt_is_admin(r)) {
        if (domain < ANY && (domain >= AP_IDS || !mask256_test(&node->admask, domain)))
            return -ENODEV;
    } else if (node && r->kind == ZCRYPT_CCA && domain < AP_IDS &&
               memcmp(cca.func_id, "T2", 2) != 0) {
        return -EOPNOTSUPP;
    }
    if (r->kind == ZCRYPT_EP11 || (domain < AP_IDS && !mask256_test(&z->bus->qci.aqm, domain) &&
                                   mask256_test(&z->bus->qci.adm, domain)))
        domain = ANY;
    *out = domain;
    return 0;
}

static unsigned with_penalty(const struct zcrypt_call *call, unsigned weight, ap_qn qn, bool queue)
{
    if (call->last_qn < 0)
        return weight;
    if (queue)
        return weight + (call->last_qn == qn ? SAME_QUEUE : 0);
    return weight + (AP_QN_APID((unsigned)call->last_qn) == AP_QN_APID(qn) ? SAME_CARD : 0);
}

/* The best queue of a card, or NULL. */
static struct ap_queue *best_queue(const struct zcrypt *z, const struct zcrypt_call *call,
                                   unsigned apid, unsigned domain, const struct mask256 *aqm,
                                   unsigned *apqi_out)
{
    struct ap_card *card = &z->bus->cards[apid];
    struct ap_queue *best = NULL;
    unsigned best_load = 0;

    mask256_for_each(apqi, &card->present_queues)
    {
        struct ap_queue *q = &card->queues[apqi];
        unsigned load = with_penalty(call, q->load, AP_QN(apid, apqi), true);

        if (!queue_usable(q) || !mask256_test(aqm, apqi) || (domain != ANY && domain != apqi) ||
            !targeted(&call->request, apid, apqi))
            continue;
        if (best && (load > best_load || (load == best_load && q->requests >= best->requests)))
            continue;
        best = q;
        best_load = load;
        *apqi_out = apqi;
    }
    return best;
}

/* No card takes the call: -EINVAL if none ever could, so long is its message. */
static int no_queue(const struct zcrypt *z, const struct zcrypt_call *call)
{
    size_t len = message_len(&call->request), most = AP_MESSAGE_DEFAULT;

    for (unsigned apid = 0; apid < AP_IDS; apid++)
        if (z->bus->cards[apid].present && card_message_max(&z->bus->cards[apid]) > most)
            most = card_message_max(&z->bus->cards[apid]);
    return len > most ? -EINVAL : -ENODEV;
}

static bool better(const struct ap_card *card, unsigned load, const struct ap_card *best,
                   unsigned best_load)
{
    return !best || load < best_load || (load == best_load && card->requests < best->requests);
}

int zcrypt_select(const struct zcrypt *z, const struct zcrypt_call *call, ap_qn *qn,
                  unsigned *weight)
{
    const struct zcrypt_node *node = zcrypt_node_of(z, call->request.node);
    struct masks masks = {node ? &node->apmask : &z->bus->masks.apmask,
                          node ? &node->aqmask : &z->bus->masks.aqmask};
    unsigned domain = ANY, best_load = 0;
    const struct ap_card *best = NULL;
    int rc = !node && call->request.node != ZCRYPT_Z90CRYPT ? -ENODEV : 0;

    if (rc == 0)
        rc = target_domain(z, node, &call->request, &domain);
    if (rc < 0)
        return rc;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_card *card = &z->bus->cards[apid];
        unsigned own, load, apqi = 0;

        if (!usable(card) || !mask256_test(masks.apm, apid) || !card_can(card, call) ||
            !targeted(&call->request, apid, ANY))
            continue;
        own = zcrypt_weight(card, &call->request);
        load = with_penalty(call, own + card->load, AP_QN(apid, 0), false);
        if (!better(card, load, best, best_load) ||
            !best_queue(z, call, apid, domain, masks.aqm, &apqi))
            continue;
        /* Where the call has just failed is no better than a card with much to do. */
        load = with_penalty(call, load, AP_QN(apid, apqi), true);
        if (!better(card, load, best, best_load))
            continue;
        best = card;
        best_load = load;
        *qn = AP_QN(apid, apqi);
        *weight = own;
    }
    return best ? 0 : no_queue(z, call);
}
