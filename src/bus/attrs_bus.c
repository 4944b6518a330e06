/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "base/synth.h"
#include "bus/internal.h"

/* Attributes of /sys/bus/ap [bus-attributes]. */

#define POLL_TIMEOUT_MAX UINT64_C(120000000000)

/* Only QCI reports the LPAR's masks. */
static int show_qci_mask(struct ap_bus *b, const struct mask256 *mask, struct text *out)
{
    if (b->qci.flags)
        return mask256_show(mask, out);
    text_adds(out, "not supported\n");
    return 0;
}

static int ap_adapter_mask_show(void *ctx, uint32_t object, struct text *out)
{
    struct ap_bus *b = ctx;

    return show_qci_mask(b, &b->qci.apm, out);
}

static int ap_usage_domain_mask_show(void *ctx, uint32_t object, struct text *out)
{
    struct ap_bus *b = ctx;

    return show_qci_mask(b, &b->qci.aqm, out);
}

static int ap_control_domain_mask_show(void *ctx, uint32_t object, struct text *out)
{
    struct ap_bus *b = ctx;

    return show_qci_mask(b, &b->qci.adm, out);
}

static int ap_domain_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%d\n", ((struct ap_bus *)ctx)->domain);
    return 0;
}

static int ap_domain_store(void *ctx, uint32_t object, const char *data, size_t len,
                           struct effects *fx)
{
    struct ap_bus *b = ctx;
    int domain;

    if (number_scan_int(data, len, 0, &domain) < 0 || domain < 0 ||
        domain > (int)ap_bus_max_domain(b) || !mask256_test(&b->masks.aqmask, (unsigned)domain))
        return effects_refuse(fx, -EINVAL, "ap_domain",
                              "expected a domain from 0 to %u whose bit is set in aqmask",
                              ap_bus_max_domain(b));
    b->domain = domain;
    effects_changed(fx, STATE_BUS, 0);
    return 0;
}

static int ap_max_domain_id_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%u\n", ap_bus_max_domain(ctx));
    return 0;
}

static int ap_max_adapter_id_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%u\n", ap_bus_max_adapter(ctx));
    return 0;
}

static int ap_interrupts_show(void *ctx, uint32_t object, struct text *out)
{
    struct ap_bus *b = ctx;

    text_addf(out, "%d\n", b->hw.ops->interrupts(b->hw.ctx));
    return 0;
}

static int config_time_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%d\n", ((struct ap_bus *)ctx)->config_time);
    return 0;
}

static int config_time_store(void *ctx, uint32_t object, const char *data, size_t len,
                             struct effects *fx)
{
    struct ap_bus *b = ctx;
    int seconds;

    if (number_scan_int(data, len, 10, &seconds) < 0 || seconds < 5 || seconds > 120)
        return effects_refuse(fx, -EINVAL, "config_time",
                              "expected a number of seconds from 5 to 120");
    b->config_time = seconds;
    effects_changed(fx, STATE_BUS, 0);
    return 0;
}

static int poll_thread_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%d\n", ((struct ap_bus *)ctx)->poll_thread);
    return 0;
}

static int poll_thread_store(void *ctx, uint32_t object, const char *data, size_t len,
                             struct effects *fx)
{
    struct ap_bus *b = ctx;
    bool on;

    if (number_parse_bool(data, len, &on) < 0)
        return effects_refuse(fx, -EINVAL, "poll_thread", NUMBER_SWITCH_WANTED);
    /* As in the kernel: with interrupts there is nothing to poll, so the thread does not start. */
    b->poll_thread = on && !b->hw.ops->interrupts(b->hw.ctx);
    effects_changed(fx, STATE_BUS, 0);
    return 0;
}

static int poll_timeout_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%" PRIu64 "\n", ((struct ap_bus *)ctx)->poll_timeout);
    return 0;
}

static int poll_timeout_store(void *ctx, uint32_t object, const char *data, size_t len,
                              struct effects *fx)
{
    struct ap_bus *b = ctx;
    uint64_t ns;
    int rc = number_parse_u64(data, len, 0, &ns);

    if (rc == 0 && ns > POLL_TIMEOUT_MAX)
        rc = -EINVAL;
    if (rc < 0)
        return effects_refuse(fx, rc, "poll_timeout",
                              "expected a number of nanoseconds up to %" PRIu64, POLL_TIMEOUT_MAX);
    b->poll_timeout = ns;
    effects_changed(fx, STATE_BUS, 0);
    return 0;
}

static int apmask_show(void *ctx, uint32_t object, struct text *out)
{
    return mask256_show(&((struct ap_bus *)ctx)->masks.apmask, out);
}

static int apmask_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    return mask_store(ctx, true, data, len, fx);
}

static int aqmask_show(void *ctx, uint32_t object, struct text *out)
{
    return mask256_show(&((struct ap_bus *)ctx)->masks.aqmask, out);
}

static int aqmask_store(void *ctx, uint32_t object, const char *data, size_t len,
                        struct effects *fx)
{
    return mask_store(ctx, false, data, len, fx);
}

static int scans_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%" PRIu64 "\n", ((struct ap_bus *)ctx)->scans);
    return 0;
}

static int scans_store(void *ctx, uint32_t object, const char *data, size_t len, struct effects *fx)
{
    ap_bus_scan(ctx, fx);
    return 0;
}

static int bindings_show(void *ctx, uint32_t object, struct text *out)
{
    struct ap_bus *b = ctx;

    text_addf(out, "%u/%u%s\n", b->bound_queues, b->queues,
              b->scans && b->bound_queues == b->queues ? " (complete)" : "");
    return 0;
}

static int bindings_complete_count_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%" PRIu64 "\n", ((struct ap_bus *)ctx)->bindings_complete_count);
    return 0;
}

