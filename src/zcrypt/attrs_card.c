/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/number.h"
#include "machine/machine.h"
#include "zcrypt/facts.h"

/* Attributes of a card that is bound to zcrypt [bus-card-attributes]. The object is its APID. */

static const struct ap_card *card_of(void *ctx, uint32_t apid)
{
    return ap_bus_card(((struct zcrypt *)ctx)->bus, apid);
}

static bool is_ep11(void *ctx, uint32_t apid)
{
    return card_of(ctx, apid)->mode == AP_MODE_EP11;
}

static bool is_coprocessor(void *ctx, uint32_t apid)
{
    return card_of(ctx, apid)->mode != AP_MODE_ACCEL;
}

static int type_show(void *ctx, uint32_t apid, struct text *out)
{
    const struct ap_card *card = card_of(ctx, apid);
    struct adapter_config as_config = {.type = card->type, .mode = card->mode};
    char name[8];

    machine_adapter_type_format(&as_config, name);
    text_addf(out, "%s\n", name);
    return 0;
}

static int load_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%u\n", ((struct zcrypt *)ctx)->cards[apid].load);
    return 0;
}

static int online_show(void *ctx, uint32_t apid, struct text *out)
{
    text_addf(out, "%d\n", zcrypt_card_operational(ctx, apid));
    return 0;
}

/* First all queues change, then each is announced: in the order in which they were bound. Flushing
 * can find that one has gone, so what is to change is noted before. */
static void queues_set_online(struct zcrypt *z, unsigned apid, bool online, struct effects *fx)
{
    const struct zcrypt_card *zc = &z->cards[apid];
    struct zcrypt_queue *zq;
    ap_qn changed[AP_IDS];
    unsigned count = 0;

    TAILQ_FOREACH (zq, &zc->members, link) {
        if (zq->offline == !online)
            continue;
        zq->offline = !online;
        changed[count++] = zcrypt_queue_id(z, zc, zq);
    }
    for (unsigned i = 0; i < count && !online; i++)
        ap_flush_queue(z->bus, changed[i], fx);
    for (unsigned i = 0; i < count; i++)
        if (ap_bus_queue(z->bus, changed[i]))
            ap_queue_send_online(z->bus, changed[i], online, fx);
}

static int online_store(void *ctx, uint32_t apid, const char *data, size_t len, struct effects *fx)
{
    const struct ap_card *card = card_of(ctx, apid);
    bool online;

    if (number_scan_switch(data, len, &online) < 0)
        return ap_card_refuse(fx, apid, "online", -EINVAL, NUMBER_SWITCH_WANTED);
    if (online && !card->config)
        return ap_card_refuse(fx, apid, "online", -ENODEV, ZCRYPT_ADAPTER_STANDBY);
    if (online && card->chkstop)
        return ap_card_refuse(fx, apid, "online", -ENODEV, ZCRYPT_ADAPTER_CHECKSTOPPED);
    zcrypt_card_set_online(ctx, apid, online);
    effects_changed(fx, STATE_CARD, apid);
    ap_card_send_online(((struct zcrypt *)ctx)->bus, apid, online, fx);
    queues_set_online(ctx, apid, online, fx);
    return 0;
}

static int serialnr_show(void *ctx, uint32_t apid, struct text *out)
{
    const struct zcrypt *z = ctx;

    text_addf(out, "%s\n", facts_card_answers(z, apid) ? ap_card_serial(z->bus, apid) : "");
    return 0;
}

/* Values that only the firmware knows read as an empty line while it does not respond. */
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

const struct sysfs_attr zcrypt_card_attrs[] = {
    {"API_ordinalnr", 0444, .visible = is_ep11, .show = api_ordinal_show},
    {"FW_version", 0444, .visible = is_ep11, .show = firmware_show},
    {"load", 0444, .show = load_show},
    {"online", 0644, .show = online_show, .store = online_store},
    {"op_modes", 0444, .visible = is_ep11, .show = op_modes_show},
    {"serialnr", 0444, .visible = is_coprocessor, .show = serialnr_show},
    {"type", 0444, .show = type_show},
    {0},
};
