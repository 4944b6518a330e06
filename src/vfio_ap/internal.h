/* SPDX-License-Identifier: MIT */
#ifndef APUS_VFIO_AP_INTERNAL_H
#define APUS_VFIO_AP_INTERNAL_H

#include "base/slots.h"
#include "vfio_ap/vfio_ap.h"

/* Private to src/vfio_ap. */

#define MDEV_MAX  65536u
#define MDEV_NONE UINT32_MAX

/* Numbers of device nodes: of groups (the kernel picks one at load time), and minor numbers of
 * miscellaneous devices. */
#define VFIO_MAJOR  254
#define VFIO_MINOR  196
#define IOMMU_MINOR 1001 /* dynamic */

/* A unique directory; the ctx of its kind. */
struct fixed_dir {
    struct vfio_ap *v;
    const char *name;
    struct sysfs_dir parent;
    bool no_autoprobe; /* of a bus: as it was written */
};

struct mdev {
    struct uuid uuid;
    uint64_t id;             /* in vfio_ap.mdevs */
    uint32_t slot;           /* of id */
    uint32_t next_in_bucket; /* slot */
    struct apcb assigned;
    /* What a guest has or would have. mdev_publish copies it to the guest's own APCB. */
    struct apcb effective;
    struct apcb told_passed, told_withheld; /* as the log knows it */
    struct vfio_ap_guest *guest;
    struct apcb growing;   /* during a scan: what is assigned and has come to the host */
    bool pending;          /* what the guest gets is recomputed when the bus settles */
    bool stale;            /* perhaps effective is not what the filter would make now */
    bool interrupted;      /* a queue was taken away: the guest is notified even if it gets the
                            * queue back */
    uint32_t next_pending; /* slot */
    /* Of the writes to remove and unbind that wait for the release; 0: none. */
    uint64_t remove_token, unbind_token;
    bool unbound;   /* from its driver, or about to be: only the group is left */
    bool ungrouped; /* unbound, and nobody uses it: without an IOMMU group, too */
    bool removing;
    bool autostart;
};

struct vfio_ap {
    const struct abi *abi;
    struct sysfs_tree *tree;
    struct ap_bus *bus;
    struct ap_hw hw;
    const struct ap_driver *driver; /* as the bus knows it */
    struct slots mdevs;
    uint32_t *buckets; /* hash of the UUID to first slot */
    uint32_t bucket_count;
    /* Which APQNs are assigned: rows for fast intersection, and the slots of the owners, for
     * messages. */
    struct mask256 taken[AP_IDS];
    uint32_t owner[AP_APQNS];
    /* By adapter, queues whose reset has not ended, and those of them that must then be zeroized
     * once more. */
    struct mask256 unreset[AP_IDS], again[AP_IDS];
    unsigned unreset_count;
    struct mask256 resets_changed; /* adapters whose rows of unreset or again have changed */
    struct apcb host;              /* the LPAR's masks as of the last scan */
    uint32_t pending;              /* list of devices with deferred work; slot */
    bool unreported;               /* when the bus settles, the log says what guests have lost */
    struct fixed_dir fixed[SYSFS_KINDS];
    uint16_t groups_generation; /* of devices/virtual/vfio, which exists while a group does */
    unsigned group_count;
    unsigned major, minor; /* vfio_ap_set_number */
};

/* mdev.c: the life of a mediated device */
int mdev_create(struct vfio_ap *v, const struct uuid *uuid, struct effects *fx);
/* -EBUSY; -EINPROGRESS: the guest was asked to release the device, and the caller waits. */
int mdev_remove(struct vfio_ap *v, struct mdev *m, struct effects *fx);
int mdev_unbind(struct vfio_ap *v, struct mdev *m, struct effects *fx);
/* The guest has let go of a device that is being removed or unbound. */
void mdev_released(struct vfio_ap *v, struct mdev *m, struct effects *fx);

/* Logs a refused write to an attribute of the device. Returns err, a -errno. */
int mdev_refuse(const struct mdev *m, const char *file, int err, const char *why,
                struct effects *fx);

