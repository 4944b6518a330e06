/* SPDX-License-Identifier: MIT */
#include "zcrypt/internal.h"

/* Which cards and queues zcrypt can use at the moment. */

bool zcrypt_card_online(const struct zcrypt *z, unsigned apid)
{
    const struct ap_card *card = ap_bus_card(z->bus, apid);
    const struct zcrypt_card *zc = &z->cards[apid];

    return !card || zc->generation != card->generation || !zc->offline;
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
