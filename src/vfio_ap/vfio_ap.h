/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_AP_VFIO_AP_H
#define APUS_VFIO_AP_VFIO_AP_H

#include "base/uuid.h"
#include "bus/bus.h"
#include "machine/guest.h"

/*
 * The vfio_ap driver: the matrix device, the mediated devices with their assignments, and the APCBs
 * of the guests that use them. An APQN is never assigned to two mediated devices, nor to a mediated
 * device and zcrypt.
 */
struct vfio_ap;
struct mdev;

/* A guest as vfio_ap knows it: its hardware state and its identity. */
struct vfio_ap_guest {
    struct guest hw;
    uint32_t number;
    const char *name;
    struct mdev *mdev; /* the device it uses; NULL: none */
    uint64_t config_changes, release_requests;
};

struct vfio_ap *vfio_ap_new(const struct abi *abi, struct sysfs_tree *tree);
void vfio_ap_free(struct vfio_ap *v);

/* The device number that stat(2) finds of the device nodes of VFIO; before, that of /dev/null. */
void vfio_ap_set_number(struct vfio_ap *v, unsigned major, unsigned minor);

/* Registers the driver. To be called once, before the bus scans. */
void vfio_ap_register(struct vfio_ap *v, struct ap_bus *bus, struct ap_hw hw);

/* The host starts anew: the devices go, which no guest has any more, and the driver says that it is
 * there. */
void vfio_ap_boot(struct vfio_ap *v, struct effects *fx);

/* NULL if there is none. */
struct mdev *vfio_ap_find(const struct vfio_ap *v, const struct uuid *uuid);

/*
 * A guest opens the device, as QEMU does with -device vfio-ap [guests-attach]. -EBUSY: in use by
 * another guest; -EPERM: the guest already has another mediated device; -EOPNOTSUPP: the guest's
 * CPU has no AP instructions; -ENODEV: the device was unbound from its driver.
 */
int vfio_ap_attach(struct vfio_ap *v, struct mdev *m, struct vfio_ap_guest *g, struct effects *fx);

/* The guest closes its device: its APCB is cleared and the queues are reset. No effect without a
 * device. */
void vfio_ap_detach(struct vfio_ap *v, struct vfio_ap_guest *g, struct effects *fx);

/* The guest's system was reset [guests-system-reset], so the queues that the driver has of its
 * device are reset, also those that are withheld. No effect without a device. -EIO: one of their
 * adapters is in standby or checkstop; the others are reset. */
int vfio_ap_reset(struct vfio_ap *v, const struct vfio_ap_guest *g);

/* The writer that waits for a removal with this token is gone. */
void vfio_ap_cancel(struct vfio_ap *v, uint64_t token, struct effects *fx);

/* For TIMER_ASK: asks guests again to release devices that are being removed. */
void vfio_ap_ask_again(struct vfio_ap *v, struct effects *fx);

unsigned vfio_ap_count(const struct vfio_ap *v);

/* Iterates over the mediated devices; *cursor is 0 at first. */
const struct mdev *vfio_ap_next(const struct vfio_ap *v, uint32_t *cursor);

/* The mediated device of an IOMMU group, or NULL. */
const struct mdev *vfio_ap_group(const struct vfio_ap *v, uint32_t group);

/* The mediated device to which the APQN is assigned, or NULL. */
const struct mdev *vfio_ap_owner(const struct vfio_ap *v, ap_qn qn);

const struct uuid *mdev_uuid(const struct mdev *m);
/* Somebody waits for its guest to release it [matrix-remove], or did. */
bool mdev_removing(const struct mdev *m);
/* It was unbound from its driver, and nobody uses it [matrix-unbind]. */
bool mdev_ungrouped(const struct mdev *m);
const struct apcb *mdev_assigned(const struct mdev *m);
/* What a guest has or would have: what is assigned, in the host's configuration, and usable
 * [guests-filter]. */
const struct apcb *mdev_effective(const struct mdev *m);
const struct vfio_ap_guest *mdev_guest(const struct mdev *m);
/* Whether what is effective is what the filter would make of the assignment now. */
bool vfio_ap_follows(const struct vfio_ap *v, const struct mdev *m);
/* A note of whoever defined the device: it is started at boot. */
bool mdev_autostart(const struct mdev *m);
void vfio_ap_set_autostart(struct vfio_ap *v, uint32_t slot, bool on);

/*
 * What outlives the daemon. A device comes back in its slot, with what its guest had. -EEXIST:
 * slot, UUID or one of the APQNs belongs to another device. vfio_ap_restore_guest: -ENODEV if there
 * is no free device in that slot, or the guest has no AP.
 */
const struct mdev *vfio_ap_at(const struct vfio_ap *v, uint32_t slot); /* NULL: none */
uint32_t mdev_slot(const struct mdev *m);
/* The first queue of effective that no guest can have of its device: it is not assigned, or another
 * driver has it. AP_APQNS: none. */
unsigned vfio_ap_misfit(const struct vfio_ap *v, const struct apcb *assigned,
                        const struct apcb *effective);
/* effective NULL: what the filter makes of assigned. */
int vfio_ap_restore(struct vfio_ap *v, uint32_t slot, const struct uuid *uuid,
                    const struct apcb *assigned, const struct apcb *effective, struct effects *fx);
/* The device that was restored in the slot is unbound. -EINVAL: something is assigned to it. */
int vfio_ap_restore_unbound(struct vfio_ap *v, uint32_t slot);
int vfio_ap_restore_guest(struct vfio_ap *v, uint32_t slot, struct vfio_ap_guest *g);

/* Queues of an adapter whose reset has not ended, and those to be zeroized once more then. */
struct vfio_ap_resets {
    struct mask256 unreset, again;
};

void vfio_ap_resets_get(const struct vfio_ap *v, unsigned apid, struct vfio_ap_resets *out);
void vfio_ap_resets_restore(struct vfio_ap *v, unsigned apid, const struct vfio_ap_resets *in);

/* The adapters whose resets have changed since the last call. */
struct mask256 vfio_ap_take_resets(struct vfio_ap *v);

#endif
