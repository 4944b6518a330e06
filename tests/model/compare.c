/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/guest.h"
#include "play.h"

/* Compares the visible state of the core with the model. */

/* Reading through the tree. */

static const struct sysfs_tree *tree_of(struct play *p, const struct m_guest *g)
{
    return core_tree(p->core, g ? g->number + 1 : CORE_HOST_TREE);
}

/* Compares an attribute's text; NULL: it must not exist. */
static bool reads(struct play *p, const struct sysfs_tree *t, struct sysfs_dir dir,
                  const char *attr, const char *wanted)
{
    text_auto got = {0}, path = {0};
    int rc = sysfs_show(t, sysfs_attr_ino(t, dir, attr), &got);

    if (rc < 0 ? !wanted && rc == -ENODEV : wanted && strcmp(got.len ? got.data : "", wanted) == 0)
        return true;
    sysfs_dir_path(t, dir, &path);
    return play_fail(p, "%s/%s reads (%d) \"%.300s\", the model says \"%.300s\"", path.data, attr,
                     rc, got.len ? got.data : "", wanted ? wanted : "(nothing there)");
}

static bool reads_bool(struct play *p, const struct sysfs_tree *t, struct sysfs_dir dir,
                       const char *attr, bool wanted)
{
    return reads(p, t, dir, attr, wanted ? "1\n" : "0\n");
}

static unsigned count_entries(const struct sysfs_tree *t, sysfs_ino dir, enum sysfs_type type)
{
    struct sysfs_entry e;
    uint64_t cursor = 0;
    unsigned n = 0;

    while (sysfs_next(t, dir, &cursor, &e) == 1)
        n += e.type == type && !e.device;
    return n;
}

static bool holds(struct play *p, const struct sysfs_tree *t, const char *path,
                  enum sysfs_type type, unsigned wanted)
{
    sysfs_ino dir;
    unsigned n;

    if (sysfs_resolve(t, path, &dir) < 0)
        return play_fail(p, "%s does not exist", path);
    n = count_entries(t, dir, type);
    return n == wanted || play_fail(p, "%s holds %u entries, the model says %u", path, n, wanted);
}

/* A directory exists under both of its names, and its driver link names driver. */
static bool device_names(struct play *p, const struct sysfs_tree *t, struct sysfs_dir dir,
                         const char *name, const char *driver)
{
    sysfs_ino ino = sysfs_dir_ino(t, dir);
    struct sysfs_entry e;
    text_auto target = {0};
    const char *last;

    if (sysfs_lookup(t, sysfs_dir_ino(t, (struct sysfs_dir){SYSFS_BUS_DEVICES, 0}), name, &e) < 0)
        return play_fail(p, "bus/ap/devices/%s is missing", name);
    if (sysfs_lookup(t, sysfs_parent(t, ino), name, &e) < 0 || e.ino != ino)
        return play_fail(p, "%s is missing below its parent", name);
    if (sysfs_lookup(t, ino, "driver", &e) < 0)
        return !driver || play_fail(p, "%s has no driver, the model says %s", name, driver);
    sysfs_readlink(t, e.ino, &target);
    last = strrchr(target.data, '/') + 1;
    if (!driver || strcmp(last, driver) != 0)
        return play_fail(p, "%s has driver %s, the model says %s", name, last,
                         driver ? driver : "none");
    return true;
}

/* Devices */

static const char *status_of(const struct model *m, unsigned ai, unsigned di)
{
    for (int i = 0; i < MDEVS; i++) {
        const struct m_mdev *d = &m->mdev[i];

        if (!mask256_test(&d->assigned.apm, apids[ai]) ||
            !mask256_test(&d->assigned.aqm, apqis[di]))
            continue;
        return d->guest >= 0 && mask256_test(&d->shadow.apm, apids[ai]) &&
                       mask256_test(&d->shadow.aqm, apqis[di])
                   ? "in use\n"
                   : "assigned\n";
    }
    return "unassigned\n";
}

