/* SPDX-License-Identifier: MIT */
/* Alternatives to a write to ap_config. */
#include <string.h>

#include "base/slice.h"
#include "plan/alternative.h"

struct config {
    struct mdev_info to;
    struct apcb wanted;
    struct mask256 zcrypt[2], taken[2]; /* by enum half: of APQNs that zcrypt or others have */
};

static bool parse(const char *value, struct apcb *out)
{
    struct mask256 *const masks[] = {&out->apm, &out->aqm, &out->adm};
    struct slice rest = {value, strlen(value)}, one;

    for (unsigned i = 0; i < 3; i++) {
        slice_cut(rest, ',', &one, &rest);
        if (mask256_parse_absolute(one.at, one.len, masks[i]) < 0)
            return false;
    }
    return true;
}

/* What both have; halves are empty if there is no APQN. */
static void shared_with(const struct mdev_info *m, const struct apcb *wanted, struct mask256 out[2])
{
    out[ADAPTER] = mask256_and(m->apm, wanted->apm);
    out[DOMAIN] = mask256_and(m->aqm, wanted->aqm);
    if (mask256_empty(&out[ADAPTER]) || mask256_empty(&out[DOMAIN]))
        out[ADAPTER] = out[DOMAIN] = (struct mask256){0};
}

/* Others give away adapters or domains; the steps go to the alternative, if there is one. */
static void add_others(const struct core *now, struct config *c, enum half h,
                       struct alternative *alternative)
{
    struct mdev_info m;
    uint32_t cursor = 0;

    while (core_mdev_next(now, &cursor, &m)) {
        struct mask256 shared[2];

        if (uuid_equal(&m.uuid, &c->to.uuid))
            continue;
        shared_with(&m, &c->wanted, shared);
        c->taken[h] = mask256_or(c->taken[h], shared[h]);
        if (alternative)
            alternative_unassign(alternative, &m, h, &shared[h]);
    }
}

static void find_conflicts(const struct core *now, struct config *c)
{
    mask256_for_each (apid, &c->wanted.apm) {
        struct mask256 row = mask256_and(core_default_row(now, apid), c->wanted.aqm);

        if (mask256_empty(&row))
            continue;
        mask256_set(&c->zcrypt[ADAPTER], apid);
        c->zcrypt[DOMAIN] = mask256_or(c->zcrypt[DOMAIN], row);
    }
    add_others(now, c, ADAPTER, NULL);
    add_others(now, c, DOMAIN, NULL);
}

/* zcrypt's masks and others make way, each for adapters or for domains. */
static void make_way(struct search *s, struct config *c)
{
    for (unsigned way = 0; way < 4; way++) {
        enum half mask = way & 1 ? DOMAIN : ADAPTER, others = way & 2 ? DOMAIN : ADAPTER;
        struct alternative one = {0};

        if ((mask256_empty(&c->zcrypt[mask]) && mask == DOMAIN) ||
            (mask256_empty(&c->taken[others]) && others == DOMAIN))
            continue;
        add_others(s->now, c, others, &one);
        if (!mask256_empty(&c->zcrypt[mask]))
            alternative_mask(&one, s->now, mask, &c->zcrypt[mask], false);
        alternative_try_write(s, &one);
    }
}

static struct mask256 up_to(struct mask256 m, unsigned max)
{
    for (unsigned id = mask256_next(&m, max + 1); id < AP_IDS; id = mask256_next(&m, id + 1))
        mask256_clear(&m, id);
    return m;
}

static void write_config(struct alternative *a, const char *path, const struct apcb *config)
{
    char apm[MASK256_TEXT], aqm[MASK256_TEXT], adm[MASK256_TEXT];
    text_auto value = {0};

    mask256_format(&config->apm, apm);
    mask256_format(&config->aqm, aqm);
    mask256_format(&config->adm, adm);
    text_addf(&value, "%s,%s,%s", apm, aqm, adm);
    alternative_write(a, value.data, "%s", path);
}

/* As much of it as is free, without the adapters or without the domains of which there are
 * conflicts. */
static void take_less(struct search *s, const struct config *c, enum half h)
{
    struct mask256 conflicts = mask256_or(c->zcrypt[h], c->taken[h]);
    struct alternative one = {0};
    struct apcb config = c->wanted;
    struct host_info host;

    core_host_info(s->now, &host);
    config.apm = up_to(config.apm, host.max_adapter);
    config.aqm = up_to(config.aqm, host.max_domain);
    config.adm = up_to(config.adm, host.max_domain);
    if (h == ADAPTER)
        config.apm = mask256_andnot(config.apm, conflicts);
    else
        config.aqm = mask256_andnot(config.aqm, conflicts);
    if (mask256_empty(&config.apm) || mask256_empty(&config.aqm))
        return;
    write_config(&one, s->write.path, &config);
    alternative_try(s, &one, NULL);
}

void alternatives_to_config(struct search *s, const struct mdev_info *m)
{
    struct config c = {.to = *m};
    bool conflicts;

    if (!parse(s->write.value, &c.wanted))
        return;
    find_conflicts(s->now, &c);
    make_way(s, &c);
    conflicts = !mask256_empty(&c.zcrypt[ADAPTER]) || !mask256_empty(&c.taken[ADAPTER]);
    take_less(s, &c, ADAPTER);
    if (conflicts)
        take_less(s, &c, DOMAIN);
}
