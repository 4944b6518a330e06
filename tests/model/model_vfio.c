/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "machine/guest.h"
#include "model.h"

/* Mediated devices, what is assigned to them, and the guests that use them [matrix-assign]
 * [guests-filter]. */

static bool has(const struct m_set *s, unsigned apid, unsigned apqi)
{
    return mask256_test(&s->apm, apid) && mask256_test(&s->aqm, apqi);
}

/* Two products intersect exactly if both of their sides do. */
static bool products_meet(const struct mask256 *a1, const struct mask256 *d1,
                          const struct mask256 *a2, const struct mask256 *d2)
{
    return mask256_intersects(a1, a2) && mask256_intersects(d1, d2);
}

static bool nothing(const struct m_set *s)
{
    return mask256_empty(&s->apm) && mask256_empty(&s->aqm) && mask256_empty(&s->adm);
}

static bool queue_passes(const struct model *m, unsigned apid, unsigned apqi)
{
    for (unsigned ai = 0; ai < APIDS; ai++)
        for (unsigned di = 0; di < APQIS; di++)
            if (apids[ai] == apid && apqis[di] == apqi)
                return m->bus.card[ai].queue[di].driver == M_VFIO;
    return false;
}

/* In the profile proposal guests do not get an adapter in standby [se-standby]. */
static bool adapter_passes(const struct model *m, unsigned apid)
{
    for (unsigned ai = 0; ai < APIDS; ai++)
        if (apids[ai] == apid)
            return !m->proposal || (m->bus.card[ai].present && model_configured(m, ai));
    return false;
}

/* [guests-filter] */
struct m_set model_filter(const struct model *m, const struct m_mdev *d)
{
    struct m_set s = {mask256_and(d->assigned.apm, m->host.apm),
                      mask256_and(d->assigned.aqm, m->host.aqm),
                      mask256_and(d->assigned.adm, m->host.adm)};
    struct mask256 all = s.apm;

    mask256_for_each (apid, &all) {
        bool passes = adapter_passes(m, apid);

        mask256_for_each (apqi, &s.aqm)
            passes &= queue_passes(m, apid, apqi);
        if (!passes)
            mask256_clear(&s.apm, apid);
    }
    return s;
}

/* [masks-in-use-scope]: the proposal checks whether an assigned APQN would change its owner; Linux
 * 7.2, whether a new bit is in use at all. */
bool model_veto(const struct model *m, bool adapters, const struct mask256 *wanted)
{
    struct mask256 ones = mask256_ones();

    for (int i = 0; i < MDEVS; i++) {
        const struct m_set *s = &m->mdev[i].assigned;
        struct mask256 apm, aqm;

        apm = adapters      ? mask256_andnot(*wanted, m->bus.apmask)
              : m->proposal ? m->bus.apmask
                            : ones;
        aqm = !adapters     ? mask256_andnot(*wanted, m->bus.aqmask)
              : m->proposal ? m->bus.aqmask
                            : ones;
        if (m->mdev[i].exists && products_meet(&s->apm, &s->aqm, &apm, &aqm))
            return true;
    }
    return false;
}

void model_pass(struct m_mdev *d, struct m_set shadow)
{
    d->asked &= memcmp(&d->shadow, &shadow, sizeof shadow) == 0;
    d->shadow = shadow;
}

void model_queue_bound(struct model *m, unsigned ai, unsigned di)
{
    for (int i = 0; i < MDEVS; i++)
        if (m->mdev[i].exists && has(&m->mdev[i].assigned, apids[ai], apqis[di]))
            m->mdev[i].refilter = true;
}

void model_queue_taken(struct model *m, unsigned ai, unsigned di)
{
    for (int i = 0; i < MDEVS; i++) {
        struct m_set rest = m->mdev[i].shadow;

        mask256_clear(&rest.apm, apids[ai]);
        if (m->mdev[i].exists && has(&m->mdev[i].shadow, apids[ai], apqis[di]))
            model_pass(&m->mdev[i], rest);
    }
}

/* The owner of one APQN: decided by its driver if the queue has one and an override, else by the
 * masks. */
