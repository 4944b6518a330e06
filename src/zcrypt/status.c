/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "zcrypt/internal.h"

/* What the status ioctls report [zcrypt-status]. All but the device matrix look at the default
 * domain only. */

#define STATUS_OFFLINE 0x0d

/* The type that user space sees: every CCA card is a CEX3C, accelerators after CEX6 are CEX6. */
static uint8_t user_type(const struct ap_card *card)
{
    if (card->type < 10)
        return card->type;
    if (card->mode == AP_MODE_CCA)
        return 7;
    return card->type > 12 ? 12 : card->type;
}

void zcrypt_device_status(const struct zcrypt *z, uint16_t qn, struct zcrypt_status *out)
{
    const struct ap_card *card = ap_bus_card(z->bus, AP_QN_APID(qn));
    const struct zcrypt_queue *zq = zcrypt_queue_listed(z, qn);

    *out = (struct zcrypt_status){0};
    if (!zq)
        return;
    out->type = card->type;
    out->online = !zq->offline;
    out->functions = (uint8_t)(card->functions >> 26);
}

static const struct ap_queue *default_queue(const struct zcrypt *z, unsigned apid)
{
    int domain = ap_bus_domain(z->bus);

    if (domain < 0 || !zcrypt_queue_listed(z, AP_QN(apid, (unsigned)domain)))
        return NULL;
    return ap_bus_queue(z->bus, AP_QN(apid, (unsigned)domain));
}

uint8_t zcrypt_card_status(const struct zcrypt *z, unsigned apid)
{
    if (!default_queue(z, apid))
        return 0;
    return zcrypt_card_online(z, apid) ? user_type(ap_bus_card(z->bus, apid)) : STATUS_OFFLINE;
}

uint8_t zcrypt_card_in_flight(const struct zcrypt *z, unsigned apid)
{
    const struct ap_queue *q = default_queue(z, apid);
    unsigned count = q ? q->pendingq_count + q->requestq_count : 0;

    return count > 255 ? 255 : (uint8_t)count;
}

uint32_t zcrypt_card_requests(const struct zcrypt *z, unsigned apid)
{
    const struct ap_queue *q = default_queue(z, apid);

    if (!q)
        return 0;
    return q->total_requests > UINT32_MAX ? UINT32_MAX : (uint32_t)q->total_requests;
}

unsigned zcrypt_waiting_count(const struct zcrypt *z)
{
    unsigned count = 0;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_queue *q = default_queue(z, apid);

        count += q ? q->requestq_count : 0;
    }
    return count;
}

unsigned zcrypt_sent_count(const struct zcrypt *z)
{
    unsigned count = 0;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        const struct ap_queue *q = default_queue(z, apid);

        count += q ? q->pendingq_count : 0;
    }
    return count;
}

int zcrypt_default_domain(const struct zcrypt *z)
{
    return ap_bus_domain(z->bus);
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
