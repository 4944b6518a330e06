/* SPDX-License-Identifier: MIT */
#include "bus/internal.h"

/*
 * What outlives the daemon of a bus: its settings, and what was bound by hand. Devices come from
 * scans, and a scan binds them as masks and overrides say, so only what differs from that is kept.
 */

void bus_defaults(struct ap_bus *b, const struct ap_bus_params *params)
{
    b->masks = (struct ap_masks){params->apmask, params->aqmask};
    b->domain = params->domain;
    b->config_time = 30;
    b->poll_timeout = 250000;
    b->poll_thread = false;
    b->autoprobe = true;
    b->scans = b->bindings_complete_count = 0;
    b->bindings_complete = false;
}

void ap_bus_settings_get(const struct ap_bus *b, struct ap_bus_settings *out)
{
    *out = (struct ap_bus_settings){.masks = b->masks,
                                    .domain = b->domain,
                                    .config_time = b->config_time,
                                    .poll_thread = b->poll_thread,
                                    .autoprobe = b->autoprobe,
                                    .poll_timeout = b->poll_timeout};
}

void ap_bus_settings_restore(struct ap_bus *b, const struct ap_bus_settings *s, struct effects *fx)
{
    bool same = mask256_equal(&b->masks.apmask, &s->masks.apmask) &&
                mask256_equal(&b->masks.aqmask, &s->masks.aqmask);

    b->masks = s->masks;
    b->domain = s->domain;
    b->config_time = s->config_time;
    b->poll_thread = s->poll_thread;
    b->autoprobe = s->autoprobe;
    b->poll_timeout = s->poll_timeout;
    if (!same)
        bus_rebind(b, fx);
}

bool ap_bus_override_next(const struct ap_bus *b, unsigned *cursor, ap_qn *qn)
{
    if (*cursor >= b->override_count)
        return false;
    *qn = b->overrides[(*cursor)++].qn;
    return true;
}

const char *ap_bus_override(const struct ap_bus *b, ap_qn qn)
{
    return override_get(b, qn);
}

bool ap_bus_override_restore(struct ap_bus *b, ap_qn qn, const char *name, size_t len,
                             struct effects *fx)
{
    if (!queue_find(b, qn))
        return false;
    override_set(b, qn, name, len, fx);
    queue_rebind(b, qn, fx);
    return true;
}

/* The driver that a probe would bind, or AP_DRIVER_NONE. */
static unsigned queue_expected(const struct ap_bus *b, ap_qn qn)
{
    for (unsigned d = 0; d < b->driver_count; d++)
        if (driver_accepts(b, d, qn))
            return d;
    return AP_DRIVER_NONE;
}

struct ap_bindings ap_bus_bindings_expected(const struct ap_bus *b, unsigned apid)
{
    struct ap_bindings out = {.card = true};

    mask256_for_each (apqi, &b->cards[apid].present_queues) {
        unsigned driver = queue_expected(b, AP_QN(apid, apqi));

        if (driver != AP_DRIVER_NONE)
            mask256_set(b->drivers[driver].driver->is_default ? &out.by_default : &out.by_other,
                        apqi);
    }
    return out;
}

/* The driver for devices of this type on that side, or AP_DRIVER_NONE. */
static unsigned driver_on_side(const struct ap_bus *b, unsigned apid, bool card, bool is_default)
{
    for (unsigned d = 0; d < b->driver_count; d++)
        if (b->drivers[d].driver->is_default == is_default && driver_matches(b, d, card, apid))
            return d;
    return AP_DRIVER_NONE;
}

bool ap_bus_bindings_get(const struct ap_bus *b, unsigned apid, struct ap_bindings *out)
{
    const struct ap_card *card = &b->cards[apid];
    bool by_hand = false;

    *out = (struct ap_bindings){.card = card->driver != AP_DRIVER_NONE};
    if (!card->present)
        return false;
    by_hand |= !out->card && driver_on_side(b, apid, true, true) != AP_DRIVER_NONE;
    mask256_for_each (apqi, &card->present_queues) {
        ap_qn qn = AP_QN(apid, apqi);
        unsigned driver = queue_get(b, qn)->driver;

        by_hand |= driver != queue_expected(b, qn);
        if (driver != AP_DRIVER_NONE)
            mask256_set(b->drivers[driver].driver->is_default ? &out->by_default : &out->by_other,
                        apqi);
    }
    return by_hand;
}

static void queue_restore(struct ap_bus *b, ap_qn qn, unsigned driver, struct effects *fx)
{
    if (queue_get(b, qn)->driver == driver)
        return;
    queue_unbind(b, qn, fx);
    if (driver != AP_DRIVER_NONE)
        queue_bind(b, qn, driver, fx);
}

bool ap_bus_bindings_restore(struct ap_bus *b, unsigned apid, const struct ap_bindings *in,
                             struct effects *fx)
{
    const struct ap_card *card = &b->cards[apid];

    if (!card->present)
        return false;
    if (!in->card)
        card_unbind(b, apid, fx);
    mask256_for_each (apqi, &card->present_queues) {
        bool by_default = mask256_test(&in->by_default, apqi);
        bool bound = by_default || mask256_test(&in->by_other, apqi);

        queue_restore(b, AP_QN(apid, apqi),
                      bound ? driver_on_side(b, apid, false, by_default) : AP_DRIVER_NONE, fx);
    }
    return true;
}
