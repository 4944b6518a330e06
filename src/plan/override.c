/* SPDX-License-Identifier: MIT */
/* Drivers and driver overrides of queues, and settings of the bus. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/saved.h"
#include "plan/trial.h"

/* The queue's drivers now and in the end. False: they are the same, or there is no such queue. */
static bool drivers_differ(const struct trial *t, ap_qn qn, const char **now, const char **end)
{
    struct apqn_info a, b;

    core_apqn_info(t->core, qn, &a);
    core_apqn_info(t->to, qn, &b);
    *now = a.driver;
    *end = b.driver;
    if (!a.device || !b.device)
        return false;
    return a.driver && b.driver ? strcmp(a.driver, b.driver) != 0 : a.driver || b.driver;
}

static int bind_write(struct trial *t, ap_qn qn, const char *driver, bool bind)
{
    char path[64], queue[AP_QN_TEXT];

    ap_qn_format(qn, queue);
    snprintf(path, sizeof path, "bus/ap/drivers/%s/%s", driver, bind ? "bind" : "unbind");
    return trial_write(t, path, queue, "queue %s is %s %s", queue,
                       bind ? "bound to" : "unbound from", driver);
}

int plan_unbind(struct trial *t, ap_qn qn)
{
    const char *now, *end;

    return drivers_differ(t, qn, &now, &end) && now ? bind_write(t, qn, now, false) : 0;
}

int plan_bind(struct trial *t, ap_qn qn)
{
    const char *now, *end;

    return drivers_differ(t, qn, &now, &end) && end ? bind_write(t, qn, end, true) : 0;
}

int plan_loosen(struct trial *t, ap_qn qn)
{
    struct apqn_info now;

    core_apqn_info(t->core, qn, &now);
    return now.driver ? bind_write(t, qn, now.driver, false) : 0;
}

static bool override_of(const struct core *core, ap_qn qn, struct saved *out)
{
    return saved_get(core, &(struct change){.kind = STATE_OVERRIDE, .id = qn}, out);
}

static bool same_override(const struct saved *a, const struct saved *b)
{
    return a->override.len == b->override.len &&
           memcmp(a->override.name, b->override.name, a->override.len) == 0;
}

static int write_name(struct trial *t, ap_qn qn, const char *name)
{
    char path[64], queue[AP_QN_TEXT];

    ap_qn_format(qn, queue);
    snprintf(path, sizeof path, "devices/ap/card%02x/%s/driver_override", AP_QN_APID(qn), queue);
    if (*name == '\n')
        return trial_write(t, path, name, "queue %s goes by the masks again", queue);
    return trial_write(t, path, name, "queue %s is reserved for %s", queue, name);
}

/* What the queue has in the end: a name, or a newline. False: it has it already. */
static bool new_name(const struct trial *t, ap_qn qn, char *out, size_t room)
{
    struct saved now, end;
    bool has = override_of(t->core, qn, &now), gets = override_of(t->to, qn, &end);

    if (!has && !gets)
        return false;
    if (has && gets && same_override(&now, &end))
        return false;
    if (gets && end.override.len >= room)
        return false; /* plan_rest tells it */
    snprintf(out, room, "%.*s", gets ? (int)end.override.len : 1, gets ? end.override.name : "\n");
    return true;
}

static bool is_vfio(const struct core *core, ap_qn qn)
{
    struct apqn_info info;

    core_apqn_info(core, qn, &info);
    return info.driver && strcmp(info.driver, "vfio_ap") == 0;
}

/* Whether it is to be done before devices take queues, where masks stay. */
static bool reserves(const struct trial *t, ap_qn qn)
{
    struct apqn_info end;

    core_apqn_info(t->to, qn, &end);
    return is_vfio(t->to, qn) || (!end.zcrypt && !is_vfio(t->core, qn));
}

/* It decides when a driver is bound the next time, so that is done at once, unless a mask follows,
 * which does it. Nobody has the queue meanwhile. */
static int override_add(struct trial *t, ap_qn qn, enum event_kind event)
{
    bool by_mask = event == EVENT_OVERRIDES && t->scene.overrides == OVERRIDES_GO;
    char name[sizeof((struct plan_step *)0)->value];
    int rc = 0;

    if (!new_name(t, qn, name, sizeof name) ||
        (event == EVENT_OVERRIDES_RESERVE && !reserves(t, qn)))
        return 0;
    if (!by_mask)
        rc = plan_unbind(t, qn);
    if (rc == 0)
        rc = write_name(t, qn, name);
    return rc < 0 || by_mask ? rc : plan_bind(t, qn);
}

int plan_overrides(struct trial *t, enum event_kind event)
{
    int rc = 0;

    mask256_for_each (apid, &t->scene.adapters) {
        for (unsigned apqi = 0; apqi < AP_IDS && rc == 0; apqi++)
            rc = override_add(t, AP_QN(apid, apqi), event);
    }
    return rc;
}

static int setting(struct trial *t, const char *name, uint64_t now, uint64_t end)
{
    char path[32], value[24];

    if (now == end)
        return 0;
    snprintf(path, sizeof path, "bus/ap/%s", name);
    snprintf(value, sizeof value, "%" PRIu64, end);
    return trial_write(t, path, value, "%s becomes %s", name, value);
}

/* The default domain is not among them: Linux chooses it. */
int plan_settings(struct trial *t)
{
    struct change bus = {.kind = STATE_BUS, .tree = CORE_HOST_TREE};
    struct saved now, end;
    int rc;

    if (!saved_get(t->core, &bus, &now) || !saved_get(t->to, &bus, &end))
        return 0;
    rc = setting(t, "config_time", now.bus.config_time, end.bus.config_time);
    if (rc == 0)
        rc = setting(t, "poll_timeout", now.bus.poll_timeout, end.bus.poll_timeout);
    if (rc == 0)
        rc = setting(t, "poll_thread", now.bus.poll_thread, end.bus.poll_thread);
    if (rc == 0)
        rc = setting(t, "drivers_autoprobe", now.bus.autoprobe, end.bus.autoprobe);
    saved_done(&now);
    saved_done(&end);
    return rc;
}
