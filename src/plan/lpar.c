/* SPDX-License-Identifier: MIT */
#include "plan/lpar.h"

#include <errno.h>

#include "base/list.h"

/* What an LPAR has, by enum lpar_kind. */
struct controls {
    struct mask256 has[3];
};

static const char *const kind_names[] = {
    [LPAR_ADAPTER] = "adapter", [LPAR_DOMAIN] = "domain", [LPAR_CONTROL_DOMAIN] = "control domain"};

static void controls_read(const struct core *core, struct controls *out)
{
    struct host_info host;

    core_host_info(core, &host);
    *out = (struct controls){{[LPAR_DOMAIN] = host.aqm, [LPAR_CONTROL_DOMAIN] = host.adm}};
    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct adapter_info a;

        core_adapter_info(core, apid, &a);
        mask256_assign(&out->has[LPAR_ADAPTER], apid, a.in_lpar);
    }
}

bool plan_lpar_same(const struct core *a, const struct core *b, struct text *what)
{
    struct controls x, y;

    controls_read(a, &x);
    controls_read(b, &y);
    for (unsigned kind = LPAR_ADAPTER; kind <= LPAR_CONTROL_DOMAIN; kind++) {
        if (mask256_equal(&x.has[kind], &y.has[kind]))
            continue;
        if (what)
            text_addf(what, "the LPAR's %ss", kind_names[kind]);
        return false;
    }
    return true;
}

static int hardware_differs(struct text *why, unsigned id, const char *what)
{
    text_addf(why, "adapter 0x%02x %s, and no step of a plan changes the machine's hardware", id,
              what);
    return -EINVAL;
}

int plan_lpar_check(const struct trial *t)
{
    if (core_abi(t->from) != core_abi(t->to)) {
        text_adds(t->why, "the profiles differ (abi in [machine]); no step changes a kernel");
        return -EINVAL;
    }
    for (unsigned id = 0; id < AP_IDS; id++) {
        struct adapter_info x, y;

        core_adapter_info(t->from, id, &x);
        core_adapter_info(t->to, id, &y);
        if (!x.installed && y.installed)
            return hardware_differs(t->why, id,
                                    "is not in the machine (the present state says so; "
                                    "if it is, add it there with lpar = no)");
        if (x.installed && !y.installed)
            return hardware_differs(t->why, id,
                                    "is taken out of the machine (to take it from the "
                                    "LPAR, keep its section with lpar = no)");
        if (x.installed && (x.config->type != y.config->type || x.config->mode != y.config->mode))
            return hardware_differs(t->why, id, "has another type");
    }
    return 0;
}

int plan_lpar_adapters(struct trial *t, const struct mask256 *adapters, bool on)
{
    struct plan_step step = {.kind = PLAN_SE_ADAPTER, .ids = *adapters, .on = on};
    text_auto what = {0};

    if (mask256_empty(adapters))
        return 0;
    text_addf(&what, "Support Element: adapter%s ", mask256_count(adapters) > 1 ? "s" : "");
    ap_list_format(adapters, &what);
    text_addf(&what, " configured %s", on ? "on" : "off");
    return trial_step(t, step, what.data);
}

struct mask256 plan_lpar_online(const struct core *core)
{
    struct mask256 online = {0};

    for (unsigned apid = 0; apid < AP_IDS; apid++) {
        struct adapter_info a;

        core_adapter_info(core, apid, &a);
        mask256_assign(&online, apid, a.in_lpar && a.online);
    }
    return online;
}

/* A usage domain is a control domain, too [se-usage-is-control]. */
static bool task_plan(struct trial *t, unsigned directions, struct plan_lpar *out)
{
    struct controls now, end;
    bool any = false;

    controls_read(t->core, &now);
    controls_read(t->to, &end);
    *out = (struct plan_lpar){0};
    for (unsigned kind = LPAR_ADAPTER; kind <= LPAR_CONTROL_DOMAIN; kind++) {
        struct mask256 *after = &out->after[kind];

        if (kind == LPAR_CONTROL_DOMAIN)
            end.has[kind] = mask256_or(end.has[kind], out->after[LPAR_DOMAIN]);
        if (directions & LPAR_REMOVE)
            out->removed[kind] = mask256_andnot(now.has[kind], end.has[kind]);
        if (directions & LPAR_ADD)
            out->added[kind] = mask256_andnot(end.has[kind], now.has[kind]);
        *after = mask256_or(mask256_andnot(now.has[kind], out->removed[kind]), out->added[kind]);
        any |= !mask256_equal(after, &now.has[kind]);
    }
    return any;
}

void plan_lpar_list(const struct mask256 ids[3], struct text *out)
{
    const char *before = "";

    for (unsigned kind = LPAR_ADAPTER; kind <= LPAR_CONTROL_DOMAIN; kind++) {
        if (mask256_empty(&ids[kind]))
            continue;
        text_addf(out, "%s%s%s ", before, kind_names[kind],
                  mask256_count(&ids[kind]) > 1 ? "s" : "");
        ap_list_format(&ids[kind], out);
        before = ", ";
    }
}

int plan_lpar_task(struct trial *t, unsigned directions)
{
    struct plan_step step = {.kind = PLAN_SE_LPAR};
    struct mask256 online = plan_lpar_online(t->core), wanted;
    text_auto removed = {0}, added = {0}, what = {0};
    int rc;

    if (!directions || !task_plan(t, directions, &step.lpar))
        return 0;
    plan_lpar_list(step.lpar.removed, &removed);
    plan_lpar_list(step.lpar.added, &added);
    text_adds(&what, "Support Element: the LPAR ");
    if (removed.len)
        text_addf(&what, "loses %s", removed.data);
    if (added.len)
        text_addf(&what, "%sgets %s", removed.len ? "; it " : "", added.data);
    rc = plan_lpar_adapters(t, &online, false);
    if (rc == 0)
        rc = trial_step(t, step, what.data);
    wanted = plan_lpar_online(t->to);
    wanted = mask256_and(wanted, step.lpar.after[LPAR_ADAPTER]);
    return rc < 0 ? rc : plan_lpar_adapters(t, &wanted, true);
}
