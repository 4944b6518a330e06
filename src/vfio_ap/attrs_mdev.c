/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/synth.h"
#include "vfio_ap/internal.h"

/* Attributes of a mediated device [matrix-attributes]. The object is its slot. */

/* Adapters, domains and control domains differ only in mask, highest number and names. */
enum dimension { ADAPTER, DOMAIN, CONTROL_DOMAIN };

static struct mask256 *mask_of(struct apcb *a, enum dimension d)
{
    return d == ADAPTER ? &a->apm : d == DOMAIN ? &a->aqm : &a->adm;
}

static const char *const assign_names[] = {"assign_adapter", "assign_domain",
                                           "assign_control_domain"};
static const char *const unassign_names[] = {"unassign_adapter", "unassign_domain",
                                             "unassign_control_domain"};

/* In this order: -EINVAL, -ERANGE, -ENODEV above the highest number. */
static int id_parse(const struct vfio_ap *v, const struct mdev *m, enum dimension d,
                    const char *file, const char *data, size_t len, unsigned *out,
                    struct effects *fx)
{
    unsigned max = d == ADAPTER ? vfio_ap_max_adapter(v) : vfio_ap_max_domain(v);
    char why[96];
    uint64_t id;
    int rc = number_parse_u64(data, len, 0, &id);

    if (rc < 0)
        return mdev_refuse(m, file, rc, "expected a number such as 5 or 0x47", fx);
    if (id > max) {
        snprintf(why, sizeof why, "%llu is above the highest number, %u", (unsigned long long)id,
                 max);
        return mdev_refuse(m, file, -ENODEV, why, fx);
    }
    *out = (unsigned)id;
    return 0;
}

static int assign(void *ctx, uint32_t slot, enum dimension d, const char *data, size_t len,
                  struct effects *fx)
{
    struct vfio_ap *v = ctx;
    struct mdev *m = mdev_at(v, slot);
    struct apcb wanted = m->assigned;
    char what[48];
    unsigned id = 0;
    int rc = id_parse(v, m, d, assign_names[d], data, len, &id, fx);

    if (rc < 0)
        return rc;
    if (mask256_test(mask_of(&wanted, d), id))
        return 0;
    mask256_set(mask_of(&wanted, d), id);
    snprintf(what, sizeof what, "%s 0x%02x", assign_names[d], id);
    if (d != CONTROL_DOMAIN) {
        rc = assign_plan(v, m, &wanted, what, fx);
        if (rc < 0)
            return rc;
    }
    assign_commit(v, m, &wanted, fx);
    if (v->abi->recompute_always)
        mdev_refilter(v, m, MDEV_ALL, fx);
    else
        mdev_refilter(v, m, d == CONTROL_DOMAIN ? MDEV_CONTROLS : MDEV_QUEUES, fx);
    return 0;
}

static int unassign(void *ctx, uint32_t slot, enum dimension d, const char *data, size_t len,
                    struct effects *fx)
{
    struct vfio_ap *v = ctx;
    struct mdev *m = mdev_at(v, slot);
    struct apcb wanted = m->assigned, effective = m->effective;
    unsigned id = 0;
    int rc = id_parse(v, m, d, unassign_names[d], data, len, &id, fx);

    if (rc < 0)
        return rc;
    if (!mask256_test(mask_of(&wanted, d), id))
        return 0;
    mask256_clear(mask_of(&wanted, d), id);
    mask256_clear(mask_of(&effective, d), id);
    assign_commit(v, m, &wanted, fx);
    if (v->abi->recompute_always) {
        mdev_refilter(v, m, MDEV_ALL, fx);
        return 0;
    }
    m->stale = true;
    mdev_publish(v, m, effective, fx);
    return 0;
}

#define DEFINE_STORES(name, dimension)                                                             \
    static int assign_##name##_store(void *ctx, uint32_t slot, const char *data, size_t len,       \
                                     struct effects *fx)                                           \
    {                                                                                              \
        return assign(ctx, slot, dimension, data, len, fx);                                        \
    }                                                                                              \
    static int unassign_##name##_store(void *ctx, uint32_t slot, const char *data, size_t len,     \
                                       struct effects *fx)                                         \
    {                                                                                              \
        return unassign(ctx, slot, dimension, data, len, fx);                                      \
    }

