/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine/guest.h"
#include "model.h"

/* Cards and queues, their drivers, and the masks [bus-scan] [bus-binding] [masks-owner]. */

const char *model_driver_name(const struct m_card *card, enum m_driver driver)
{
    if (driver == M_VFIO)
        return "vfio_ap";
    if (card->type >= 10)
        return "cex4queue";
    return card->type % 2 ? "cex2cqueue" : "cex2aqueue";
}

static const char *card_driver_name(const struct m_card *card)
{
    if (card->type >= 10)
        return "cex4card";
    return card->type % 2 ? "cex2card" : "cex2acard";
}

bool model_zcrypt_owns(const struct m_bus *b, unsigned ai, unsigned di)
{
    return mask256_test(&b->apmask, apids[ai]) && mask256_test(&b->aqmask, apqis[di]);
}

/* [bus-binding]: by type, then by override or by owner. */
static bool accepts(const struct m_bus *b, unsigned ai, unsigned di, enum m_driver driver)
{
    const struct m_card *card = &b->card[ai];
    const char *override = card->queue[di].override;

    if (driver == M_VFIO ? b->guest || card->type < 10 : card->modeless)
        return false;
    if (*override)
        return strcmp(override, model_driver_name(card, driver)) == 0;
    return model_zcrypt_owns(b, ai, di) == (driver == M_ZCRYPT);
}

static void bind_queue(struct model *m, struct m_bus *b, unsigned ai, unsigned di,
                       enum m_driver driver)
{
    struct m_queue *q = &b->card[ai].queue[di];

    q->driver = driver;
    q->stray = false;
    if (driver == M_ZCRYPT)
        q->user_online = q->runs = true;
    else
        model_queue_bound(m, ai, di);
}

static void unbind_queue(struct model *m, struct m_bus *b, unsigned ai, unsigned di)
{
    struct m_queue *q = &b->card[ai].queue[di];

    if (q->driver == M_VFIO)
        model_queue_taken(m, ai, di);
    if (q->driver != M_NONE)
        q->runs = false;
    q->driver = M_NONE;
}

static void probe_queue(struct model *m, struct m_bus *b, unsigned ai, unsigned di)
{
    if (accepts(b, ai, di, M_ZCRYPT))
        bind_queue(m, b, ai, di, M_ZCRYPT);
    else if (accepts(b, ai, di, M_VFIO))
        bind_queue(m, b, ai, di, M_VFIO);
}

static void bind_card(struct m_card *card)
{
    card->bound = card->user_online = true;
}

static void unbind_card(struct m_card *card)
{
    card->bound = false;
    for (unsigned di = 0; di < APQIS; di++) {
        struct m_queue *q = &card->queue[di];

        if (q->driver != M_ZCRYPT || q->stray)
            continue;
        q->stray = true;
        q->card_offline = !card->user_online;
    }
}

/* The machine as an operating system sees it. */
struct view {
    bool qci;
    unsigned max_adapter, max_domain;
    struct mask256 apm, aqm; /* its own masks; all ones without QCI, so that every queue is tried */
    bool tells;              /* TAPQ reports the mode of a queue */
    bool tells_enough;       /* for a device */
};

static struct m_set lpar(const struct model *m)
{
    struct m_set s = {.aqm = m->usage, .adm = m->control};

    for (int i = 0; i < APIDS; i++)
        if (m->adapter[i].type && m->adapter[i].in_lpar)
            mask256_set(&s.apm, apids[i]);
    return s;
}

static struct view view_of(const struct model *m, const struct m_guest *g)
{
    struct m_set l = lpar(m);
    struct view v = {true, m->max_adapter, m->max_domain, l.apm, l.aqm, true, true};

    if (g) {
        struct m_set apcb = model_apcb(m, g);

        v.qci = g->features & GUEST_APQCI;
        v.tells = g->features & GUEST_AP && g->features & GUEST_APFT;
        v.tells_enough = g->features & GUEST_AP && (v.tells || !m->proposal);
        v.apm = mask256_and(l.apm, apcb.apm);
        v.aqm = mask256_and(l.aqm, apcb.aqm);
    }
    if (!v.qci || !m->apxa || !v.max_adapter)
        v.max_adapter = 63;
    if (!v.qci || !m->apxa || !v.max_domain)
        v.max_domain = 15;
    return v;
}

