/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/number.h"
#include "bus/facts.h"
#include "machine/machine.h"

/* Attributes of a card (spec 2.3). The object is its APID. */

static struct ap_card *card_of(void *ctx, uint32_t apid)
{
    return &((struct ap_bus *)ctx)->cards[apid];
}

static bool bound(void *ctx, uint32_t apid)
{
    return card_of(ctx, apid)->driver != DRIVER_NONE;
}

static bool bound_cca(void *ctx, uint32_t apid)
{
    return bound(ctx, apid) && card_of(ctx, apid)->mode == AP_MODE_CCA;
}

static bool bound_ep11(void *ctx, uint32_t apid)
{
    return bound(ctx, apid) && card_of(ctx, apid)->mode == AP_MODE_EP11;
}

static bool bound_secure(void *ctx, uint32_t apid)
{
    return bound_cca(ctx, apid) || bound_ep11(ctx, apid);
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

/* Writes 0 or 1 as scanf reads it. */
static int switch_parse(const char *data, size_t len, int *out)
{
    return number_scan_int(data, len, 10, out) < 0 || *out < 0 || *out > 1 ? -EINVAL : 0;
}

static int refuse(struct effects *fx, uint32_t apid, const char *file, int err, const char *why)
{
    char what[32];

    snprintf(what, sizeof what, "card%02x: %s", apid, file);
    return effects_refuse(fx, err, what, "%s", why);
}

/* SCLP is asked only if something changes; the scan that follows the change brings devices and
 * guests up to date. */
static int config_store(void *ctx, uint32_t apid, const char *data, size_t len, struct effects *fx)
{
    struct ap_bus *b = ctx;
    char why[32];
    int config, rc;

    if (switch_parse(data, len, &config) < 0)
        return refuse(fx, apid, "config", -EINVAL, SWITCH_WANTED);
    if (config == card_of(b, apid)->config) {
        card_uevent(b, apid, "change", config ? "CONFIG=1" : "CONFIG=0", fx);
        return 0;
    }
    rc = b->hw.ops->sclp(b->hw.ctx, (config ? SCLP_CONFIGURE_AP : SCLP_DECONFIGURE_AP) | apid << 8);
    if (rc < 0)
        return refuse(fx, apid, "config", rc, "a guest has no SCLP to ask");
    if (rc == SCLP_RC_DONE || rc == SCLP_RC_NO_ACTION)
        return 0;
    snprintf(why, sizeof why, "SCLP answered 0x%04x", rc);
    return refuse(fx, apid, "config", -EIO, why);
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
    text_addf(out, "%zu\n", card_message_max(card_of(ctx, apid)));
    return 0;
}

static int modalias_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "ap:t%02X\n", card_of(ctx, apid)->type);
    return 0;
}

static int load_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%u\n", card_of(ctx, apid)->load);
    return 0;
}

static int pendingq_count_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ap_card *card = card_of(ctx, apid);
    unsigned count = 0;

    mask256_for_each(d, &card->present_queues) count += card->queues[d].pendingq;
    text_addf(out, "%u\n", count);
    return 0;
}

static int requestq_count_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ap_card *card = card_of(ctx, apid);
    unsigned count = 0;

    mask256_for_each(d, &card->present_queues) count += card->queues[d].requestq;
    text_addf(out, "%u\n", count);
    return 0;
}

static int request_count_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%" PRIu64 "\n", card_of(ctx, apid)->requests);
    return 0;
}

static int request_count_store(void *ctx, uint32_t apid, const char *data, size_t len,
                               struct effects *fx)
{
    struct ap_card *card = card_of(ctx, apid);

    card->requests = 0;
    mask256_for_each(d, &card->present_queues) card->queues[d].requests = 0;
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

static int type_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ap_card *card = card_of(ctx, apid);
    struct adapter_config as_config = {.type = card->type, .mode = card->mode};
    char name[8];