DEFINE_STORES(adapter, ADAPTER)
DEFINE_STORES(domain, DOMAIN)
DEFINE_STORES(control_domain, CONTROL_DOMAIN)

static int control_domains_show(void *ctx, uint32_t slot, struct text *out)
{
    struct mdev *m = mdev_at(ctx, slot);

    mask256_for_each (id, &m->assigned.adm)
        text_addf(out, "%04x\n", id);
    return 0;
}

/* APQNs if both masks have bits set; if only one has, its ids with the other half empty
 * [matrix-format]. */
static void matrix_text(const struct vfio_ap *v, const struct apcb *a, struct text *out)
{
    char line[AP_QN_TEXT + 1];
    size_t before = out->len;

    mask256_for_each (apid, &a->apm) {
        mask256_for_each (apqi, &a->aqm) {
            ap_qn_format(AP_QN(apid, apqi), line);
            line[AP_QN_TEXT - 1] = '\n';
            text_add(out, line, AP_QN_TEXT);
        }
        if (mask256_empty(&a->aqm))
            text_addf(out, "%02x.\n", apid);
    }
    if (mask256_empty(&a->apm))
        mask256_for_each (apqi, &a->aqm)
            text_addf(out, ".%04x\n", apqi);
    if (v->abi->matrix_limit && out->len - before > v->abi->matrix_limit) {
        out->len = before + v->abi->matrix_limit;
        out->data[out->len] = '\0';
    }
}

static int matrix_show(void *ctx, uint32_t slot, struct text *out)
{
    matrix_text(ctx, &mdev_at(ctx, slot)->assigned, out);
    return 0;
}

static int guest_matrix_show(void *ctx, uint32_t slot, struct text *out)
{
    struct vfio_ap *v = ctx;
    struct mdev *m = mdev_at(v, slot);

    if (!m->guest && !v->abi->guest_matrix_always)
        return -ENODEV;
    matrix_text(v, &m->effective, out);
    return 0;
}

static int ap_config_show(void *ctx, uint32_t slot, struct text *out)
{
    struct apcb *a = &mdev_at(ctx, slot)->assigned;

    for (enum dimension d = ADAPTER; d <= CONTROL_DOMAIN; d++) {
        char text[MASK256_TEXT];

        mask256_format(mask_of(a, d), text);
        text_addf(out, "%s%c", text, d == CONTROL_DOMAIN ? '\n' : ',');
    }
    return 0;
}

#define AP_CONFIG_LEN                                                                              \
    201 /* three masks of 66 characters, two commas, a newline; the rest is ignored */

/* Three absolute masks, separated by commas or newlines. Anything after a third separator is
 * ignored. */
static int ap_config_parse(const char *data, size_t len, struct apcb *out)
{
    const char *at = data, *end = data + (len < AP_CONFIG_LEN ? len : AP_CONFIG_LEN);
    struct apcb parsed;

    for (enum dimension d = ADAPTER; d <= CONTROL_DOMAIN; d++) {
        const char *stop = at;

        if (at > end)
            return -EINVAL;
        while (stop < end && *stop != ',' && *stop != '\n')
            stop++;
        if (mask256_parse_absolute(at, (size_t)(stop - at), mask_of(&parsed, d)) < 0)
            return -EINVAL;
        at = stop + 1;
    }
    *out = parsed;
    return 0;
}

static bool beyond(const struct mask256 *m, unsigned max)
{
    return mask256_next(m, max + 1) < MASK256_BITS;
}

/* The guest is told of the adapters that go, of the domains that go, and then of the rest
 * [guests-notification]. */
static void withdraw_in_steps(struct vfio_ap *v, struct mdev *m, const struct apcb *wanted,
                              struct effects *fx)
{
    struct apcb rest = m->effective;