static bool sees_queue(const struct view *v, unsigned ai, unsigned di)
{
    return v->tells_enough && apids[ai] <= v->max_adapter && apqis[di] <= v->max_domain &&
           mask256_test(&v->apm, apids[ai]) && mask256_test(&v->aqm, apqis[di]);
}

static bool sees_card(const struct model *m, const struct view *v, unsigned ai)
{
    unsigned type = m->adapter[ai].type;

    for (unsigned di = 0; di < APQIS; di++)
        if (sees_queue(v, ai, di) && type <= 14 && type >= (m->proposal ? 6 : 10))
            return true;
    return false;
}

static void remove_queue(struct model *m, struct m_bus *b, unsigned ai, unsigned di)
{
    struct m_queue *q = &b->card[ai].queue[di];

    unbind_queue(m, b, ai, di);
    *q = (struct m_queue){.life = q->life};
}

static void remove_card(struct model *m, struct m_bus *b, unsigned ai)
{
    for (unsigned di = 0; di < APQIS; di++) {
        if (b->card[ai].queue[di].present)
            remove_queue(m, b, ai, di);
    }
    b->card[ai].present = false;
    for (int i = 0; i < MDEVS && !b->guest; i++)
        m->mdev[i].device_change = true;
}

static void add_card(struct model *m, struct m_bus *b, unsigned ai, bool modeless)
{
    struct m_card *card = &b->card[ai];

    card->present = card->user_online = true;
    card->modeless = modeless;
    card->bound = b->autoprobe && !modeless;
    card->type = m->adapter[ai].type;
    card->mode = m->adapter[ai].mode;
    card->life = ++m->lives;
}

static void add_queue(struct model *m, struct m_bus *b, unsigned ai, unsigned di)
{
    b->card[ai].queue[di] =
        (struct m_queue){.present = true,
                         .user_online = true,
                         .life = ++m->lives,
                         .config = model_configured(m, ai),
                         .chkstop = model_checkstopped(m, ai),
                         .runs = model_configured(m, ai) && !model_checkstopped(m, ai)};
    if (b->autoprobe)
        probe_queue(m, b, ai, di);
}

/* [bus-scan]: Linux 7.2 reads the configuration in the scan after the one in which it saw a
 * checkstop appear or disappear. */
static void update_queue(const struct model *m, unsigned ai, struct m_queue *q)
{
    bool chkstop = model_checkstopped(m, ai);

    if (m->proposal || q->chkstop == chkstop)
        q->config = model_configured(m, ai);
    q->chkstop = chkstop;
}

static void devices_follow(struct model *m, struct m_bus *b, const struct view *v)
{
    for (unsigned ai = 0; ai < APIDS; ai++) {
        struct m_card *card = &b->card[ai];
        bool seen = sees_card(m, v, ai);

        if (card->present &&
            (!seen || card->type != m->adapter[ai].type || card->mode != m->adapter[ai].mode))
            remove_card(m, b, ai);
        if (seen && !card->present)
            add_card(m, b, ai, !v->tells);
        for (unsigned di = 0; di < APQIS && seen; di++) {
            if (card->queue[di].present && !sees_queue(v, ai, di))
                remove_queue(m, b, ai, di);
            if (card->queue[di].present)
                update_queue(m, ai, &card->queue[di]);
            else if (!card->queue[di].present && sees_queue(v, ai, di))
                add_queue(m, b, ai, di);
        }
    }
}

/* [guests-refilter]: added adapters of an old type do not count, as far as a domain that is added
 * with them tells the type. */
static struct m_set added(const struct model *m, const struct m_set *new, const struct m_set *old)
{
    struct m_set a = {mask256_andnot(new->apm, old->apm), mask256_andnot(new->aqm, old->aqm),
                      mask256_andnot(new->adm, old->adm)};

    for (unsigned ai = 0; ai < APIDS; ai++)
        if (m->adapter[ai].type < 10 && !mask256_empty(&a.aqm))
            mask256_clear(&a.apm, apids[ai]);
    return a;
}

void model_bus_follow(struct model *m, struct m_bus *b, const struct m_guest *g)
{
    struct view v = view_of(m, g);
    struct m_set old = m->host, new = lpar(m), plus;

    if (g) {
        devices_follow(m, b, &v);
        return;
    }
    m->host = new;
    for (int i = 0; i < MDEVS; i++) {
        const struct m_set *s = &m->mdev[i].shadow;

        model_pass(&m->mdev[i],
                   (struct m_set){mask256_and(s->apm, new.apm), mask256_and(s->aqm, new.aqm),
                                  mask256_and(s->adm, new.adm)});
    }
    devices_follow(m, b, &v);
    plus = added(m, &new, &old);
    for (int i = 0; i < MDEVS; i++) {
        const struct m_set *s = &m->mdev[i].assigned;

        m->mdev[i].refilter |=
            mask256_intersects(&s->apm, &plus.apm) || mask256_intersects(&s->aqm, &plus.aqm);
        m->mdev[i].recontrol |= mask256_intersects(&s->adm, &plus.adm);
    }
}