static bool compare_queue(struct play *p, const struct sysfs_tree *t, const struct m_bus *b,
                          unsigned ai, unsigned di)
{
    struct sysfs_dir dir = {SYSFS_QUEUE, AP_QN(apids[ai], apqis[di])};
    const struct m_queue *q = &b->card[ai].queue[di];
    bool config = q->config, chkstop = q->chkstop;
    char name[AP_QN_TEXT], override[20];

    ap_qn_format(AP_QN(apids[ai], apqis[di]), name);
    snprintf(override, sizeof override, "%s\n", q->override);
    return device_names(p, t, dir, name,
                        q->driver == M_NONE ? NULL : model_driver_name(&b->card[ai], q->driver)) &&
           reads_bool(p, t, dir, "config", config) && reads_bool(p, t, dir, "chkstop", chkstop) &&
           reads(p, t, dir, "online",
                 q->driver != M_ZCRYPT                  ? NULL
                 : config && !chkstop && q->user_online ? "1\n"
                                                        : "0\n") &&
           reads(p, t, dir, "status", q->driver == M_VFIO ? status_of(&p->model, ai, di) : NULL) &&
           reads(p, t, dir, "driver_override", override);
}

static bool compare_card(struct play *p, const struct sysfs_tree *t, const struct m_bus *b,
                         unsigned ai)
{
    static const char *const modes[] = {"MODE=accel\n", "MODE=cca\n", "MODE=ep11\n"};
    const struct m_card *card = &b->card[ai];
    struct sysfs_dir dir = {SYSFS_CARD, apids[ai]};
    bool config = model_configured(&p->model, ai), chkstop = model_checkstopped(&p->model, ai);
    const char *driver = card->type >= 10 ? "cex4card" : card->type % 2 ? "cex2card" : "cex2acard";
    char name[8], event[120], type[8];

    snprintf(name, sizeof name, "card%02x", apids[ai]);
    snprintf(type, sizeof type, "%u\n", card->type);
    snprintf(event, sizeof event, "DEVTYPE=ap_card\n%s%s%sDEV_TYPE=%04X\nMODALIAS=ap:t%02X\n%s",
             card->bound ? "DRIVER=" : "", card->bound ? driver : "", card->bound ? "\n" : "",
             card->type, card->type, card->modeless ? "" : modes[card->mode]);
    return device_names(p, t, dir, name, card->bound ? driver : NULL) &&
           reads_bool(p, t, dir, "config", config) && reads_bool(p, t, dir, "chkstop", chkstop) &&
           reads(p, t, dir, "hwtype", type) && reads(p, t, dir, "uevent", event) &&
           reads(p, t, dir, "online",
                 !card->bound                              ? NULL
                 : config && !chkstop && card->user_online ? "1\n"
                                                           : "0\n");
}

static bool compare_masks(struct play *p, const struct sysfs_tree *t, const struct m_bus *b,
                          unsigned bound, unsigned queues)
{
    struct sysfs_dir bus = {SYSFS_BUS, 0};
    char apmask[MASK256_TEXT + 1], aqmask[MASK256_TEXT + 1], bindings[40], seconds[16];

    mask256_format(&b->apmask, apmask);
    mask256_format(&b->aqmask, aqmask);
    strcat(apmask, "\n");
    strcat(aqmask, "\n");
    snprintf(bindings, sizeof bindings, "%u/%u%s\n", bound, queues,
             bound == queues ? " (complete)" : "");
    snprintf(seconds, sizeof seconds, "%d\n", b->config_time);
    return reads(p, t, bus, "apmask", apmask) && reads(p, t, bus, "aqmask", aqmask) &&
           reads(p, t, bus, "bindings", bindings) && reads(p, t, bus, "config_time", seconds) &&
           reads_bool(p, t, bus, "drivers_autoprobe", b->autoprobe);
}

static bool compare_bus(struct play *p, const struct m_bus *b, const struct m_guest *g)
{
    const struct sysfs_tree *t = tree_of(p, g);
    unsigned cards = 0, queues = 0, bound = 0, passed = 0;

    for (unsigned ai = 0; ai < APIDS; ai++) {
        unsigned here = 0;
        char path[24];

        if (!b->card[ai].present)
            continue;
        cards++;
        if (!compare_card(p, t, b, ai))
            return false;
        for (unsigned di = 0; di < APQIS; di++) {
            const struct m_queue *q = &b->card[ai].queue[di];

            here += q->present;
            bound += q->driver != M_NONE;
            passed += q->driver == M_VFIO;
            if (q->present && !compare_queue(p, t, b, ai, di))
                return false;
        }
        queues += here;
        snprintf(path, sizeof path, "devices/ap/card%02x", apids[ai]);
        if (!holds(p, t, path, SYSFS_TYPE_DIR, here))
            return false;
    }
    return holds(p, t, "bus/ap/devices", SYSFS_TYPE_LINK, cards + queues) &&
           holds(p, t, "devices/ap", SYSFS_TYPE_DIR, cards) &&
           (g || holds(p, t, "bus/ap/drivers/vfio_ap", SYSFS_TYPE_LINK, passed + 1 /* module */)) &&
           compare_masks(p, t, b, bound, queues);
}

