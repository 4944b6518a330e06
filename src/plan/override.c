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

static bool override_of(const struct core *core, ap_qn qn, struct saved *out)
{
    return saved_get(core, &(struct change){.kind = STATE_OVERRIDE, .id = qn}, out);
}

static bool same_override(const struct saved *a, const struct saved *b)
{
    return a->override.len == b->override.len &&
           memcmp(a->override.name, b->override.name, a->override.len) == 0;
}

/* It decides when a driver is bound the next time, so that is done at once. Nobody has the queue
 * meanwhile. */
static int override_write(struct trial *t, ap_qn qn, const char *name)
{
    char path[64], queue[AP_QN_TEXT];
    int rc = plan_unbind(t, qn);

    ap_qn_format(qn, queue);
    snprintf(path, sizeof path, "devices/ap/card%02x/%s/driver_override", AP_QN_APID(qn), queue);
    if (rc == 0 && *name == '\n')
        rc = trial_write(t, path, name, "queue %s goes by the masks again", queue);
    else if (rc == 0)
        rc = trial_write(t, path, name, "queue %s is reserved for %s", queue, name);
    return rc < 0 ? rc : plan_bind(t, qn);
}

static int override_set(struct trial *t, ap_qn qn)
{
    struct saved now, end;
    char name[sizeof((struct plan_step *)0)->value];

    if (!override_of(t->to, qn, &end) || end.override.len >= sizeof name ||
        (override_of(t->core, qn, &now) && same_override(&now, &end)))
        return 0;
    memcpy(name, end.override.name, end.override.len);
    name[end.override.len] = '\0';
    return override_write(t, qn, name);
}

static int override_clear(struct trial *t, ap_qn qn)
{
    struct saved now, end;

    if (!override_of(t->core, qn, &now) || override_of(t->to, qn, &end))
        return 0;
    return override_write(t, qn, "\n");
}

int plan_overrides(struct trial *t, bool set)
{
    int rc = 0;

    mask256_for_each (apid, &t->scene.adapters) {
        for (unsigned apqi = 0; apqi < AP_IDS && rc == 0; apqi++)
            rc = (set ? override_set : override_clear)(t, AP_QN(apid, apqi));
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
