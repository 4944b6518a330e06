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

/* The queue chosen so far, and what it weighs: the rating of its card, and penalties. */
struct choice {
    const struct zcrypt_card *zc;
    const struct zcrypt_queue *zq;
    ap_qn qn;
    unsigned own, weight;
};

static unsigned card_penalty(const struct zcrypt_call *call, unsigned apid)
{
    return call->last_qn >= 0 && AP_QN_APID((unsigned)call->last_qn) == apid ? SAME_CARD : 0;
}

static unsigned queue_penalty(const struct zcrypt_call *call, ap_qn qn)
{
    return call->last_qn == qn ? SAME_QUEUE : 0;
}

static bool less(unsigned load, uint64_t requests, unsigned other_load, uint64_t other_requests)
{
    return load < other_load || (load == other_load && requests < other_requests);
}

static bool card_better(const struct zcrypt *z, const struct zcrypt_card *zc, unsigned weight,
                        const struct choice *best)
{
    return !best->zc ||
           less(weight + zc->load, ap_bus_card(z->bus, zcrypt_card_id(z, zc))->total_requests,
                best->weight + best->zc->load,
                ap_bus_card(z->bus, AP_QN_APID(best->qn))->total_requests);
}

static bool queue_better(const struct zcrypt *z, const struct zcrypt_queue *zq, ap_qn qn,
                         unsigned weight, const struct choice *best)
{
    return !best->zq ||
           less(weight + zq->load, ap_bus_queue(z->bus, qn)->total_requests,
                best->weight + best->zq->load, ap_bus_queue(z->bus, best->qn)->total_requests);
}

/* A queue of another card must have less to do than the one chosen so far, too. */
static void choose_queue(const struct zcrypt *z, const struct zcrypt_call *call,
                         const struct zcrypt_card *zc, unsigned own, unsigned domain,
                         const struct mask256 *aqm, struct choice *best)
{
    const struct zcrypt_queue *zq;

    TAILQ_FOREACH (zq, &zc->members, link) {
        ap_qn qn = zcrypt_queue_id(z, zc, zq);
        unsigned apid = AP_QN_APID(qn), apqi = AP_QN_APQI(qn);
        unsigned weight = own + card_penalty(call, apid) + queue_penalty(call, qn);

        if (!zcrypt_queue_operational(z, qn) || !mask256_test(aqm, apqi) ||
            (domain != ANY && domain != apqi) || !targeted(&call->request, apid, apqi))
            continue;
        if (queue_better(z, zq, qn, weight, best))
            *best = (struct choice){zc, zq, qn, own, weight};
    }
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

/* As the kernel does: cards, and queues of each, in the order in which they were bound, so that the
 * first of equals wins. */
static void choose(const struct zcrypt *z, const struct zcrypt_call *call,
                   const struct masks *masks, unsigned domain, struct choice *best)
{
    const struct zcrypt_card *zc;

    TAILQ_FOREACH (zc, &z->bound, link) {
        unsigned apid = zcrypt_card_id(z, zc), own;
        const struct ap_card *card = ap_bus_card(z->bus, apid);

        if (!zcrypt_card_operational(z, apid) || !mask256_test(masks->apm, apid) ||
            !card_can(card, call) || !targeted(&call->request, apid, ANY))
            continue;
        own = zcrypt_weight(card, &call->request, &call->block);
        if (card_better(z, zc, own + card_penalty(call, apid), best))
            choose_queue(z, call, zc, own, domain, masks->aqm, best);
    }
}

int zcrypt_select(const struct zcrypt *z, const struct zcrypt_call *call, ap_qn *qn,
                  unsigned *weight)
{
    const struct zcrypt_node *node = zcrypt_node_of(z, call->request.node);
    const struct ap_masks *host = ap_bus_masks(z->bus);
    struct masks masks = {node ? &node->apmask : &host->apmask,
                          node ? &node->aqmask : &host->aqmask};
    unsigned domain = ANY;
    struct choice best = {0};
    int rc = !node && call->request.node != ZCRYPT_Z90CRYPT ? -ENODEV : 0;

    if (rc == 0)
        rc = target_domain(z, node, call, &domain);
    if (rc < 0)
        return rc;
    choose(z, call, &masks, domain, &best);
    if (!best.zq)
        return no_queue(z, call);
    *qn = best.qn;
    *weight = best.own;
    return 0;
}