    rest.apm = mask256_and(rest.apm, wanted->apm);
    if (!apcb_equal(&rest, &m->effective))
        mdev_pass(v, m, rest, fx);
    rest.aqm = mask256_and(rest.aqm, wanted->aqm);
    if (!apcb_equal(&rest, &m->effective))
        mdev_pass(v, m, rest, fx);
}

/* Unlike assign_*, the highest numbers are checked last [matrix-ap-config]. */
static int ap_config_store(void *ctx, uint32_t slot, const char *data, size_t len,
                           struct effects *fx)
{
    struct vfio_ap *v = ctx;
    struct mdev *m = mdev_at(v, slot);
    struct apcb wanted;
    int rc;

    if (ap_config_parse(data, len, &wanted) < 0)
        return mdev_refuse(m, "ap_config", -EINVAL,
                           "expected three masks 0x...: adapters, domains and control domains", fx);
    rc = assign_plan(v, m, &wanted, "ap_config", fx);
    if (rc < 0)
        return rc;
    if (beyond(&wanted.apm, vfio_ap_max_adapter(v)) || beyond(&wanted.aqm, vfio_ap_max_domain(v)) ||
        beyond(&wanted.adm, vfio_ap_max_domain(v)))
        return mdev_refuse(m, "ap_config", -ENODEV, "a bit above the highest number is set", fx);
    if (v->abi->update_at_once)
        withdraw_in_steps(v, m, &wanted, fx);
    assign_commit(v, m, &wanted, fx);
    mdev_refilter(v, m, MDEV_ALL, fx);
    return 0;
}

static int remove_store(void *ctx, uint32_t slot, const char *data, size_t len, struct effects *fx)
{
    struct mdev *m = mdev_at(ctx, slot);
    uint64_t value;

    if (number_parse_u64(data, len, 0, &value) < 0)
        return mdev_refuse(m, "remove", -EINVAL, "expected 1", fx);
    return value ? mdev_remove(ctx, m, fx) : 0;
}

static const char *uevent_lines(const struct mdev *m)
{
    return m->unbound ? "" : "DRIVER=vfio_ap_mdev\n";
}

static int uevent_show(void *ctx, uint32_t slot, struct text *out)
{
    text_adds(out, uevent_lines(mdev_at(ctx, slot)));
    return 0;
}

static int uevent_store(void *ctx, uint32_t slot, const char *data, size_t len, struct effects *fx)
{
    struct mdev *m = mdev_at(ctx, slot);
    char path[96], uuid[UUID_TEXT];

    uuid_format(&m->uuid, uuid);
    snprintf(path, sizeof path, "devices/vfio_ap/matrix/%s", uuid);
    return synth_store(path, "mdev", uevent_lines(m), data, len, fx);
}

#define DRIVERS .visible = mdev_is_bound, .told = true
#define OWN     .visible = mdev_is_there, .told = true

const struct sysfs_attr mdev_attrs[] = {
    {"ap_config", 0644, DRIVERS, .show = ap_config_show, .store = ap_config_store},
    {"assign_adapter", 0200, DRIVERS, .store = assign_adapter_store},
    {"assign_control_domain", 0200, DRIVERS, .store = assign_control_domain_store},
    {"assign_domain", 0200, DRIVERS, .store = assign_domain_store},
    {"control_domains", 0444, DRIVERS, .show = control_domains_show},
    {"guest_matrix", 0444, DRIVERS, .show = guest_matrix_show},
    {"matrix", 0444, DRIVERS, .show = matrix_show},
    {"remove", 0200, OWN, .store = remove_store},
    {"uevent", 0644, OWN, .show = uevent_show, .store = uevent_store, .counted = true},
    {"unassign_adapter", 0200, DRIVERS, .store = unassign_adapter_store},
    {"unassign_control_domain", 0200, DRIVERS, .store = unassign_control_domain_store},
    {"unassign_domain", 0200, DRIVERS, .store = unassign_domain_store},
    {0},
};