    machine_adapter_type_format(&as_config, name);
    text_addf(out, "%s\n", name);
    return 0;
}

static int online_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ap_card *card = card_of(ctx, apid);

    text_addf(out, "%d\n", card->config && !card->chkstop && card->user_online);
    return 0;
}

static int online_store(void *ctx, uint32_t apid, const char *data, size_t len, struct effects *fx)
{
    struct ap_card *card = card_of(ctx, apid);
    int online;

    if (switch_parse(data, len, &online) < 0)
        return refuse(fx, apid, "online", -EINVAL, SWITCH_WANTED);
    if (online && (!card->config || card->chkstop))
        return refuse(fx, apid, "online", -ENODEV,
                      card->config ? ADAPTER_CHECKSTOPPED : ADAPTER_STANDBY);
    card->user_online = online;
    card_uevent(ctx, apid, "change", online ? "ONLINE=1" : "ONLINE=0", fx);
    mask256_for_each(d, &card->present_queues)
    {
        struct ap_queue *q = &card->queues[d];

        if (q->driver == DRIVER_NONE || !ap_drivers[q->driver].zcrypt || q->user_online == online)
            continue;
        q->user_online = online;
        if (!online)
            queue_requests_lost(ctx, AP_QN(apid, d), fx);
        queue_uevent(ctx, AP_QN(apid, d), "change", online ? "ONLINE=1" : "ONLINE=0", fx);
    }
    return 0;
}

static int serialnr_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ap_bus *b = ctx;

    text_addf(out, "%s\n", facts_card_answers(b, apid) ? b->hw.ops->serial(b->hw.ctx, apid) : "");
    return 0;
}

/* What only the firmware knows reads as an empty line while it does not answer. */
static int api_ordinal_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ep11_module_info info = {0};

    if (facts_ep11_module(ctx, apid, &info) && info.api_ordinal)
        text_addf(out, "%u", info.api_ordinal);
    text_adds(out, "\n");
    return 0;
}

static int firmware_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ep11_module_info info = {0};

    if (facts_ep11_module(ctx, apid, &info) && (info.firmware_major || info.firmware_minor))
        text_addf(out, "%d.%d", info.firmware_major, info.firmware_minor);
    text_adds(out, "\n");
    return 0;
}

static int op_modes_show(void *ctx, uint32_t apid, struct text *out)
{
    struct ep11_module_info info = {0};

    facts_ep11_module(ctx, apid, &info);
    facts_show_op_modes(info.op_modes, out);
    return 0;
}

const struct sysfs_attr card_attrs[] = {
    {"API_ordinalnr", 0444, .visible = bound_ep11, .show = api_ordinal_show},
    {"FW_version", 0444, .visible = bound_ep11, .show = firmware_show},
    {"ap_functions", 0444, .show = ap_functions_show},
    {"chkstop", 0444, .show = chkstop_show},
    {"config", 0644, .show = config_show, .store = config_store},
    {"depth", 0444, .show = depth_show},
    {"hwtype", 0444, .show = hwtype_show},
    {"load", 0444, .visible = bound, .show = load_show},
    {"max_msg_size", 0444, .show = max_msg_size_show},
    {"modalias", 0444, .show = modalias_show},
    {"online", 0644, .visible = bound, .show = online_show, .store = online_store},
    {"op_modes", 0444, .visible = bound_ep11, .show = op_modes_show},
    {"pendingq_count", 0444, .show = pendingq_count_show},
    {"raw_hwtype", 0444, .show = raw_hwtype_show},
    {"request_count", 0644, .show = request_count_show, .store = request_count_store},
    {"requestq_count", 0444, .show = requestq_count_show},
    {"serialnr", 0444, .visible = bound_secure, .show = serialnr_show},
    {"type", 0444, .visible = bound, .show = type_show},
    {"uevent", 0644, .show = uevent_show, .store = uevent_store},
    {0},
};
