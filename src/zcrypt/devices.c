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
