/* SPDX-License-Identifier: MIT */
#include "bus/internal.h"

/* Read-only queries of the bus. */

const struct ap_masks *ap_bus_masks(const struct ap_bus *b)
{
    return &b->masks;
}

const struct ap_qci *ap_bus_qci(const struct ap_bus *b)
{
    return &b->qci;
}

uint64_t ap_bus_scans(const struct ap_bus *b)
{
    return b->scans;
}

int ap_bus_config_time(const struct ap_bus *b)
{
    return b->config_time;
}

int ap_bus_domain(const struct ap_bus *b)
{
    return b->domain;
}

unsigned ap_bus_max_adapter(const struct ap_bus *b)
{
    return b->qci.flags & AP_QCI_APXA && b->qci.max_adapter ? b->qci.max_adapter : 63;
}

unsigned ap_bus_max_domain(const struct ap_bus *b)
{
    return b->qci.flags & AP_QCI_APXA && b->qci.max_domain ? b->qci.max_domain : 15;
}

const struct ap_card *ap_bus_card(const struct ap_bus *b, unsigned apid)
{
    return b->cards[apid].present ? &b->cards[apid] : NULL;
}

const struct ap_queue *ap_bus_queue(const struct ap_bus *b, ap_qn qn)
{
    return queue_find(b, qn);
}

const struct ap_driver *ap_bus_queue_driver(const struct ap_bus *b, ap_qn qn)
{
    const struct ap_queue *q = queue_find(b, qn);

    return q && q->driver != AP_DRIVER_NONE ? b->drivers[q->driver].driver : NULL;
}

bool queue_runs(const struct ap_bus *b, const struct ap_queue *q)
{
    return q->driver != AP_DRIVER_NONE && b->drivers[q->driver].driver->ops->received;
}

/* For a queue with a driver_override that is bound the masks do not count: its driver owns it
 * [bus-driver-override]. */
static void apply_override(const struct ap_bus *b, ap_qn qn, struct mask256 *row)
{
    const struct ap_driver *driver = ap_bus_queue_driver(b, qn);

    if (driver)
        mask256_assign(row, AP_QN_APQI(qn), driver->is_default);
}

/* The default drivers own exactly the product of both masks [masks-owner]. */
struct mask256 ap_bus_default_row(const struct ap_bus *b, const struct ap_masks *masks,
                                  unsigned apid)
{
    struct mask256 row = mask256_test(&masks->apmask, apid) ? masks->aqmask : (struct mask256){0};

    for (unsigned i = override_first(b, AP_QN(apid, 0));
         i < b->override_count && AP_QN_APID(b->overrides[i].qn) == apid; i++)
        apply_override(b, b->overrides[i].qn, &row);
    return row;
}

bool ap_bus_owned_by_default(const struct ap_bus *b, ap_qn qn)
{
    struct mask256 row;

    if (!b->override_count)
        return mask256_test(&b->masks.apmask, AP_QN_APID(qn)) &&
               mask256_test(&b->masks.aqmask, AP_QN_APQI(qn));
    row = ap_bus_default_row(b, &b->masks, AP_QN_APID(qn));
    return mask256_test(&row, AP_QN_APQI(qn));
}

bool ap_queue_ask(const struct ap_bus *b, ap_qn qn, struct span request, struct text *reply)
{
    return b->hw.ops->ask_firmware(b->hw.ctx, qn, request.data, request.len, reply);
}

const char *ap_card_serial(const struct ap_bus *b, unsigned apid)
{
    return b->hw.ops->serial(b->hw.ctx, apid);
}