/* table.c */
void mdev_enter(struct vfio_ap *v, struct mdev *m);
void mdev_enter_at(struct vfio_ap *v, struct mdev *m, uint32_t slot); /* a free one */
void mdev_leave(struct vfio_ap *v, struct mdev *m);
struct mdev *mdev_at(const struct vfio_ap *v, uint32_t slot);
/* The device to which the queue is assigned, or NULL. */
struct mdev *mdev_owner(const struct vfio_ap *v, ap_qn qn);
/* What the guest gets is recomputed when the bus settles. */
void mdev_mark(struct vfio_ap *v, struct mdev *m);

/* conflicts.c: the APQNs for which a write is refused */
#define CONFLICTS_NAMED 4u
struct conflicts {
    unsigned count;
    ap_qn first[CONFLICTS_NAMED];
};
void conflicts_add(struct conflicts *c, unsigned apid, const struct mask256 *row);
void conflicts_describe(const struct vfio_ap *v, const struct conflicts *c, struct text *out);

/* assign.c: checks and commits a new assignment */
int assign_plan(const struct vfio_ap *v, const struct mdev *m, const struct apcb *wanted,
                const char *what, struct effects *fx);
void assign_commit(struct vfio_ap *v, struct mdev *m, const struct apcb *wanted,
                   struct effects *fx);
unsigned vfio_ap_max_adapter(const struct vfio_ap *v);
unsigned vfio_ap_max_domain(const struct vfio_ap *v);

/* filter.c: what is passed to the guest */
bool mdev_adapter_passable(const struct vfio_ap *v, const struct mdev *m, unsigned apid);
struct apcb mdev_filter(const struct vfio_ap *v, const struct mdev *m);
/* Makes wanted the effective masks: withdraws and resets what is not in it, passes what is new. */
void mdev_pass(struct vfio_ap *v, struct mdev *m, struct apcb wanted, struct effects *fx);
/* The same, and the log says what the guest has lost. */
void mdev_publish(struct vfio_ap *v, struct mdev *m, struct apcb wanted, struct effects *fx);
/* The same with what the filter makes now of adapters and domains, of control domains, or of both
 * (MDEV_*). */
#define MDEV_QUEUES   1u
#define MDEV_CONTROLS 2u
#define MDEV_ALL      (MDEV_QUEUES | MDEV_CONTROLS)
void mdev_refilter(struct vfio_ap *v, struct mdev *m, unsigned what, struct effects *fx);
/* mdev_pass for what has left the host, where nothing can be reset any more. */
void mdev_strip(struct mdev *m, struct apcb wanted, struct effects *fx);
/* withheld.c: the log says what the device's guest, if it has one, has not any more or does not get
 */
void mdev_report(const struct vfio_ap *v, struct mdev *m, struct effects *fx);
void vfio_ap_settle(void *ctx, struct effects *fx);

/*
 * reset.c [guests-queue-reset]. queue_reset zeroizes a queue that a guest may have used. Until that
 * has ended the queue is in v->unreset and its adapter is withheld. queue_reset_watch is for a
 * queue that someone else has reset, queue_reset_forget for one that is unbound from the driver.
 * queue_resets_look finds the resets that have ended and marks the devices for recomputation.
 */
void queue_reset(struct vfio_ap *v, ap_qn qn);
void queue_reset_watch(struct vfio_ap *v, ap_qn qn);
void queue_reset_forget(struct vfio_ap *v, ap_qn qn);
void queue_resets_look(struct vfio_ap *v);

/* attrs_mdev.c, attrs_matrix.c, dirs.c. Of a mediated device the driver's attributes are visible
 * while mdev_is_bound, the others while mdev_is_there. */
bool mdev_is_bound(void *ctx, uint32_t slot);
bool mdev_is_there(void *ctx, uint32_t slot);
extern const struct sysfs_attr mdev_attrs[], mdev_type_attrs[], matrix_attrs[];

static inline struct vfio_ap *vfio_ap_of(void *fixed)
{
    return ((struct fixed_dir *)fixed)->v;
}

void vfio_ap_register_dirs(struct vfio_ap *v);
/* dirs_vfio.c: directories, nodes and numbers of VFIO, and IOMMU groups */
void vfio_ap_register_vfio_dirs(struct vfio_ap *v);
void vfio_ap_register_nodes(struct vfio_ap *v); /* dirs_nodes.c */

#endif