static bool host_owns(const struct model *m, unsigned apid, unsigned apqi)
{
    for (unsigned ai = 0; ai < APIDS; ai++)
        for (unsigned di = 0; di < APQIS; di++) {
            const struct m_queue *q = &m->bus.card[ai].queue[di];

            if (apids[ai] == apid && apqis[di] == apqi && q->driver != M_NONE && *q->override)
                return q->driver == M_ZCRYPT;
        }
    return mask256_test(&m->bus.apmask, apid) && mask256_test(&m->bus.aqmask, apqi);
}

static bool host_owns_any(const struct model *m, const struct m_set *wanted)
{
    mask256_for_each (apid, &wanted->apm) {
        mask256_for_each (apqi, &wanted->aqm) {
            if (host_owns(m, apid, apqi))
                return true;
        }
    }
    return false;
}

/* [matrix-owned] and [matrix-shared]. */
static int may_have(const struct model *m, unsigned number, const struct m_set *wanted)
{
    if (host_owns_any(m, wanted))
        return -EADDRNOTAVAIL;
    for (unsigned i = 0; i < MDEVS; i++) {
        const struct m_set *other = &m->mdev[i].assigned;

        if (i != number && m->mdev[i].exists &&
            products_meet(&wanted->apm, &wanted->aqm, &other->apm, &other->aqm))
            return -EADDRINUSE;
    }
    return 0;
}

static unsigned highest(const struct model *m, bool adapter)
{
    return adapter ? m->apxa ? m->max_adapter : 63 : m->apxa ? m->max_domain : 15;
}

static struct mask256 *side(struct m_set *s, const char *attr)
{
    return strstr(attr, "adapter") ? &s->apm : strstr(attr, "control") ? &s->adm : &s->aqm;
}

/* [matrix-assign] */
static int assign(struct model *m, const struct step *s, bool add)
{
    struct m_mdev *d = &m->mdev[s->object];
    struct m_set wanted = d->assigned;
    bool control = strstr(s->attr, "control");
    uint64_t id;
    int rc = model_number(s->data, &id);

    if (rc < 0)
        return rc;
    if (id > highest(m, strstr(s->attr, "adapter")))
        return -ENODEV;
    if (mask256_test(side(&wanted, s->attr), (unsigned)id) == add)
        return 0;
    mask256_assign(side(&wanted, s->attr), (unsigned)id, add);
    rc = add && !control ? may_have(m, s->object, &wanted) : 0;
    if (rc < 0)
        return rc;
    d->assigned = wanted;
    if (!add)
        mask256_clear(side(&d->shadow, s->attr), (unsigned)id);
    else if (control)
        d->shadow.adm = mask256_and(wanted.adm, m->host.adm);
    else
        d->refilter = true;
    return 0;
}

static bool within(const struct mask256 *mask, unsigned max)
{
    mask256_for_each (bit, mask) {
        if (bit > max)
            return false;
    }
    return true;
}

/* [matrix-ap-config] */
static int ap_config(struct model *m, const struct step *s)
{
    struct m_set wanted;
    struct mask256 *masks[] = {&wanted.apm, &wanted.aqm, &wanted.adm};
    char line[202], *rest = line;
    int rc;

    snprintf(line, sizeof line, "%.201s", s->data);
    for (int i = 0; i < 3; i++) {
        const char *token = strsep(&rest, ",\n");

        if (!token || mask256_parse_absolute(token, strlen(token), masks[i]) < 0)
            return -EINVAL;
    }
    rc = may_have(m, s->object, &wanted);
    if (rc < 0)
        return rc;
    if (!within(&wanted.apm, highest(m, true)) || !within(&wanted.aqm, highest(m, false)) ||
        !within(&wanted.adm, highest(m, false)))
        return -ENODEV;
    m->mdev[s->object].assigned = wanted;
    m->mdev[s->object].refilter = m->mdev[s->object].recontrol = true;
    return 0;
}

static void destroy(struct m_mdev *d, struct m_outcome *out)
{
    if (d->token)
        out->replies[out->reply_count++] = d->token;
    *d = (struct m_mdev){.guest = -1, .life = d->life};
}

/* [matrix-remove] */
static int remove_device(struct model *m, const struct step *s, struct m_outcome *out)
{
    struct m_mdev *d = &m->mdev[s->object];
    uint64_t value;

    if (model_number(s->data, &value) < 0)
        return -EINVAL;
    if (!value)
        return 0;
    if (d->guest < 0) {
        destroy(d, out);
        return 0;
    }
    if (m->proposal || !s->token)
        return -EBUSY;
    d->removing = d->asked = true;
    d->token = s->token;
    m->guest[d->guest].asks++;
    return -EINPROGRESS;
}