/* [masks-write] */
static int store_mask(struct model *m, struct m_bus *b, bool adapters, const char *data)
{
    struct mask256 *mask = adapters ? &b->apmask : &b->aqmask, wanted = *mask;

    for (unsigned ai = 0; ai < APIDS; ai++)
        for (unsigned di = 0; di < APQIS; di++)
            if (b->card[ai].queue[di].present && *b->card[ai].queue[di].override)
                return -EINVAL;
    if (mask256_parse(data, strlen(data), &wanted) < 0)
        return -EINVAL;
    if (mask256_equal(mask, &wanted))
        return 0;
    if (!b->guest && model_veto(m, adapters, &wanted))
        return m->proposal ? -EADDRINUSE : -EBUSY;
    *mask = wanted;
    for (unsigned ai = 0; ai < APIDS; ai++) {
        for (unsigned di = 0; di < APQIS; di++) {
            struct m_queue *q = &b->card[ai].queue[di];

            if (!q->present || (q->driver != M_NONE && accepts(b, ai, di, q->driver)))
                continue;
            /* 2.7: 7.2 takes no driver for one of zcrypt's. */
            if (!m->proposal && q->driver == M_NONE && model_zcrypt_owns(b, ai, di))
                continue;
            unbind_queue(m, b, ai, di);
            probe_queue(m, b, ai, di);
        }
    }
    return 0;
}

/* Finds a device of the bus by name; *di is APQIS for a card. */
static int find_device(const struct m_bus *b, const char *data, unsigned *ai, unsigned *di)
{
    for (*ai = 0; *ai < APIDS; ++*ai) {
        for (*di = 0; *di <= APQIS; ++*di) {
            char name[16], line[20];
            bool card = *di == APQIS;

            if (!b->card[*ai].present || (!card && !b->card[*ai].queue[*di].present))
                continue;
            if (card)
                snprintf(name, sizeof name, "card%02x", apids[*ai]);
            else
                snprintf(name, sizeof name, "%02x.%04x", apids[*ai], apqis[*di]);
            snprintf(line, sizeof line, "%s\n", name);
            if (strcmp(data, name) == 0 || strcmp(data, line) == 0)
                return 0;
        }
    }
    return -ENODEV;
}

static int probe_device(struct model *m, struct m_bus *b, const char *data)
{
    unsigned ai, di;

    if (find_device(b, data, &ai, &di) < 0)
        return -ENODEV;
    if (di == APQIS && !b->card[ai].bound && !b->card[ai].modeless)
        bind_card(&b->card[ai]);
    if (di < APQIS && b->card[ai].queue[di].driver == M_NONE)
        probe_queue(m, b, ai, di);
    return 0;
}

/* The kernel's sscanf does not accept a plus sign. */
static bool scan(const char *data, int *value)
{
    return data[strspn(data, " \t\n\v\f\r")] != '+' && sscanf(data, "%d", value) == 1;
}

static int switch_value(const char *data)
{
    int value;

    return scan(data, &value) && value >= 0 && value <= 1 ? value : -EINVAL;
}

static int store_bus(struct model *m, struct m_bus *b, const struct step *s)
{
    int number = -1;

    if (strcmp(s->attr, "apmask") == 0 || strcmp(s->attr, "aqmask") == 0)
        return store_mask(m, b, s->attr[1] == 'p', s->data);
    if (strcmp(s->attr, "scans") == 0) {
        for (int i = 0; i < GUESTS; i++)
            if (b == &m->guest[i].bus)
                model_guest_scans(m, i, 1);
        if (!b->guest)
            model_bus_follow(m, b, NULL);
        return 0;
    }
    if (strcmp(s->attr, "drivers_probe") == 0)
        return probe_device(m, b, s->data);
    if (strcmp(s->attr, "drivers_autoprobe") == 0) {
        b->autoprobe = s->data[0] != '0';
        return 0;
    }
    if (strcmp(s->attr, "config_time") != 0)
        return -ENOENT;
    if (!scan(s->data, &number) || number < 5 || number > 120)
        return -EINVAL;
    b->config_time = number;
    return 0;
}