/* Mediated devices */

/* [matrix-format]: pairs, or the half that is assigned. Linux 7.2 has room for 4095 bytes. */
static void matrix_text(const struct model *m, const struct m_set *s, struct text *out)
{
    mask256_for_each (a, &s->apm) {
        mask256_for_each (d, &s->aqm)
            text_addf(out, "%02x.%04x\n", a, d);
        if (mask256_empty(&s->aqm))
            text_addf(out, "%02x.\n", a);
    }
    if (mask256_empty(&s->apm))
        mask256_for_each (d, &s->aqm)
            text_addf(out, ".%04x\n", d);
    text_adds(out, "");
    if (!m->proposal && out->len > 4095)
        out->data[4095] = '\0';
}

#define CONFIG_TEXT (3 * MASK256_TEXT + 1)

static void config_text(const struct m_set *s, char out[CONFIG_TEXT])
{
    mask256_format(&s->apm, out);
    strcat(out, ",");
    mask256_format(&s->aqm, out + strlen(out));
    strcat(out, ",");
    mask256_format(&s->adm, out + strlen(out));
    strcat(out, "\n");
}

static bool compare_texts(struct play *p, unsigned number)
{
    const struct m_mdev *d = &p->model.mdev[number];
    const struct sysfs_tree *t = tree_of(p, NULL);
    text_auto matrix = {0}, guest_matrix = {0}, control = {0};
    char config[CONFIG_TEXT], path[80] = "devices/vfio_ap/matrix/";
    struct sysfs_dir dir = {SYSFS_MDEV, 0};
    sysfs_ino ino;

    world_uuid(number, path + strlen(path));
    if (sysfs_resolve(t, path, &ino) < 0)
        return play_fail(p, "%s does not exist", path);
    dir.object = (uint32_t)ino;
    matrix_text(&p->model, &d->assigned, &matrix);
    matrix_text(&p->model, &d->shadow, &guest_matrix);
    mask256_for_each (bit, &d->assigned.adm)
        text_addf(&control, "%04x\n", bit);
    config_text(&d->assigned, config);
    if (d->removing)
        return holds(p, t, path, SYSFS_TYPE_FILE, 0) && holds(p, t, path, SYSFS_TYPE_LINK, 1);
    return reads(p, t, dir, "matrix", matrix.data) &&
           reads(p, t, dir, "guest_matrix",
                 p->model.proposal && d->guest < 0 ? NULL : guest_matrix.data) &&
           reads(p, t, dir, "control_domains", control.len ? control.data : "") &&
           reads(p, t, dir, "ap_config", config);
}

static bool same_set(struct play *p, const char *what, unsigned number, const struct mask256 *apm,
                     const struct mask256 *aqm, const struct mask256 *adm,
                     const struct m_set *wanted)
{
    struct m_set got = {*apm, *aqm, *adm};
    char is[CONFIG_TEXT], should[CONFIG_TEXT];

    if (mask256_equal(apm, &wanted->apm) && mask256_equal(aqm, &wanted->aqm) &&
        mask256_equal(adm, &wanted->adm))
        return true;
    config_text(&got, is);
    config_text(wanted, should);
    return play_fail(p, "%s %u is\n  %s, the model says\n  %s", what, number, is, should);
}

