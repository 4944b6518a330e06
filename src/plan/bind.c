/* SPDX-License-Identifier: MIT */
/* Alternatives to a write to bind or unbind of a driver, of a queue. */
#include <stdio.h>
#include <string.h>

#include "plan/alternative.h"

/* "bus/ap/drivers/NAME/bind": the name. */
static struct text driver_of(const struct plan_step *write)
{
    const char *name = write->path + strlen("bus/ap/drivers/");
    struct text out = {0};

    text_add(&out, name, strcspn(name, "/"));
    return out;
}

static bool is_bound(const struct search *s, const struct core *after)
{
    text_auto wanted = driver_of(&s->write);
    struct apqn_info q;
    ap_qn qn;

    if (ap_qn_parse(s->write.value, &qn) < 0)
        return false;
    core_apqn_info(after, qn, &q);
    return q.driver && strcmp(q.driver, wanted.data) == 0;
}

static void add_unbind(struct alternative *a, const struct apqn_info *q, const char *queue)
{
    if (q->driver)
        alternative_write(a, queue, "bus/ap/drivers/%s/unbind", q->driver);
}

/* Masks decide whose the queue is; then it is bound by itself, or after the write. */
static void by_masks(struct search *s, ap_qn qn, bool zcrypt, bool adapter, bool domain)
{
    for (int write = 0; write < 2; write++) {
        struct mask256 apid = {0}, apqi = {0};
        struct alternative one = {0};

        mask256_set(&apid, AP_QN_APID(qn));
        mask256_set(&apqi, AP_QN_APQI(qn));
        if (adapter)
            alternative_mask(&one, s->now, ADAPTER, &apid, zcrypt);
        if (domain)
            alternative_mask(&one, s->now, DOMAIN, &apqi, zcrypt);
        if (write)
            *alternative_step(&one, PLAN_WRITE) = s->write;
        alternative_try(s, &one, is_bound);
    }
}

/* Of this queue alone; only where the masks are all ones. */
static void by_override(struct search *s, ap_qn qn, const struct apqn_info *q, const char *driver)
{
    struct alternative one = {0};

    alternative_write(&one, driver, "devices/ap/card%02x/%s/driver_override", AP_QN_APID(qn),
                      s->write.value);
    add_unbind(&one, q, s->write.value);
    *alternative_step(&one, PLAN_WRITE) = s->write;
    alternative_try(s, &one, is_bound);
}

static void bind(struct search *s, ap_qn qn, const struct apqn_info *q, const char *driver)
{
    bool zcrypt = strcmp(driver, "vfio_ap") != 0;
    struct alternative one = {0};
    struct host_info host;

    core_host_info(s->now, &host);
    add_unbind(&one, q, s->write.value);
    *alternative_step(&one, PLAN_WRITE) = s->write;
    alternative_try(s, &one, is_bound);
    by_override(s, qn, q, driver);
    if (!zcrypt || !mask256_test(&host.apmask, AP_QN_APID(qn)))
        by_masks(s, qn, zcrypt, true, false);
    if (!zcrypt || !mask256_test(&host.aqmask, AP_QN_APQI(qn)))
        by_masks(s, qn, zcrypt, false, true);
    if (zcrypt)
        by_masks(s, qn, zcrypt, true, true);
}

void alternatives_to_bind(struct search *s, bool to_bind)
{
    text_auto driver = driver_of(&s->write);
    struct alternative one = {0};
    struct apqn_info q;
    ap_qn qn;

    if (ap_qn_parse(s->write.value, &qn) < 0)
        return;
    core_apqn_info(s->now, qn, &q);
    if (!q.device)
        return;
    if (to_bind) {
        bind(s, qn, &q, driver.data);
    } else if (q.driver) {
        add_unbind(&one, &q, s->write.value);
        alternative_try(s, &one, NULL);
    }
}
