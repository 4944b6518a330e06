/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "bus/facts.h"

/* Attributes of a queue (spec 2.4). The object is its APQN. */

static struct ap_queue *queue_of(void *ctx, uint32_t qn)
{
    return queue_get(ctx, (ap_qn)qn);
}

static struct ap_card *card_of(void *ctx, uint32_t qn)
{
    return &((struct ap_bus *)ctx)->cards[AP_QN_APID(qn)];
}

static bool on_zcrypt(void *ctx, uint32_t qn)
{
    unsigned driver = queue_of(ctx, qn)->driver;

    return driver != DRIVER_NONE && ap_drivers[driver].zcrypt;
}

static bool on_vfio_ap(void *ctx, uint32_t qn)
{
    return queue_of(ctx, qn)->driver == DRIVER_VFIO_AP;
}

static bool on_cca(void *ctx, uint32_t qn)
{
    return on_zcrypt(ctx, qn) && card_of(ctx, qn)->mode == AP_MODE_CCA;
}

static bool on_ep11(void *ctx, uint32_t qn)
{
    return on_zcrypt(ctx, qn) && card_of(ctx, qn)->mode == AP_MODE_EP11;
}

static bool on_secure(void *ctx, uint32_t qn)
{
    return on_cca(ctx, qn) || on_ep11(ctx, qn);
}

static int ap_functions_show(void *ctx, uint32_t qn, struct text *out)
{
    struct ap_bus *b = ctx;
    uint64_t info;

    if (apqsw_rc(b->hw.ops->tapq(b->hw.ctx, (ap_qn)qn, &info)) > AP_RC_BUSY)
        return -EIO;
    text_addf(out, "0x%08X\n", (unsigned)(info >> 32));
    return 0;
}

static int chkstop_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%d\n", queue_of(ctx, qn)->chkstop);
    return 0;
}

static int config_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%d\n", queue_of(ctx, qn)->config);
    return 0;
}

static int driver_override_show(void *ctx, uint32_t qn, struct text *out)
{
    const char *name = override_get(ctx, (ap_qn)qn);

    text_addf(out, "%s\n", name ? name : "");
    return 0;
}

static int refuse(struct effects *fx, uint32_t qn, const char *file, int err, const char *why)
{
    char what[48];

    snprintf(what, sizeof what, "%02x.%04x: %s", AP_QN_APID(qn), AP_QN_APQI(qn), file);
    return effects_refuse(fx, err, what, "%s", why);
}

static size_t line_length(const char *data, size_t len)
{
    const char *newline = memchr(data, '\n', len);

    return newline ? (size_t)(newline - data) : len;
}

/* Overrides and masks exclude each other, so that ownership has one source (spec 7.2, L-20). */
static int driver_override_store(void *ctx, uint32_t qn, const char *data, size_t len,
                                 struct effects *fx)
{
    struct ap_bus *b = ctx;
    struct mask256 ones = mask256_ones();

    if (!mask256_equal(&b->masks.apmask, &ones) || !mask256_equal(&b->masks.aqmask, &ones))
        return refuse(fx, qn, "driver_override", -EINVAL,
                      "apmask and aqmask must be all ones first");
    /* The name ends with the line, or with the string: nothing is left of it, and no override. */
    len = strnlen(data, len);
    override_set(b, (ap_qn)qn, data, line_length(data, len));
    return 0;
}

static int interrupt_show(void *ctx, uint32_t qn, struct text *out)
{
    text_adds(out,
              queue_of(ctx, qn)->interrupts ? "Interrupts enabled.\n" : "Interrupts disabled.\n");
    return 0;
}

static int load_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%u\n", queue_of(ctx, qn)->load);
    return 0;
}

static int pendingq_count_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%u\n", queue_of(ctx, qn)->pendingq);
    return 0;
}

static int requestq_count_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%u\n", queue_of(ctx, qn)->requestq);
    return 0;
}

/* The text of a register's state, or NULL: unknown. */
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

    if (!on_ep11(ctx, qn))
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
    struct ap_queue *q = queue_of(ctx, qn);

    text_addf(out, "%d\n", q->config && !q->chkstop && q->user_online);
    return 0;
}

