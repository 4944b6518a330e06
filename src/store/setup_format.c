/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "core/query.h"
#include "store/machine_keys.h"
#include "store/setup_keys.h"

/* Writing a core's state as a machine file. What is as after a start is left out. */

struct writing {
    const struct core *core;
    struct text *out;
    const struct machine_config *machine;
    struct saved fresh;              /* the bus of a machine that has just started */
    uint32_t next_group, next_guest; /* what an object without a number would get */
};

static void begin(const struct writing *w, const struct change *of, const char *word)
{
    const char *guest = of->tree == CORE_HOST_TREE ? NULL : core_guest_name(w->core, of->tree - 1u);

    text_adds(w->out, "\n[");
    if (guest) {
        text_adds(w->out, "guest ");
        setup_escape(guest, strlen(guest), w->out);
        text_adds(w->out, " ");
    }
    text_adds(w->out, word);
}

static void put_mask(const struct writing *w, const char *key, const struct mask256 *m)
{
    char text[MASK256_TEXT];

    mask256_format(m, text);
    text_addf(w->out, "%s = %s\n", key, text);
}

static void put_list(const struct writing *w, const char *key, const struct mask256 *m)
{
    if (!mask256_empty(m))
        ini_list_format(key, m, w->out);
}

static void write_bus(struct writing *w, const struct saved *s)
{
    const struct mask256 ones = mask256_ones();
    bool host = s->of.tree == CORE_HOST_TREE;

    size_t before = w->out->len, title;

    begin(w, &s->of, "bus]\n");
    title = w->out->len;
    if (!mask256_equal(&s->bus.masks.apmask, host ? &w->machine->apmask : &ones))
        put_mask(w, "apmask", &s->bus.masks.apmask);
    if (!mask256_equal(&s->bus.masks.aqmask, host ? &w->machine->aqmask : &ones))
        put_mask(w, "aqmask", &s->bus.masks.aqmask);
    if (s->bus.domain < AP_IDS)
        text_addf(w->out, "domain = %" PRIu32 "\n", s->bus.domain);
    if (!core_has_bus(w->core, s->of.tree))
        return;
    if (s->bus.config_time != w->fresh.bus.config_time)
        text_addf(w->out, "config-time = %" PRIu32 "\n", s->bus.config_time);
    if (s->bus.poll_thread != w->fresh.bus.poll_thread)
        text_addf(w->out, "poll-thread = %s\n", s->bus.poll_thread ? "yes" : "no");
    if (s->bus.poll_timeout != w->fresh.bus.poll_timeout)
        text_addf(w->out, "poll-timeout = %" PRIu64 "\n", s->bus.poll_timeout);
    if (s->bus.autoprobe != w->fresh.bus.autoprobe)
        text_addf(w->out, "autoprobe = %s\n", s->bus.autoprobe ? "yes" : "no");
    if (host && w->out->len == title)
        w->out->len = before;
}

static void write_override(struct writing *w, const struct saved *s)
{
    text_auto name = {0};
    char queue[AP_QN_TEXT];

    begin(w, &s->of, "queue ");
    ap_qn_format((ap_qn)s->of.id, queue);
    setup_escape(s->override.name, s->override.len, &name);
    text_addf(w->out, "%s]\ndriver-override = ", queue);
    for (size_t at = 0, n; at < name.len; at += n) {
        n = name.len - at < 200 ? name.len - at : 200;
        text_addf(w->out, "%s%.*s\n", at ? "    " : "", (int)n, name.data + at);
    }
}

/* What a scan would have bound otherwise, or not at all. */
static void write_bindings(struct writing *w, const struct saved *s)
{
    const struct ap_bindings *is = &s->card.bindings;
    struct ap_bindings scan = core_expected_bindings(w->core, s->of.tree, s->of.id);
    struct mask256 by_default = mask256_andnot(is->by_default, scan.by_default),
                   by_other = mask256_andnot(is->by_other, scan.by_other),
                   none = mask256_andnot(mask256_or(scan.by_default, scan.by_other),
                                         mask256_or(is->by_default, is->by_other));

    if (!is->card)
        text_adds(w->out, "bound = no\n");
    put_list(w, "unbound", &none);
    put_list(w, "zcrypt", &by_default);
    put_list(w, "vfio_ap", &by_other);
}

static void write_card(struct writing *w, const struct saved *s)
{
    begin(w, &s->of, "card ");
    text_addf(w->out, "0x%02x]\n", (unsigned)s->of.id);
    write_bindings(w, s);
    if (s->card.offline)
        text_adds(w->out, "offline = yes\n");
    if (s->card.offline && mask256_empty(&s->card.queues_offline))
        text_adds(w->out, "queues-offline =\n"); /* otherwise all of them are */
    put_list(w, "queues-offline", &s->card.queues_offline);
}

static void write_node(struct writing *w, const struct saved *s)
{
    begin(w, &s->of, "node ");
    setup_escape(s->node.name, s->node.len, w->out);
    text_adds(w->out, "]\n");
    put_mask(w, "ioctlmask", &s->node.ioctlmask);
    put_mask(w, "apmask", &s->node.apmask);
    put_mask(w, "aqmask", &s->node.aqmask);
    put_mask(w, "admask", &s->node.admask);
    text_addf(w->out, "minor = %" PRIu32 "\n", s->of.id);
}

