/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/number.h"
#include "zcrypt/facts.h"

/* Attributes of a queue that is bound to zcrypt [bus-queue-attributes]. The object is its APQN. */

static enum ap_mode mode_of(void *ctx, uint32_t qn)
{
    return ap_bus_card(((struct zcrypt *)ctx)->bus, AP_QN_APID(qn))->mode;
}

static bool is_ep11(void *ctx, uint32_t qn)
{
    return mode_of(ctx, qn) == AP_MODE_EP11;
}

static bool is_coprocessor(void *ctx, uint32_t qn)
{
    return mode_of(ctx, qn) != AP_MODE_ACCEL;
}

static int load_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%u\n", zcrypt_queue_at(ctx, (ap_qn)qn)->load);
    return 0;
}

/* The name of a register's state; NULL: unknown. */
static const char *register_state(enum cca_register reg, char state)
{
    static const char *const new_states[] = {"empty", "partial", "full"};
    static const char *const other_states[] = {"invalid", "valid"};

    if (reg == CCA_NEW)
        return state >= '1' && state <= '3' ? new_states[state - '1'] : NULL;
    return state >= '1' && state <= '2' ? other_states[state - '1'] : NULL;
}

static void show_hex(const uint8_t *data, size_t len, struct text *out)
{
    text_adds(out, "0x");
    while (len--)
        text_addf(out, "%02x", *data++);
}

static int cca_mkvps_show(void *ctx, uint32_t qn, struct text *out)
{
    static const struct {
        const char *name;
        enum cca_master_key key;
        unsigned bytes;
    } keys[] = {{"AES", CCA_AES, 8}, {"APKA", CCA_APKA, 8}, {"ASYM", CCA_ASYM, 16}};
    static const char *const registers[] = {"NEW", "CUR", "OLD"};
    struct cca_info info = {0};

    facts_cca(ctx, (ap_qn)qn, &info);
    for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++) {
        for (unsigned r = 0; r < CCA_REGISTERS; r++) {
            const char *state = register_state(r, info.keys[keys[k].key][r].state);

            text_addf(out, "%s %s: ", keys[k].name, registers[r]);
            if (state) {
                text_addf(out, "%s ", state);
                show_hex(info.keys[keys[k].key][r].pattern, keys[k].bytes, out);
            } else {
                text_adds(out, "- -");
            }
            text_adds(out, "\n");
        }
    }
    return 0;
}

static void show_wrapping_key(const char *name, const char *state, const uint8_t *pattern,
                              struct text *out)
{
    text_addf(out, "%s: %s ", name, state);
    if (pattern)
        show_hex(pattern, EP11_PATTERN_BYTES, out);
    else
        text_adds(out, "-");
    text_adds(out, "\n");
}

static int mkvps_show(void *ctx, uint32_t qn, struct text *out)
{
    struct ep11_domain_info info;

    if (!is_ep11(ctx, qn))
        return cca_mkvps_show(ctx, qn, out);
    if (!facts_ep11_domain(ctx, (ap_qn)qn, &info)) {
        text_adds(out, "WK CUR: - -\nWK NEW: - -\n");
        return 0;
    }
    if (info.flags & EP11_DOMAIN_CURRENT)
        show_wrapping_key("WK CUR", "valid", info.current, out);
    else
        show_wrapping_key("WK CUR", "invalid", NULL, out);
    if (info.flags & EP11_DOMAIN_NEW)
        show_wrapping_key("WK NEW",
                          info.flags & EP11_DOMAIN_COMMITTED ? "committed" : "uncommitted",
                          info.next, out);
    else
        show_wrapping_key("WK NEW", "empty", NULL, out);
    return 0;
}

static int op_modes_show(void *ctx, uint32_t qn, struct text *out)
{
    struct ep11_domain_info info = {0};

    facts_ep11_domain(ctx, (ap_qn)qn, &info);
    facts_show_op_modes(info.op_modes, out);
    return 0;
}

static int online_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%d\n", zcrypt_queue_operational(ctx, (ap_qn)qn));
    return 0;
}

static int online_store(void *ctx, uint32_t qn, const char *data, size_t len, struct effects *fx)
{
    struct zcrypt *z = ctx;
    const struct ap_card *card = ap_bus_card(z->bus, AP_QN_APID(qn));
    const struct ap_queue *q = ap_bus_queue(z->bus, (ap_qn)qn);
    bool online;

    if (number_scan_switch(data, len, &online) < 0)
        return ap_queue_refuse(fx, (ap_qn)qn, "online", -EINVAL, NUMBER_SWITCH_WANTED);
    if (online && (!q->config || !card->config))
        return ap_queue_refuse(fx, (ap_qn)qn, "online", -ENODEV, ZCRYPT_ADAPTER_STANDBY);
    if (online && (q->chkstop || card->chkstop))
        return ap_queue_refuse(fx, (ap_qn)qn, "online", -ENODEV, ZCRYPT_ADAPTER_CHECKSTOPPED);
    if (online && !zcrypt_queue_card_online(z, (ap_qn)qn))
        return ap_queue_refuse(fx, (ap_qn)qn, "online", -EINVAL,
                               "the card is offline; set it online first");
    zcrypt_queue_at(z, (ap_qn)qn)->offline = !online;
    effects_changed(fx, STATE_CARD, AP_QN_APID(qn));
    if (!online)
        ap_flush_queue(z->bus, (ap_qn)qn, fx);
    ap_queue_send_online(z->bus, (ap_qn)qn, online, fx);
    return 0;
}

const struct sysfs_attr zcrypt_queue_attrs[] = {
    {"load", 0444, .show = load_show},
    {"mkvps", 0444, .visible = is_coprocessor, .show = mkvps_show},
    {"online", 0644, .show = online_show, .store = online_store},
    {"op_modes", 0444, .visible = is_ep11, .show = op_modes_show},
    {0},
};
