/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "bus/zcrypt_internal.h"

/* What the status ioctls tell (spec 3.2). All but the matrix look at the default domain alone. */

#define STATUS_OFFLINE 0x0d

/* The type by which user space knows a card: every CCA card is the CEX3C, later accelerators stay
 * CEX6. */
static uint8_t user_type(const struct ap_card *card)
{
    if (card->type < 10)
        return card->type;
    if (card->mode == AP_MODE_CCA)
        return 7;
    return card->type > 12 ? 12 : card->type;
}

static const struct ap_queue *zcrypt_queue(const struct zcrypt *z, ap_qn qn)
{
    const struct ap_queue *q = queue_find(z->bus, qn);

    return q && q->driver != DRIVER_NONE && ap_drivers[q->driver].zcrypt ? q : NULL;
}

static bool card_online(const struct ap_card *card)
{
    return card->user_online && card->config && !card->chkstop;
}

static bool online(const struct ap_card *card, const struct ap_queue *q)
{
    return card_online(card) && q->user_online && q->config && !q->chkstop;
}

void zcrypt_device_status(const struct zcrypt *z, uint16_t qn, struct zcrypt_status *out)
{
    const struct ap_card *card = &z->bus->cards[AP_QN_APID(qn)];
    const struct ap_queue *q = zcrypt_queue(z, qn);

    *out = (struct zcrypt_status){0};
    if (!q)
        return;
    out->type = card->type;
    out->online = online(card, q);
    out->functions = (uint8_t)(card->functions >> 26);
}

static const struct ap_queue *default_queue(const struct zcrypt *z, unsigned apid)
{
    return z->bus->domain < 0 ? NULL : zcrypt_queue(z, AP_QN(apid, (unsigned)z->bus->domain));
}

uint8_t zcrypt_card_status(const struct zcrypt *z, unsigned apid)
{
    const struct ap_card *card = &z->bus->cards[apid];

    if (!default_queue(z, apid))
        return 0;
    return card_online(card) ? user_type(card) : STATUS_OFFLINE;
}

uint8_t zcrypt_card_in_flight(const struct zcrypt *z, unsigned apid)
{
    const struct ap_queue *q = default_queue(z, apid);
    unsigned count = q ? q->pendingq + q->requestq : 0;

    return count > 255 ? 255 : (uint8_t)count;
}

uint32_t zcrypt_card_requests(const struct zcrypt *z, unsigned apid)
{
    const struct ap_queue *q = default_queue(z, apid);

    if (!q)
        return 0;
    return q->requests > UINT32_MAX ? UINT32_MAX : (uint32_t)q->requests;
}

unsigned zcrypt_waiting_count(const struct zcrypt *z)
{
    unsigned count = 0;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_queue *q = default_queue(z, apid);

        count += q ? q->requestq : 0;
    }
    return count;
}

unsigned zcrypt_sent_count(const struct zcrypt *z)
{
    unsigned count = 0;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_queue *q = default_queue(z, apid);

        count += q ? q->pendingq : 0;
    }
    return count;
}

int zcrypt_default_domain(const struct zcrypt *z)
{
    return z->bus->domain;
}

int zcrypt_ioctl_allowed(const struct zcrypt *z, uint32_t node, unsigned number)
{
    const struct zcrypt_node *n = zcrypt_node_of(z, node);

    if (node == ZCRYPT_Z90CRYPT)
        return number >= 1 && number < AP_IDS ? 0 : -EPERM;
    if (!n)
        return -ENODEV;
    return number >= 1 && number < AP_IDS && mask256_test(&n->ioctlmask, number) ? 0 : -EPERM;
}