/* [matrix-create]: 36 characters, or one more. */
static int create(struct model *m, const struct step *s)
{
    size_t len = strlen(s->data);

    if (len != 36 && len != 37)
        return -EINVAL;
    for (int i = 0; i < 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        if (hyphen ? s->data[i] != '-' : !isxdigit((unsigned char)s->data[i]))
            return -EINVAL;
    }
    for (unsigned i = 0; i < MDEVS; i++) {
        char uuid[37];

        world_uuid(i, uuid);
        if (strncasecmp(uuid, s->data, 36) != 0)
            continue;
        if (m->mdev[i].exists)
            return -EEXIST;
        m->mdev[i] = (struct m_mdev){.exists = true, .guest = -1, .life = ++m->lives};
    }
    return 0;
}

int model_vfio_store(struct model *m, const struct step *s, struct m_outcome *out)
{
    if (s->target == AT_TYPE)
        return create(m, s);
    if (s->object >= MDEVS || !m->mdev[s->object].exists || m->mdev[s->object].removing)
        return -ENOENT;
    if (strncmp(s->attr, "assign_", 7) == 0)
        return assign(m, s, true);
    if (strncmp(s->attr, "unassign_", 9) == 0)
        return assign(m, s, false);
    if (strcmp(s->attr, "ap_config") == 0)
        return ap_config(m, s);
    if (strcmp(s->attr, "remove") == 0)
        return remove_device(m, s, out);
    return strcmp(s->attr, "matrix") == 0 ? -EIO : -ENOENT;
}

/* [guests-attach] */
static int attach(struct model *m, struct m_guest *g, int index, uint64_t number)
{
    struct m_mdev *d;

    if (number >= MDEVS || !m->mdev[number].exists)
        return -ENODEV;
    d = &m->mdev[number];
    if (!(g->features & GUEST_AP))
        return -EOPNOTSUPP;
    if (g->mdev >= 0)
        return g->mdev == (int)number ? -EBUSY : -EPERM;
    if (d->guest >= 0)
        return -EBUSY;
    g->mdev = (int)number;
    d->guest = index;
    return 0;
}

static int start(struct model *m, const struct step *s, struct m_outcome *out)
{
    struct m_guest *g;
    unsigned number = 0;
    int rc = 0;

    if (s->object >= GUESTS)
        return -EINVAL;
    g = &m->guest[s->object];
    if (g->exists)
        return -EEXIST;
    if (m->lpar_connected)
        return -EBUSY;
    while (model_guest_by_number(m, number) >= 0)
        number++;
    *g = (struct m_guest){.exists = true,
                          .number = number,
                          .features = s->value & 0xf,
                          .mdev = -1,
                          .serial = ++m->serials};
    if (s->on)
        rc = attach(m, g, (int)s->object, s->value >> 4);
    if (rc < 0)
        *g = (struct m_guest){.mdev = -1};
    else
        out->value = number;
    return rc;
}

static void detach(struct model *m, struct m_guest *g, struct m_outcome *out)
{
    struct m_mdev *d = &m->mdev[g->mdev];

    g->mdev = -1;
    d->guest = -1;
    if (d->removing)
        destroy(d, out);
}

int model_guest_step(struct model *m, const struct step *s, struct m_outcome *out)
{
    struct m_guest *g;

    if (s->kind == STEP_START)
        return start(m, s, out);
    if (s->object >= GUESTS || !m->guest[s->object].exists)
        return -ENOENT;
    g = &m->guest[s->object];
    switch (s->kind) {
    case STEP_ATTACH:
        return attach(m, g, (int)s->object, s->value >> 4);
    case STEP_DETACH:
        if (g->mdev < 0)
            return -ENODEV;
        detach(m, g, out);
        return 0;
    case STEP_MIGRATE:
        return g->mdev < 0 || nothing(&m->mdev[g->mdev].assigned) ? 0 : -EBUSY;
    default:
        if (g->mdev >= 0)
            detach(m, g, out);
        *g = (struct m_guest){.mdev = -1};
        return 0;
    }
}
