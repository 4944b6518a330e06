/* SPDX-License-Identifier: MIT */
/* Alternatives to a write to bind or unbind of a driver: of a queue, or of a card. */
#include <stdio.h>
#include <string.h>

#include "core/saved.h"
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

static void queue(struct search *s, ap_qn qn, bool to_bind, const char *driver)
{
    struct alternative one = {0};
    struct apqn_info q;

    core_apqn_info(s->now, qn, &q);
    if (!q.device)
        return;
    if (to_bind) {
        bind(s, qn, &q, driver);
    } else if (q.driver) {
        add_unbind(&one, &q, s->write.value);
        alternative_try(s, &one, NULL);
    }
}

/* Cards have one driver, whatever their type. */
#define CARD_DRIVER "cex4card"

static bool card_is_bound(const struct core *core, unsigned apid)
{
    struct saved card = {0};
    bool bound = saved_get_card(core, CORE_HOST_TREE, apid, &card) && card.card.bindings.card;

    saved_done(&card);
    return bound;
}

/* A card is bound, or, as its name was written to a driver of queues, all of its queues are. */
static bool is_card_bound(const struct search *s, const struct core *after)
{
    text_auto wanted = driver_of(&s->write);
    bool any = false, all = true;
    unsigned apid = 0;

    if (!alternative_card(s->write.value, &apid))
        return false;
    if (strcmp(wanted.data, CARD_DRIVER) == 0)
        return card_is_bound(after, apid);
    for (unsigned apqi = 0; apqi < AP_IDS; apqi++) {
        struct apqn_info q;

        core_apqn_info(after, AP_QN(apid, apqi), &q);
        any |= q.device;
        all &= !q.device || (q.driver && strcmp(q.driver, wanted.data) == 0);
    }
    return any && all;
}

/* Each queue of the card that the driver has, or to_bind: that it has not. */
static void each_queue(struct search *s, unsigned apid, bool to_bind, const char *driver)
{
    struct alternative one = {0};

    for (unsigned apqi = 0; apqi < AP_IDS; apqi++) {
        struct apqn_info q;
        char name[AP_QN_TEXT];
        bool has;

        core_apqn_info(s->now, AP_QN(apid, apqi), &q);
        has = q.driver && strcmp(q.driver, driver) == 0;
        if (!q.device || has == to_bind)
            continue;
        ap_qn_format(AP_QN(apid, apqi), name);
        add_unbind(&one, &q, name);
        if (to_bind)
            alternative_write(&one, name, "bus/ap/drivers/%s/bind", driver);
    }
    alternative_try(s, &one, to_bind ? is_card_bound : NULL);
}

/* What the card's own driver is asked for. */
static void card_itself(struct search *s, unsigned apid, bool to_bind)
{
    struct alternative one = {0};

    if (!card_is_bound(s->now, apid))
        return;
    alternative_write(&one, s->write.value, "bus/ap/drivers/" CARD_DRIVER "/unbind");
    if (to_bind)
        *alternative_step(&one, PLAN_WRITE) = s->write;
    alternative_try(s, &one, to_bind ? is_card_bound : NULL);
}

/* Who writes a card to a driver of queues wants the queues of that card. */
static void card_queues(struct search *s, unsigned apid, bool to_bind, const char *driver)
{
    bool zcrypt = strcmp(driver, "vfio_ap") != 0;
    struct alternative one = {0};
    struct mask256 id = {0};

    each_queue(s, apid, to_bind, driver);
    if (!to_bind)
        return;
    mask256_set(&id, apid);
    alternative_mask(&one, s->now, ADAPTER, &id, zcrypt);
    alternative_try(s, &one, is_card_bound);
}

void alternatives_to_bind(struct search *s, bool to_bind)
{
    text_auto driver = driver_of(&s->write);
    struct adapter_info a;
    unsigned apid;
    ap_qn qn;

    if (ap_qn_parse(s->write.value, &qn) == 0) {
        queue(s, qn, to_bind, driver.data);
        return;
    }
    if (!alternative_card(s->write.value, &apid))
        return;
    core_adapter_info(s->now, apid, &a);
    if (!a.device)
        return;
    if (strcmp(driver.data, CARD_DRIVER) == 0)
        card_itself(s, apid, to_bind);
    else
        card_queues(s, apid, to_bind, driver.data);
}
