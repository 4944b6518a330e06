/* SPDX-License-Identifier: MIT */
#include "core/query.h"

#include <errno.h>

#include "core/state.h"

void core_host_info(const struct core *c, struct host_info *out)
{
    const struct ap_qci *qci = ap_bus_qci(c->bus);
    const struct ap_masks *masks = ap_bus_masks(c->bus);

    *out = (struct host_info){.abi = machine_config(c->machine)->abi,
                              .apmask = masks->apmask,
                              .aqmask = masks->aqmask,
                              .apm = qci->apm,
                              .aqm = qci->aqm,
                              .adm = qci->adm,
                              .max_adapter = ap_bus_max_adapter(c->bus),
                              .max_domain = ap_bus_max_domain(c->bus),
                              .interrupts = machine_config(c->machine)->interrupts,
                              .scans = ap_bus_scans(c->bus),
                              .mdevs = vfio_ap_count(c->vfio_ap),
                              .identity = &machine_config(c->machine)->identity};
    for (unsigned i = 0; i < c->guest_slots; i++)
        out->guests += c->guests[i] != NULL;
}

void core_adapter_info(const struct core *c, unsigned apid, struct adapter_info *out)
{
    struct adapter_state s = machine_adapter(c->machine, apid);

    *out = (struct adapter_info){.config = machine_adapter_config(c->machine, apid),
                                 .installed = s.installed,
                                 .in_lpar = s.in_lpar,
                                 .online = s.online,
                                 .checkstopped = s.checkstopped,
                                 .device = ap_bus_card(c->bus, apid) != NULL};
}

void core_apqn_info(const struct core *c, ap_qn qn, struct apqn_info *out)
{
    const struct mdev *m = vfio_ap_owner(c->vfio_ap, qn);
    const struct ap_driver *driver = ap_bus_queue_driver(c->bus, qn);
    const struct ap_queue *queue = ap_bus_queue(c->bus, qn);

    *out = (struct apqn_info){.device = queue != NULL,
                              .deconfigured = queue && !queue->config,
                              .checkstopped = queue && queue->chkstop,
                              .zcrypt = ap_bus_owned_by_default(c->bus, qn),
                              .driver = driver ? driver->name : NULL,
                              .zeroized = machine_zeroize_count(c->machine, qn)};
    if (!m)
        return;
    out->assigned = true;
    out->mdev = *mdev_uuid(m);
    if (!mdev_guest(m))
        return;
    out->guest = mdev_guest(m)->name;
    out->in_use = apcb_has(&mdev_guest(m)->hw.apcb, qn);
}

struct ap_aqic core_queue_aqic(const struct core *c, ap_qn qn)
{
    return machine_queue_aqic(c->machine, qn);
}

struct ap_counts core_queue_counts(const struct core *c, ap_qn qn)
{
    return machine_queue_counts(c->machine, qn);
}

unsigned core_queue_pending(const struct core *c, ap_qn qn)
{
    return machine_queue_pending(c->machine, qn);
}

unsigned core_guest_pending(const struct core *c, const struct guest_info *guest)
{
    unsigned pending = 0;

    mask256_for_each (apid, &guest->apm)
        mask256_for_each (apqi, &guest->aqm)
            pending += machine_queue_pending(c->machine, AP_QN(apid, apqi));
    return pending;
}

bool core_queue_next(const struct core *c, uint32_t *cursor, ap_qn *out)
{
    return machine_queue_next(c->machine, cursor, out);
}

struct mdev_queues mdev_queues(const struct mdev_info *m)
{
    unsigned assigned = mask256_count(&m->apm) * mask256_count(&m->aqm);
    unsigned usable = mask256_count(&m->guest_apm) * mask256_count(&m->guest_aqm);

    return (struct mdev_queues){.plugged = m->guest ? usable : 0, .withheld = assigned - usable};
}

void core_queue_counts_restore(struct core *c, ap_qn qn, const struct ap_counts *counts)
{
    machine_queue_counts_restore(c->machine, qn, counts);
}

bool core_guest_counts_restore(struct core *c, const char *guest, const struct ap_counts *counts)
{
    struct core_guest *g = guest_by_name(c, guest);

    if (g)
        ap_counts_add(&g->v.hw.counts, counts);
    return g;
}

struct mask256 core_undriven_row(const struct core *c, unsigned apid)
{
    struct mask256 row = {0};