static int features_show(void *ctx, uint32_t object, struct text *out)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {{AP_QCI_APSC, "APSC"},
                 {AP_QCI_APXA, "APXA"},
                 {AP_QCI_QACT, "QACT"},
                 {AP_QCI_RC8A, "RC8A"},
                 {AP_QCI_APSB, "APSB"}};
    struct ap_bus *b = ctx;
    size_t before = out->len;

    if (!b->qci.flags) {
        text_adds(out, "-\n");
        return 0;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (b->qci.flags & names[i].flag)
            text_addf(out, "%s%s", out->len > before ? " " : "", names[i].name);
    if (out->len > before)
        text_adds(out, "\n");
    return 0;
}

static int drivers_autoprobe_show(void *ctx, uint32_t object, struct text *out)
{
    text_addf(out, "%d\n", ((struct ap_bus *)ctx)->autoprobe);
    return 0;
}

static int drivers_autoprobe_store(void *ctx, uint32_t object, const char *data, size_t len,
                                   struct effects *fx)
{
    ((struct ap_bus *)ctx)->autoprobe = !len || data[0] != '0';
    effects_changed(fx, STATE_BUS, 0);
    return 0;
}

static int bus_uevent_store(void *ctx, uint32_t object, const char *data, size_t len,
                            struct effects *fx)
{
    return synth_store("bus/ap", "bus", "", data, len, fx);
}

static int drivers_probe_store(void *ctx, uint32_t object, const char *data, size_t len,
                               struct effects *fx)
{
    struct ap_bus *b = ctx;
    struct sysfs_dir device;

    if (device_find(b, data, len, &device) < 0)
        return effects_refuse(fx, -ENODEV, "drivers_probe", DEVICE_UNKNOWN);
    if (device.kind == SYSFS_CARD && b->cards[device.object].driver == AP_DRIVER_NONE)
        card_probe(b, device.object, fx);
    if (device.kind == SYSFS_QUEUE && queue_get(b, (ap_qn)device.object)->driver == AP_DRIVER_NONE)
        queue_probe(b, (ap_qn)device.object, fx);
    ap_bus_settle(b, fx);
    return 0;
}

const struct sysfs_attr bus_attrs[] = {
    {"ap_adapter_mask", 0444, .show = ap_adapter_mask_show},
    {"ap_control_domain_mask", 0444, .show = ap_control_domain_mask_show},
    {"ap_domain", 0644, .show = ap_domain_show, .store = ap_domain_store},
    {"ap_interrupts", 0444, .show = ap_interrupts_show},
    {"ap_max_adapter_id", 0444, .show = ap_max_adapter_id_show},
    {"ap_max_domain_id", 0444, .show = ap_max_domain_id_show},
    {"ap_usage_domain_mask", 0444, .show = ap_usage_domain_mask_show},
    {"apmask", 0644, .show = apmask_show, .store = apmask_store},
    {"aqmask", 0644, .show = aqmask_show, .store = aqmask_store},
    {"bindings", 0444, .show = bindings_show},
    {"bindings_complete_count", 0444, .show = bindings_complete_count_show},
    {"config_time", 0644, .show = config_time_show, .store = config_time_store},
    {"drivers_autoprobe", 0644, .show = drivers_autoprobe_show, .store = drivers_autoprobe_store},
    {"drivers_probe", 0200, .store = drivers_probe_store},
    {"features", 0444, .show = features_show},
    {"poll_thread", 0644, .show = poll_thread_show, .store = poll_thread_store},
    {"poll_timeout", 0644, .show = poll_timeout_show, .store = poll_timeout_store},
    {"scans", 0644, .show = scans_show, .store = scans_store},
    {"uevent", 0200, .store = bus_uevent_store, .counted = true},
    {0},
};

/* Parameters of the module, which is built in. As in the kernel `domain` is the one in use, and a
 * mask that was not given at its start is no text: those of a machine file count as written later
 * [files-modules]. */

static int mask_parameter_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "(null)\n");
    return 0;
}

static int pool_parameter_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "8\n");
    return 0;
}

static int poll_parameter_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "0\n");
    return 0;
}

static int useirq_parameter_show(void *ctx, uint32_t object, struct text *out)
{
    text_adds(out, "1\n");
    return 0;
}

static const struct sysfs_attr parameters[] = {
    {"apmask", 0444, .show = mask_parameter_show},
    {"aqmask", 0444, .show = mask_parameter_show},
    {"domain", 0444, .show = ap_domain_show},
    {"msgpool_min_items", 0400, .show = pool_parameter_show},
    {"poll_thread", 0444, .show = poll_parameter_show},
    {"useirq", 0444, .show = useirq_parameter_show},
    {0},
};
static const struct sysfs_attr old_parameters[] = {
    {"apmask", 0440, .show = mask_parameter_show},
    {"aqmask", 0440, .show = mask_parameter_show},
    {"domain", 0440, .show = ap_domain_show},
    {"poll_thread", 0440, .show = poll_parameter_show},
    {0},
};

void bus_module_register(struct ap_bus *b)
{
    const struct sysfs_attr *own = b->abi->message_pools ? parameters : old_parameters;

    sysfs_module_add(b->tree, &(struct sysfs_module){
                                  .name = "ap", .built_in = true, .parameters = own, .ctx = b});
}

static int root_uevent_show(void *ctx, uint32_t object, struct text *out)
{
    return 0;
}

static int root_uevent_store(void *ctx, uint32_t object, const char *data, size_t len,
                             struct effects *fx)
{
    return synth_store("devices/ap", "ap", "", data, len, fx);
}

const struct sysfs_attr bus_root_attrs[] = {
    {"uevent", 0644, .show = root_uevent_show, .store = root_uevent_store, .counted = true},
    {0},
};
