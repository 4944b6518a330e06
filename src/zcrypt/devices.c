/* SPDX-License-Identifier: MIT */
#include "zcrypt/internal.h"

/* Which cards and queues zcrypt has, and which of them it can use at the moment. */

void zcrypt_card_bound(struct zcrypt *z, unsigned apid)
{
    struct zcrypt_card *zc = &z->cards[apid];

    zc->bound = true;
    TAILQ_INSERT_TAIL(&z->bound, zc, link);
    zcrypt_card_set_online(z, apid, true);
}

/* Its queues keep what the card was, and do not join it when it is bound again. */
void zcrypt_card_unbound(struct zcrypt *z, unsigned apid)
{
    struct zcrypt_card *zc = &z->cards[apid];
    struct zcrypt_queue *zq;

    zc->bound = false;
    TAILQ_REMOVE(&z->bound, zc, link);
    while ((zq = TAILQ_FIRST(&zc->members))) {
        TAILQ_REMOVE(&zc->members, zq, link);
        zq->stray = true;
        zq->card_offline = !zcrypt_card_online(z, apid);
    }
}

void zcrypt_queue_bound(struct zcrypt *z, ap_qn qn)
{
    struct zcrypt_card *zc = &z->cards[AP_QN_APID(qn)];
    struct zcrypt_queue *zq;

    if (!zc->queues)
        zc->queues = xcalloc(AP_IDS, sizeof *zc->queues);
    zq = &zc->queues[AP_QN_APQI(qn)];
    mask256_set(&zc->queues_bound, AP_QN_APQI(qn));
    zq->offline = zq->stray = false;
    TAILQ_INSERT_TAIL(&zc->members, zq, link);
}

void zcrypt_queue_unbound(struct zcrypt *z, ap_qn qn)
{
    struct zcrypt_card *zc = &z->cards[AP_QN_APID(qn)];
    struct zcrypt_queue *zq = &zc->queues[AP_QN_APQI(qn)];

    if (!zq->stray)
        TAILQ_REMOVE(&zc->members, zq, link);
    mask256_clear(&zc->queues_bound, AP_QN_APQI(qn));
}

bool zcrypt_card_online(const struct zcrypt *z, unsigned apid)
{
    const struct ap_card *card = ap_bus_card(z->bus, apid);
    const struct zcrypt_card *zc = &z->cards[apid];

    return !card || zc->generation != card->generation || !zc->offline;
}

bool zcrypt_queue_card_online(const struct zcrypt *z, ap_qn qn)
{
    const struct zcrypt_queue *zq = zcrypt_queue_at(z, qn);

    return zq->stray ? !zq->card_offline : zcrypt_card_online(z, AP_QN_APID(qn));
}

const struct zcrypt_queue *zcrypt_queue_listed(const struct zcrypt *z, ap_qn qn)
{
    const struct zcrypt_queue *zq = zcrypt_queue_at(z, qn);

    return zq && !zq->stray && z->cards[AP_QN_APID(qn)].bound ? zq : NULL;
}

void zcrypt_card_set_online(struct zcrypt *z, unsigned apid, bool online)
{
    z->cards[apid].generation = ap_bus_card(z->bus, apid)->generation;
    z->cards[apid].offline = !online;
}

bool zcrypt_card_operational(const struct zcrypt *z, unsigned apid)
{
    const struct ap_card *card = ap_bus_card(z->bus, apid);

    return card && card->config && !card->chkstop && zcrypt_card_online(z, apid);
}

bool zcrypt_queue_operational(const struct zcrypt *z, ap_qn qn)
{
    const struct ap_queue *q = ap_bus_queue(z->bus, qn);
    const struct zcrypt_queue *zq = zcrypt_queue_at(z, qn);

    return q && zq && q->config && !q->chkstop && !zq->offline;
}

bool zcrypt_offline_get(const struct zcrypt *z, unsigned apid, bool *card, struct mask256 *queues)
{
    const struct zcrypt_card *zc = &z->cards[apid];

    *queues = (struct mask256){0};
    *card = !zcrypt_card_online(z, apid);
    mask256_for_each (apqi, &zc->queues_bound) {
        if (zc->queues[apqi].offline)
            mask256_set(queues, apqi);
    }
    return *card || !mask256_empty(queues);
}

bool zcrypt_offline_restore(struct zcrypt *z, unsigned apid, bool card,
                            const struct mask256 *queues)
{
    struct zcrypt_card *zc = &z->cards[apid];

    if (!ap_bus_card(z->bus, apid))
        return false;
    zcrypt_card_set_online(z, apid, !card);
    mask256_for_each (apqi, &zc->queues_bound) {
        zc->queues[apqi].offline = mask256_test(queues, apqi);
    }
    return true;
}