    for (unsigned apqi = 0; apqi < AP_IDS; apqi++) {
        const struct ap_driver *driver = ap_bus_queue_driver(c->bus, AP_QN(apid, apqi));

        if (ap_bus_queue(c->bus, AP_QN(apid, apqi)) && !(driver && driver->is_default))
            mask256_set(&row, apqi);
    }
    return row;
}

struct mask256 core_default_row(const struct core *c, unsigned apid)
{
    return ap_bus_default_row(c->bus, ap_bus_masks(c->bus), apid);
}

unsigned core_mdev_misfit(const struct core *c, const struct apcb *assigned,
                          const struct apcb *effective)
{
    return vfio_ap_misfit(c->vfio_ap, assigned, effective);
}

bool core_has_bus(const struct core *c, unsigned tree)
{
    return bus_of(c, tree);
}

bool core_has_queue(const struct core *c, unsigned tree, ap_qn qn)
{
    const struct ap_bus *b = bus_of(c, tree);

    return b && ap_bus_queue(b, qn);
}

struct ap_bindings core_expected_bindings(const struct core *c, unsigned tree, unsigned apid)
{
    const struct ap_bus *b = bus_of(c, tree);

    return b ? ap_bus_bindings_expected(b, apid) : (struct ap_bindings){0};
}

int core_find_file(const struct core *c, const char *path, sysfs_ino *out)
{
    return sysfs_resolve(&c->tree, path, out);
}

bool core_mdev_next(const struct core *c, uint32_t *cursor, struct mdev_info *out)
{
    const struct mdev *m = vfio_ap_next(c->vfio_ap, cursor);

    if (!m)
        return false;
    *out = (struct mdev_info){.group = *cursor - 1,
                              .uuid = *mdev_uuid(m),
                              .apm = mdev_assigned(m)->apm,
                              .aqm = mdev_assigned(m)->aqm,
                              .adm = mdev_assigned(m)->adm,
                              .guest_apm = mdev_effective(m)->apm,
                              .guest_aqm = mdev_effective(m)->aqm,
                              .guest_adm = mdev_effective(m)->adm,
                              .guest = mdev_guest(m) ? mdev_guest(m)->name : NULL,
                              .autostart = mdev_autostart(m),
                              .follows = vfio_ap_follows(c->vfio_ap, m)};
    return true;
}

const struct abi *core_abi(const struct core *c)
{
    return c->abi;
}

int core_group_mdev(const struct core *c, uint32_t group, struct uuid *out, bool *removing)
{
    const struct mdev *m = vfio_ap_group(c->vfio_ap, group);

    if (!m)
        return -ENODEV;
    *out = *mdev_uuid(m);
    *removing = mdev_removing(m);
    return 0;
}

static void guest_info(const struct core_guest *g, struct guest_info *out)
{
    *out = (struct guest_info){.number = g->v.number,
                               .name = g->name,
                               .features = g->v.hw.features,
                               .attached = g->v.mdev != NULL,
                               .connected = g->connected,
                               .process = g->process,
                               .apm = g->v.hw.apcb.apm,
                               .aqm = g->v.hw.apcb.aqm,
                               .adm = g->v.hw.apcb.adm,
                               .opened = g->opened,
                               .config_changes = g->v.config_changes,
                               .release_requests = g->v.release_requests,
                               .counts = g->v.hw.counts};
    if (g->v.mdev)
        out->mdev = *mdev_uuid(g->v.mdev);
}

bool core_guest_next(const struct core *c, uint32_t *cursor, struct guest_info *out)
{
    while (*cursor < c->guest_slots) {
        const struct core_guest *g = c->guests[(*cursor)++];

        if (g) {
            guest_info(g, out);
            return true;
        }
    }
    return false;
}

const char *core_guest_name(const struct core *c, unsigned number)
{
    const struct core_guest *g = guest_at(c, number);

    if (g)
        return g->name;
    return *c->stopped && c->stopped_number == number ? c->stopped : NULL;
}

int core_guest_info(const struct core *c, unsigned number, struct guest_info *out)
{
    const struct core_guest *g = guest_at(c, number);

    if (!g)
        return -ENOENT;
    guest_info(g, out);
    return 0;
}

int core_guest_find(const struct core *c, const char *name, struct guest_info *out)
{
    const struct core_guest *g = guest_by_name(c, name);

    return g ? core_guest_info(c, g->v.number, out) : -ENOENT;
}