static int online_store(void *ctx, uint32_t qn, const char *data, size_t len, struct effects *fx)
{
    struct ap_queue *q = queue_of(ctx, qn);
    struct ap_card *card = card_of(ctx, qn);
    int online;

    if (number_scan_int(data, len, 10, &online) < 0 || online < 0 || online > 1)
        return refuse(fx, qn, "online", -EINVAL, SWITCH_WANTED);
    if (online && (!q->config || !card->config))
        return refuse(fx, qn, "online", -ENODEV, ADAPTER_STANDBY);
    if (online && (q->chkstop || card->chkstop))
        return refuse(fx, qn, "online", -ENODEV, ADAPTER_CHECKSTOPPED);
    if (online && !card->user_online)
        return refuse(fx, qn, "online", -EINVAL, "its card is offline; set the card online first");
    q->user_online = online;
    if (!online)
        queue_requests_lost(ctx, (ap_qn)qn, fx);
    queue_uevent(ctx, (ap_qn)qn, "change", online ? "ONLINE=1" : "ONLINE=0", fx);
    return 0;
}

static int request_count_show(void *ctx, uint32_t qn, struct text *out)
{
    if (on_zcrypt(ctx, qn))
        text_addf(out, "%" PRIu64 "\n", queue_of(ctx, qn)->requests);
    else
        text_adds(out, "-\n");
    return 0;
}

static int request_count_store(void *ctx, uint32_t qn, const char *data, size_t len,
                               struct effects *fx)
{
    queue_of(ctx, qn)->requests = 0;
    return 0;
}

/* While requests are inside, a timer is armed that would reset the queue if they were never
 * answered. */
static int reset_show(void *ctx, uint32_t qn, struct text *out)
{
    const struct ap_queue *q = queue_of(ctx, qn);

    if (q->reset != RESET_NONE)
        text_adds(out, "Reset in progress.\n");
    else
        text_adds(out, q->pendingq ? "Reset Timer armed.\n" : "No Reset Timer set.\n");
    return 0;
}

static int reset_store(void *ctx, uint32_t qn, const char *data, size_t len, struct effects *fx)
{
    struct ap_bus *b = ctx;

    if (on_zcrypt(b, qn)) {
        queue_start(b, (ap_qn)qn);
        queue_requests_lost(b, (ap_qn)qn, fx);
    } else {
        b->hw.ops->rapq(b->hw.ctx, (ap_qn)qn);
    }
    return 0;
}

static int status_show(void *ctx, uint32_t qn, struct text *out)
{
    const struct ap_queue_driver *driver = ((struct ap_bus *)ctx)->driver;

    text_addf(out, "%s\n", driver->status(driver->ctx, (ap_qn)qn));
    return 0;
}

static int uevent_show(void *ctx, uint32_t qn, struct text *out)
{
    char lines[UEVENT_LINES_MAX];

    queue_lines(ctx, (ap_qn)qn, lines);
    text_adds(out, lines);
    return 0;
}

static int uevent_store(void *ctx, uint32_t qn, const char *data, size_t len, struct effects *fx)
{
    return queue_synth(ctx, (ap_qn)qn, data, len, fx);
}

const struct sysfs_attr queue_attrs[] = {
    {"ap_functions", 0444, .show = ap_functions_show},
    {"chkstop", 0444, .show = chkstop_show},
    {"config", 0444, .show = config_show},
    {"driver_override", 0644, .show = driver_override_show, .store = driver_override_store},
    {"interrupt", 0444, .show = interrupt_show},
    {"load", 0444, .visible = on_zcrypt, .show = load_show},
    {"mkvps", 0444, .visible = on_secure, .show = mkvps_show},
    {"online", 0644, .visible = on_zcrypt, .show = online_show, .store = online_store},
    {"op_modes", 0444, .visible = on_ep11, .show = op_modes_show},
    {"pendingq_count", 0444, .show = pendingq_count_show},
    {"request_count", 0644, .show = request_count_show, .store = request_count_store},
    {"requestq_count", 0444, .show = requestq_count_show},
    {"reset", 0644, .show = reset_show, .store = reset_store},
    {"status", 0444, .visible = on_vfio_ap, .show = status_show},
    {"uevent", 0644, .show = uevent_show, .store = uevent_store},
    {0},
};
