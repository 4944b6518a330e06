/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/number.h"
#include "bus/internal.h"
#include "machine/machine.h"

/* Attributes of a card [bus-card-attributes]. The object is its APID. */

static struct ap_card *card_of(void *ctx, uint32_t apid)
{
    return &((struct ap_bus *)ctx)->cards[apid];
}

static int ap_functions_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "0x%08X\n", card_of(ctx, apid)->functions);
    return 0;
}

static int chkstop_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%d\n", card_of(ctx, apid)->chkstop);
    return 0;
}

static int config_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%d\n", card_of(ctx, apid)->config);
    return 0;
}

int ap_card_refuse(struct effects *fx, unsigned apid, const char *file, int err, const char *why)
{
    return effects_refuse_at(fx, err, why, "card%02x: %s", apid, file);
}

/* SCLP is called only if this changes anything. The scan that follows the change updates devices
 * and guests. Without a change the machine was so already, and the bus has not seen it yet. */
static int config_store(void *ctx, uint32_t apid, const char *data, size_t len, struct effects *fx)
{
    struct ap_bus *b = ctx;
    char why[32];
    bool config;
    int rc;

    if (number_scan_switch(data, len, &config) < 0)
        return ap_card_refuse(fx, apid, "config", -EINVAL, NUMBER_SWITCH_WANTED);
    if (config == card_of(b, apid)->config) {
        card_uevent(b, apid, "change", config ? "CONFIG=1" : "CONFIG=0", fx);
        return 0;
    }
    rc = b->hw.ops->sclp(b->hw.ctx, (config ? SCLP_CONFIGURE_AP : SCLP_DECONFIGURE_AP) | apid << 8);
    if (rc < 0)
        return ap_card_refuse(fx, apid, "config", rc, "SCLP is not available in a guest");
    if (rc == SCLP_RC_DONE)
        return 0;
    if (rc == SCLP_RC_NO_ACTION) {
        card_set_config(b, apid, config, fx);
        ap_bus_settle(b, fx);
        return 0;
    }
    snprintf(why, sizeof why, "SCLP response code 0x%04x", rc);
    return ap_card_refuse(fx, apid, "config", -EIO, why);
}

static int depth_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%d\n", card_of(ctx, apid)->depth + ((struct ap_bus *)ctx)->abi->depth_bias);
    return 0;
}

static int hwtype_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%d\n", card_of(ctx, apid)->type);
    return 0;
}

static int raw_hwtype_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%d\n", card_of(ctx, apid)->raw_type);
    return 0;
}

static int max_msg_size_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%zu\n", ap_card_message_max(card_of(ctx, apid)));
    return 0;
}

static int modalias_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "ap:t%02X\n", card_of(ctx, apid)->type);
    return 0;
}

static int pendingq_count_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ap_card *card = card_of(ctx, apid);
    unsigned count = 0;

    mask256_for_each (d, &card->present_queues)
        count += card->queues[d].pendingq_count;
    text_addf(out, "%u\n", count);
    return 0;
}

static int requestq_count_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ap_card *card = card_of(ctx, apid);
    unsigned count = 0;

    mask256_for_each (d, &card->present_queues)
        count += card->queues[d].requestq_count;
    text_addf(out, "%u\n", count);
    return 0;
}

static int request_count_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%" PRIu64 "\n", card_of(ctx, apid)->total_requests);
    return 0;
}

static int request_count_store(void *ctx, uint32_t apid, const char *data, size_t len,
                               struct effects *fx)
{
    struct ap_card *card = card_of(ctx, apid);

    card->total_requests = 0;
    mask256_for_each (d, &card->present_queues)
        if (card->queues[d].driver != AP_DRIVER_NONE)
            card->queues[d].total_requests = 0;
    return 0;
}

static int uevent_show(void *ctx, uint32_t apid, struct text *out)
{
    char lines[UEVENT_LINES_MAX];

    card_lines(ctx, apid, lines);
    text_adds(out, lines);
    return 0;
}

static int uevent_store(void *ctx, uint32_t apid, const char *data, size_t len, struct effects *fx)
{
    return card_synth(ctx, apid, data, len, fx);
}

const struct sysfs_attr card_attrs[] = {
    {"ap_functions", 0444, .show = ap_functions_show},
    {"chkstop", 0444, .show = chkstop_show},
    {"config", 0644, .show = config_show, .store = config_store},
    {"depth", 0444, .show = depth_show},
    {"hwtype", 0444, .show = hwtype_show},
    {"max_msg_size", 0444, .show = max_msg_size_show},
    {"modalias", 0444, .show = modalias_show},
    {"pendingq_count", 0444, .show = pendingq_count_show},
    {"raw_hwtype", 0444, .show = raw_hwtype_show},
    {"request_count", 0644, .show = request_count_show, .store = request_count_store},
    {"requestq_count", 0444, .show = requestq_count_show},
    {"uevent", 0644, .show = uevent_show, .store = uevent_store, .counted = true},
    {0},
};
