/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_AP_VFIO_AP_H
#define APUS_VFIO_AP_VFIO_AP_H

#include "base/uuid.h"
#include "bus/bus.h"
#include "machine/guest.h"

/*
 * The vfio_ap driver: the matrix device, mediated devices with what is assigned to them, and the
 * APCB of the guests that use them. No APQN is ever assigned to two mediated devices, and none to
 * zcrypt and a mediated device.
 */
struct vfio_ap;
struct mdev;

/* A guest as this layer knows it: what the hardware obeys, and who it is. */
struct vfio_ap_guest {
    struct guest hw;
    uint32_t number;
    const char *name;
    struct mdev *mdev; /* attached to; NULL: none */
    uint64_t config_changes, release_requests;
};

struct vfio_ap *vfio_ap_new(const struct abi *abi, struct sysfs_tree *tree);
void vfio_ap_free(struct vfio_ap *v);

/* Registers the driver; once, when the bus exists and before it scans. */
void vfio_ap_register(struct vfio_ap *v, struct ap_bus *bus, struct ap_hw hw);

/* NULL: there is none. */
struct mdev *vfio_ap_find(const struct vfio_ap *v, const struct uuid *uuid);

/*
 * A guest opens the device, as QEMU does with -device vfio-ap [guests-attach]. -EBUSY: another
 * guest has it; -EPERM: the guest has another mediated device; -EOPNOTSUPP: the guest's CPU has no
 * AP instructions.
 */
int vfio_ap_attach(struct vfio_ap *v, struct mdev *m, struct vfio_ap_guest *g, struct effects *fx);

/* The guest closes it: its APCB is cleared, the queues are reset. Nothing if it has none. */
void vfio_ap_detach(struct vfio_ap *v, struct vfio_ap_guest *g, struct effects *fx);

/* The guest's system was reset [guests-system-reset]: its queues are, too. Nothing if it has no
 * device. */
void vfio_ap_reset(struct vfio_ap *v, const struct vfio_ap_guest *g);

/* Someone who waited for a removal under token has gone away. */
void vfio_ap_cancel(struct vfio_ap *v, uint64_t token, struct effects *fx);

/* TIMER_ASK: guests are asked again to release devices that are being removed. */
void vfio_ap_ask_again(struct vfio_ap *v, struct effects *fx);

unsigned vfio_ap_count(const struct vfio_ap *v);

/* Walks the mediated devices with *cursor 0 at first. */
const struct mdev *vfio_ap_next(const struct vfio_ap *v, uint32_t *cursor);

/* The mediated device that has the APQN, or NULL. */
const struct mdev *vfio_ap_owner(const struct vfio_ap *v, ap_qn qn);

const struct uuid *mdev_uuid(const struct mdev *m);
const struct apcb *mdev_assigned(const struct mdev *m);
/* What a guest has, or would have: assigned, in the host's configuration and usable
 * [guests-filter]. */
const struct apcb *mdev_effective(const struct mdev *m);
const struct vfio_ap_guest *mdev_guest(const struct mdev *m);

#endif