/* Parses the name of a driver; is the device's type one of its own? */
static int store_driver(struct model *m, struct m_bus *b, const struct step *s)
{
    const char *name = driver_names[s->object];
    enum m_driver driver = strcmp(name, "vfio_ap") == 0 ? M_VFIO : M_ZCRYPT;
    bool bind = strcmp(s->attr, "bind") == 0, mine, has;
    unsigned ai, di;

    if ((driver == M_VFIO && b->guest) || (!m->proposal && strncmp(name, "cex2", 4) == 0))
        return -ENOENT;
    if (find_device(b, s->data, &ai, &di) < 0)
        return -ENODEV;
    if (di == APQIS) {
        mine = strcmp(name, card_driver_name(&b->card[ai])) == 0 && !b->card[ai].modeless;
        has = b->card[ai].bound;
    } else {
        mine = strcmp(name, model_driver_name(&b->card[ai], driver)) == 0 &&
               (driver == M_ZCRYPT ? !b->card[ai].modeless : b->card[ai].type >= 10);
        has = b->card[ai].queue[di].driver != M_NONE;
        if (!bind)
            mine &= b->card[ai].queue[di].driver == driver;
    }
    if (!mine || (!bind && !has))
        return -ENODEV;
    if (bind && has)
        return -EBUSY;
    if (bind && di < APQIS && !accepts(b, ai, di, driver))
        return -ENODEV;
    if (di == APQIS && bind)
        bind_card(&b->card[ai]);
    else if (di == APQIS)
        unbind_card(&b->card[ai]);
    else if (bind)
        bind_queue(m, b, ai, di, driver);
    else
        unbind_queue(m, b, ai, di);
    return 0;
}

static int store_card(struct model *m, struct m_bus *b, const struct step *s)
{
    struct m_card *card = &b->card[s->object];
    int value = switch_value(s->data);

    if (!card->present)
        return -ENOENT;
    if (strcmp(s->attr, "request_count") == 0)
        return 0;
    if (strcmp(s->attr, "config") == 0) {
        if (value < 0 || value == model_configured(m, s->object))
            return value < 0 ? value : 0;
        if (b->guest)
            return -EOPNOTSUPP;
        m->adapter[s->object].configured = value;
        m->changed = true;
        return 0;
    }
    if (!card->bound)
        return -ENOENT;
    if (value < 0)
        return value;
    if (value && (!model_configured(m, s->object) || model_checkstopped(m, s->object)))
        return -ENODEV;
    card->user_online = value;
    for (unsigned di = 0; di < APQIS; di++)
        if (card->queue[di].driver == M_ZCRYPT && !card->queue[di].stray)
            card->queue[di].user_online = value;
    return 0;
}

static int store_queue(struct model *m, struct m_bus *b, const struct step *s)
{
    struct m_card *card = &b->card[s->object / 16];
    struct m_queue *q = &card->queue[s->object % 16];
    struct mask256 ones = mask256_ones();
    int value = switch_value(s->data);

    if (!q->present)
        return -ENOENT;
    if (strcmp(s->attr, "request_count") == 0 || strcmp(s->attr, "reset") == 0)
        return 0;
    if (strcmp(s->attr, "driver_override") == 0) {
        if (!mask256_equal(&b->apmask, &ones) || !mask256_equal(&b->aqmask, &ones))
            return -EINVAL;
        snprintf(q->override, sizeof q->override, "%.*s", (int)strcspn(s->data, "\n"), s->data);
        return 0;
    }
    if (q->driver != M_ZCRYPT)
        return -ENOENT;
    if (value < 0)
        return value;
    if (value && (!model_configured(m, s->object / 16) || model_checkstopped(m, s->object / 16) ||
                  !q->config || q->chkstop))
        return -ENODEV;
    if (value && (q->stray ? q->card_offline : !card->user_online))
        return -EINVAL;
    q->user_online = value;
    return 0;
}

int model_bus_store(struct model *m, struct m_bus *b, const struct step *s)
{
    switch (s->target) {
    case AT_BUS:
        return store_bus(m, b, s);
    case AT_DRIVER:
        return store_driver(m, b, s);
    case AT_CARD:
        return store_card(m, b, s);
    case AT_QUEUE:
        return store_queue(m, b, s);
    default:
        return -ENOENT;
    }
}
