/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "zcrypt/internal.h"

/* Chooses the queue for a request: of those that can take it the one with the least load
 * [zcrypt-selection]. */

#define ANY        ZCRYPT_DOMAIN_ANY
#define SAME_CARD  1000u /* weight added for the card and the queue that just failed */
#define SAME_QUEUE 10000u

struct masks {
    const struct mask256 *apm, *aqm;
};

static bool size_fits(const struct ap_card *card, size_t n)
{
    size_t min = card->mode == AP_MODE_ACCEL ? 1 : 16, max = 512;

    if (card->mode == AP_MODE_ACCEL &&
        (card->functions & (AP_FN_MEX4K | AP_FN_CRT4K)) != (AP_FN_MEX4K | AP_FN_CRT4K))
        max = 256;
    return n >= min && n <= max;
}

static bool card_can(const struct ap_card *card, const struct zcrypt_call *call)
{
    if (zcrypt_message_len(&call->request) > ap_card_message_max(card))
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

/*
 * The domain that a CPRB names if it is a usage domain, else ANY: a control-only domain is reached
 * through any queue. Also checks what a node with masks allows.
 */
static int target_domain(const struct zcrypt *z, const struct zcrypt_node *node,
                         const struct zcrypt_call *call, unsigned *out)
{
    const struct ap_qci *qci = ap_bus_qci(z->bus);
    const struct zcrypt_block *block = &call->block;
    bool ep11 = call->request.kind == ZCRYPT_EP11;
    uint32_t domain = block->domain;

    if (node && block->admin) {
        if (domain < ANY && (domain >= AP_IDS || !mask256_test(&node->admask, domain)))
            return -ENODEV;
    } else if (node && call->request.kind == ZCRYPT_CCA && domain < AP_IDS && !block->usage) {
        return -EOPNOTSUPP;
    }
    if (ep11 ||
        (domain < AP_IDS && !mask256_test(&qci->aqm, domain) && mask256_test(&qci->adm, domain)))
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

/* The best queue of a card. False: none can take the call. */
static bool best_queue(const struct zcrypt *z, const struct zcrypt_call *call, unsigned apid,
                       unsigned domain, const struct mask256 *aqm, unsigned *out)
{
    const struct ap_queue *best = NULL;
    unsigned best_load = 0;

    mask256_for_each (apqi, &z->cards[apid].queues_bound) {
        ap_qn qn = AP_QN(apid, apqi);
        const struct ap_queue *q = ap_bus_queue(z->bus, qn);
        unsigned load = with_penalty(call, z->cards[apid].queues[apqi].load, qn, true);

        if (!zcrypt_queue_operational(z, qn) || !mask256_test(aqm, apqi) ||
            (domain != ANY && domain != apqi) || !targeted(&call->request, apid, apqi))
            continue;
        if (best &&
            (load > best_load || (load == best_load && q->total_requests >= best->total_requests)))
            continue;
        best = q;
        best_load = load;
        *out = apqi;
    }
    return best;
}

/* No card can take the call now. -EINVAL: the message is too long for every card there is. */
static int no_queue(const struct zcrypt *z, const struct zcrypt_call *call)
{
    size_t len = zcrypt_message_len(&call->request), most = AP_MESSAGE_DEFAULT;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_card *card = ap_bus_card(z->bus, apid);

        if (card && ap_card_message_max(card) > most)
            most = ap_card_message_max(card);
    }
    return len > most ? -EINVAL : -ENODEV;
}

static bool better(const struct ap_card *card, unsigned load, const struct ap_card *best,
                   unsigned best_load)
{
    return !best || load < best_load ||
           (load == best_load && card->total_requests < best->total_requests);
}

int zcrypt_select(const struct zcrypt *z, const struct zcrypt_call *call, ap_qn *qn,
                  unsigned *weight)
{
    const struct zcrypt_node *node = zcrypt_node_of(z, call->request.node);
    const struct ap_masks *host = ap_bus_masks(z->bus);
    struct masks masks = {node ? &node->apmask : &host->apmask,
                          node ? &node->aqmask : &host->aqmask};
    unsigned domain = ANY, best_load = 0;
    const struct ap_card *best = NULL;
    int rc = !node && call->request.node != ZCRYPT_Z90CRYPT ? -ENODEV : 0;

    if (rc == 0)
        rc = target_domain(z, node, call, &domain);
    if (rc < 0)
        return rc;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_card *card = ap_bus_card(z->bus, apid);
        unsigned own, load, apqi = 0;

        if (!z->cards[apid].bound || !zcrypt_card_operational(z, apid) ||
            !mask256_test(masks.apm, apid) || !card_can(card, call) ||
            !targeted(&call->request, apid, ANY))
            continue;
        own = zcrypt_weight(card, &call->request, &call->block);
        load = with_penalty(call, own + z->cards[apid].load, AP_QN(apid, 0), false);
        if (!better(card, load, best, best_load) ||
            !best_queue(z, call, apid, domain, masks.aqm, &apqi))
            continue;
        /* With the penalty for the queue that just failed, another card may be better. */
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
