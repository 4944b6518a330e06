/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bus/internal.h"

/* Attributes of a queue [bus-queue-attributes]. The object is its APQN. */

static struct ap_queue *queue_of(void *ctx, uint32_t qn)
{
    return queue_get(ctx, (ap_qn)qn);
}

static int ap_functions_show(void *ctx, uint32_t qn, struct text *out)
{
    struct ap_bus *b = ctx;
    uint64_t info;

    if (apqsw_rc(b->hw.ops->peek(b->hw.ctx, (ap_qn)qn, &info)) > AP_RC_BUSY)
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

int ap_queue_refuse(struct effects *fx, ap_qn qn, const char *file, int err, const char *why)
{
    return effects_refuse_at(fx, err, why, "%02x.%04x: %s", AP_QN_APID(qn), AP_QN_APQI(qn), file);
}

#define OVERRIDE_MAX 4095u /* bytes written, so that it can be read with a newline behind it */

static size_t line_length(const char *data, size_t len)
{
    const char *newline = memchr(data, '\n', len);

    return newline ? (size_t)(newline - data) : len;
}

/* Overrides and non-default masks are mutually exclusive, so that ownership has a single source
 * [bus-driver-override]. */
static int driver_override_store(void *ctx, uint32_t qn, const char *data, size_t len,
                                 struct effects *fx)
{
    struct ap_bus *b = ctx;
    struct mask256 ones = mask256_ones();

    if (!mask256_equal(&b->masks.apmask, &ones) || !mask256_equal(&b->masks.aqmask, &ones))
        return ap_queue_refuse(fx, (ap_qn)qn, "driver_override", -EINVAL,
                               "apmask and aqmask must be all ones before an override");
    if (len >= OVERRIDE_MAX)
        return ap_queue_refuse(fx, (ap_qn)qn, "driver_override", -EINVAL, "the name is too long");
    /* The name ends at the first newline or NUL. An empty name clears the override. */
    len = strnlen(data, len);
    override_set(b, (ap_qn)qn, data, line_length(data, len), fx);
    return 0;
}

static int interrupt_show(void *ctx, uint32_t qn, struct text *out)
{
    struct ap_bus *b = ctx;
    uint64_t info;
    bool enabled = b->hw.ops->peek(b->hw.ctx, (ap_qn)qn, &info) & APQSW_IRQ;

    text_adds(out, enabled ? "Interrupts enabled.\n" : "Interrupts disabled.\n");
    return 0;
}

static int pendingq_count_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%u\n", queue_of(ctx, qn)->pendingq_count);
    return 0;
}

static int requestq_count_show(void *ctx, uint32_t qn, struct text *out)
{
    text_addf(out, "%u\n", queue_of(ctx, qn)->requestq_count);
    return 0;
}

static int request_count_show(void *ctx, uint32_t qn, struct text *out)
{
    if (queue_of(ctx, qn)->initiated)
        text_addf(out, "%" PRIu64 "\n", queue_of(ctx, qn)->total_requests);
    else
        text_adds(out, "-\n");
    return 0;
}

static int request_count_store(void *ctx, uint32_t qn, const char *data, size_t len,
                               struct effects *fx)
{
    queue_of(ctx, qn)->total_requests = 0;
    return 0;
}

/* While requests are pending a timer is armed, which resets the queue if they are never
 * answered. */
static int reset_show(void *ctx, uint32_t qn, struct text *out)
{
    const struct ap_queue *q = queue_of(ctx, qn);

    if (q->sm_state != AP_SM_STATE_IDLE)
        text_adds(out, "Reset in progress.\n");
    else
        text_adds(out, q->pendingq_count ? "Reset Timer armed.\n" : "No Reset Timer set.\n");
    return 0;
}

static int reset_store(void *ctx, uint32_t qn, const char *data, size_t len, struct effects *fx)
{
    struct ap_bus *b = ctx;

    queue_of(b, qn)->sm_state = AP_SM_STATE_RESET_START;
    queue_restart(b, (ap_qn)qn);
    ap_flush_queue(b, (ap_qn)qn, fx);
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
    {"driver_override", 0644, .show = driver_override_show, .store = driver_override_store,
     .counted = true},
    {"interrupt", 0444, .show = interrupt_show},
    {"pendingq_count", 0444, .show = pendingq_count_show},
    {"request_count", 0644, .show = request_count_show, .store = request_count_store},
    {"requestq_count", 0444, .show = requestq_count_show},
    {"reset", 0644, .show = reset_show, .store = reset_store},
    {"uevent", 0644, .show = uevent_show, .store = uevent_store, .counted = true},
    {0},
};
