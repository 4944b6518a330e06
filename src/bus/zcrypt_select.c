/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "bus/zcrypt_internal.h"
#include "message/cprbx.h"
#include "message/ep11.h"

/* Which queue takes a request: who can, and of those the one with the least to do (spec 3.3). */

#define ANY         0xffffu
#define SAME_CARD   1000u /* weight added for the card and the queue that just failed */
#define SAME_QUEUE  10000u
#define CPRB_WEIGHT 10u

/* Speed ratings: ME and CRT up to 1k, 2k, 4k bits, random numbers, secure key; rows CEX4 to CEX8.
 */
enum { RATE_ME, RATE_CRT = 3, RATE_RNG = 6, RATE_SECKEY = 7, RATES = 8 };

static const unsigned accel_rates[][RATES] = {{14, 19, 249, 42, 228, 1458, 0, 0},
                                              {8, 9, 20, 18, 66, 458, 0, 0},
                                              {6, 9, 20, 17, 65, 438, 0, 0},
                                              {6, 8, 17, 15, 54, 362, 0, 0},
                                              {6, 8, 17, 15, 54, 362, 0, 0}};
static const unsigned cca_rates[][RATES] = {{59, 69, 308, 83, 278, 2204, 209, 40},
                                            {24, 31, 50, 37, 90, 479, 27, 10},
                                            {16, 20, 32, 27, 77, 455, 24, 9},
                                            {14, 16, 26, 23, 64, 376, 23, 8},
                                            {14, 16, 26, 23, 64, 376, 23, 8}};
static const unsigned ep11_seckey[] = {50, 10, 9, 8, 8};

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

static bool card_can(const struct ap_card *card, const struct zcrypt_call *call)
{
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

static unsigned rating(const struct ap_card *card, const struct zcrypt_call *call)
{
    unsigned row = card->type < 10 ? 0 : card->type - 10u;
    size_t n = call->request.rsa.input.len;
    unsigned size = n <= 128 ? 0 : n <= 256 ? 1 : 2;

    if (call->request.kind == ZCRYPT_EP11)
        return ep11_seckey[row] * CPRB_WEIGHT;
    if (call->request.kind == ZCRYPT_CCA)
        return cca_rates[row][RATE_SECKEY] * CPRB_WEIGHT;
    size += call->request.rsa.crt ? RATE_CRT : RATE_ME;
    return card->mode == AP_MODE_ACCEL ? accel_rates[row][size] : cca_rates[row][size];
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

/* The domain a CPRB names: usage domain that must take it, or ANY; a control-only domain is reached
 * through any queue. */
static int target_domain(const struct zcrypt *z, const struct zcrypt_request *r, unsigned *out)
{
    const struct zcrypt_node *node = zcrypt_node_at(z, r->node);
    struct cprbx cca;
    unsigned domain = ANY;

    if (r->kind == ZCRYPT_CCA && cprbx_parse(r->control, &cca) == 0)
        domain = cca.domain;
    if (node && zcrypt_is_admin(r) && domain < AP_IDS && !mask256_test(&node->admask, domain))
        return -ENODEV;
    if (domain < AP_IDS && !mask256_test(&z->bus->qci.aqm, domain) &&
        mask256_test(&z->bus->qci.adm, domain))
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

int zcrypt_select(const struct zcrypt *z, const struct zcrypt_call *call, ap_qn *qn,
                  unsigned *weight)
{
    const struct zcrypt_node *node = zcrypt_node_at(z, call->request.node);
    struct masks masks = {node ? &node->apmask : &z->bus->masks.apmask,
                          node ? &node->aqmask : &z->bus->masks.aqmask};
    unsigned domain = ANY, best_load = UINT32_MAX, apqi = 0;
    const struct ap_card *best = NULL;
    int rc = target_domain(z, &call->request, &domain);

    if (rc < 0)
        return rc;
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_card *card = &z->bus->cards[apid];
        unsigned load;

        if (!usable(card) || !mask256_test(masks.apm, apid) || !card_can(card, call) ||
            !targeted(&call->request, apid, ANY))
            continue;
        load = with_penalty(call, rating(card, call) + card->load, AP_QN(apid, 0), false);
        if (best && (load > best_load || (load == best_load && card->requests >= best->requests)))
            continue;
        if (!best_queue(z, call, apid, domain, masks.aqm, &apqi))
            continue;
        best = card;
        best_load = load;
        *qn = AP_QN(apid, apqi);
        *weight = rating(card, call);
    }
    return best ? 0 : -ENODEV;
}