/* Whether assigning it today would be refused. */
static bool needs_unchecked(const struct writing *w, const struct apcb *a)
{
    struct host_info host;
    bool refused = false;

    core_host_info(w->core, &host);
    mask256_for_each (apid, &a->apm) {
        struct mask256 row = core_default_row(w->core, apid);

        refused |= mask256_intersects(&row, &a->aqm);
    }
    return refused || mask256_next(&a->apm, host.max_adapter + 1) < MASK256_BITS ||
           mask256_next(&a->aqm, host.max_domain + 1) < MASK256_BITS ||
           mask256_next(&a->adm, host.max_domain + 1) < MASK256_BITS;
}

static void write_mdev(struct writing *w, const struct saved *s)
{
    char uuid[UUID_TEXT];

    uuid_format(&s->mdev.uuid, uuid);
    text_addf(w->out, "\n[mdev %s]\n", uuid);
    put_list(w, "adapters", &s->mdev.assigned.apm);
    put_list(w, "domains", &s->mdev.assigned.aqm);
    put_list(w, "control-domains", &s->mdev.assigned.adm);
    if (s->mdev.unbound)
        text_adds(w->out, "unbound = yes\n");
    if (s->mdev.autostart)
        text_adds(w->out, "autostart = yes\n");
    if (!s->mdev.follows) {
        ini_list_format("guest-adapters", &s->mdev.effective.apm, w->out);
        ini_list_format("guest-domains", &s->mdev.effective.aqm, w->out);
        ini_list_format("guest-control-domains", &s->mdev.effective.adm, w->out);
    }
    if (s->of.id != w->next_group++) {
        text_addf(w->out, "group = %" PRIu32 "\n", s->of.id);
        w->next_group = UINT32_MAX - UINT16_MAX; /* from here on each has its number */
    }
    if (needs_unchecked(w, &s->mdev.assigned))
        text_adds(w->out, "unchecked = yes\n");
}

static void write_guest(struct writing *w, const struct saved *s)
{
    struct guest_info guest;
    char uuid[UUID_TEXT];
    const char *comma = "";

    if (core_guest_info(w->core, s->of.id, &guest) < 0)
        return;
    text_adds(w->out, "\n[guest ");
    setup_escape(guest.name, strlen(guest.name), w->out);
    text_adds(w->out, "]\n");
    uuid_format(&guest.mdev, uuid);
    if (guest.attached)
        text_addf(w->out, "mdev = %s\n", uuid);
    if (guest.features != GUEST_FEATURES_ALL) {
        text_adds(w->out, "features = ");
        for (unsigned i = 0; setup_features[i]; i++) {
            if (guest.features >> i & 1) {
                text_addf(w->out, "%s%s", comma, setup_features[i]);
                comma = ",";
            }
        }
        text_adds(w->out, "\n");
    }
    if (s->of.id != w->next_guest++) {
        text_addf(w->out, "number = %" PRIu32 "\n", s->of.id);
        w->next_guest = UINT32_MAX - UINT16_MAX;
    }
}

static void write_fault(struct writing *w, const struct saved *s)
{
    text_addf(w->out, "\n[fault %" PRIu32 "]\nrule = %s\n", s->of.id, s->fault.rule);
    if (s->fault.left == FAULT_ALWAYS)
        text_adds(w->out, "left = always\n");
    else
        text_addf(w->out, "left = %" PRIu32 "\n", s->fault.left);
}

static void write_one(void *data, const struct change *of)
{
    static void (*const functions[STATE_KINDS])(struct writing *, const struct saved *) = {
        [STATE_BUS] = write_bus,    [STATE_OVERRIDE] = write_override, [STATE_CARD] = write_card,
        [STATE_NODE] = write_node,  [STATE_MDEV] = write_mdev,         [STATE_GUEST] = write_guest,
        [STATE_FAULT] = write_fault};
    struct writing *w = data;
    struct saved s;

    if (!functions[of->kind])
        return;
    if (saved_get(w->core, of, &s))
        functions[of->kind](w, &s);
    saved_done(&s);
}

/* The hardware, with the adapters that are check-stopped. */
static void write_machine(const struct writing *w)
{
    struct mask256 checkstopped = {0};
    struct adapter_info a;

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        core_adapter_info(w->core, apid, &a);
        mask256_assign(&checkstopped, apid, a.installed && a.checkstopped);
    }
    machine_sections_format(w->machine, &checkstopped, w->out);
}

static void get_fresh(struct saved *out)
{
    struct effects unheard = {0};
    struct machine_config config;
    struct core *core;

    machine_config_empty(&config);
    core = core_new(&config, &unheard);
    saved_get(core, &(struct change){.kind = STATE_BUS}, out);
    core_free(core);
    effects_done(&unheard);
}

void setup_format(const struct core *core, struct text *out)
{
    struct writing w = {.core = core, .out = out};
    struct saved machine;

    get_fresh(&w.fresh);
    saved_get(core, &(struct change){.kind = STATE_MACHINE}, &machine);
    w.machine = machine.machine;
    write_machine(&w);
    saved_each(core, write_one, &w);
}