static bool compare_mdevs(struct play *p)
{
    const struct sysfs_tree *t = tree_of(p, NULL);
    struct mdev_info info;
    uint32_t cursor = 0;
    unsigned seen = 0, exist = 0, leaving = 0;

    while (core_mdev_next(p->core, &cursor, &info)) {
        const struct m_mdev *d = &p->model.mdev[info.uuid.bytes[15] & 0xf];
        unsigned number = info.uuid.bytes[15] & 0xf;

        if (number >= MDEVS || !d->exists)
            return play_fail(p, "mediated device %u exists, in the model it does not", number);
        seen++;
        if (!same_set(p, "assignment of device", number, &info.apm, &info.aqm, &info.adm,
                      &d->assigned) ||
            !same_set(p, "what a guest gets of device", number, &info.guest_apm, &info.guest_aqm,
                      &info.guest_adm, &d->shadow) ||
            !compare_texts(p, number))
            return false;
        if (!info.guest != (d->guest < 0) ||
            (info.guest && strcmp(info.guest, world_guest((unsigned)d->guest)) != 0))
            return play_fail(p, "device %u has guest %s", number, info.guest ? info.guest : "none");
    }
    for (int i = 0; i < MDEVS; i++) {
        exist += p->model.mdev[i].exists;
        leaving += p->model.mdev[i].exists && p->model.mdev[i].removing;
    }
    if (seen != exist)
        return play_fail(p, "%u mediated devices exist, the model says %u", seen, exist);
    return holds(p, t, "bus/mdev/devices", SYSFS_TYPE_LINK, exist - leaving) &&
           holds(p, t, "kernel/iommu_groups", SYSFS_TYPE_DIR, exist);
}

/* Guests */

static bool compare_guest(struct play *p, const struct guest_info *info, struct m_guest *g)
{
    struct m_set apcb = model_apcb(&p->model, g);

    if (info->number != g->number || info->features != g->features ||
        info->attached != (g->mdev >= 0))
        return play_fail(p, "guest %s differs: number %u, features %u, attached %d", info->name,
                         info->number, info->features, info->attached);
    if (info->release_requests != g->asks)
        return play_fail(p, "guest %s was asked %u times, the model says %u", info->name,
                         (unsigned)info->release_requests, (unsigned)g->asks);
    g->changes = info->config_changes; /* checked by means of the effects */
    return same_set(p, "APCB of guest", g->number, &info->apm, &info->aqm, &info->adm, &apcb) &&
           (!g->looked || g->connected || !(g->features & GUEST_AP) || compare_bus(p, &g->bus, g));
}

static bool compare_guests(struct play *p)
{
    struct guest_info info;
    uint32_t cursor = 0;
    unsigned seen = 0, exist = 0;

    while (core_guest_next(p->core, &cursor, &info)) {
        int i = model_guest_by_number(&p->model, info.number);

        seen++;
        if (i < 0)
            return play_fail(p, "guest %s runs, in the model it does not", info.name);
        if (!compare_guest(p, &info, &p->model.guest[i]))
            return false;
    }
    for (int i = 0; i < GUESTS; i++)
        exist += p->model.guest[i].exists;
    return seen == exist || play_fail(p, "%u guests run, the model says %u", seen, exist);
}

/* zcrypt nodes */

static bool compare_nodes(struct play *p)
{
    const struct sysfs_tree *t = tree_of(p, NULL);
    unsigned exist = 0;

    for (unsigned i = 0; i < NODES; i++) {
        const struct m_node *node = &p->model.node[i];

        /* A name that no directory shows. */
        exist += node->exists && strcmp(node->name, ".") != 0 && strcmp(node->name, "..") != 0;
        for (int k = 0; k < NODE_MASKS && node->exists; k++) {
            char mask[MASK256_TEXT + 1];

            mask256_format(&node->mask[k], mask);
            strcat(mask, "\n");
            if (!reads(p, t, (struct sysfs_dir){SYSFS_ZCRYPT_NODE, i}, node_masks[k], mask))
                return false;
        }
    }
    return holds(p, t, "class/zcrypt", SYSFS_TYPE_LINK, exist);
}

static bool compare_host(struct play *p)
{
    const struct model *m = &p->model;
    struct host_info info;

    core_host_info(p->core, &info);
    return same_set(p, "the LPAR, host", 0, &info.apm, &info.aqm, &info.adm, &m->host);
}

bool compare_all(struct play *p)
{
    return compare_host(p) && compare_bus(p, &p->model.bus, NULL) && compare_mdevs(p) &&
           compare_guests(p) && compare_nodes(p);
}
